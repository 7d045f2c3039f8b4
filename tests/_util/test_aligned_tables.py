"""Tables for people."""

from __future__ import annotations

import pytest

from strongpose._util.tables import table


def test_columns_are_aligned_and_may_be_marked():
    assert table(("a", "bcd"), [("long", "1"), ("x", "22")]) == "a     bcd\nlong  1\nx     22"
    lines = ["| a   | b\\|c |", "| --- | ---- |", "| 1   | 2    |"]
    assert table(("a", "b|c"), [("1", "2")], markdown=True) == "\n".join(lines)


def test_a_header_alone_is_a_table():
    assert table(("a", "b"), []) == "a  b"


def test_rows_must_fit_the_header():
    with pytest.raises(ValueError):
        table(("a", "b"), [("1",)])
