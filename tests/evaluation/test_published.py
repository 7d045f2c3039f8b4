"""The table of published figures with ours below them."""

from __future__ import annotations

import math

from strongpose.evaluation import Metrics
from strongpose.evaluation.published import comparison

OURS = Metrics(0.441, 0.731, 0.433, 0.386, 0.552, 0.513, 0.8, 0.5, 0.4, math.nan)


def test_the_papers_rows_stand_beside_ours():
    lines = comparison("val2017", {"base, 561 px": OURS}).splitlines()
    assert lines[0].split() == ["COCO", "val2017", *"AP AP50 AP75 APM APL AR AR50 AR75 ARM ARL".split()]
    rows = {line[:30].strip(): line[30:].split() for line in lines[1:]}
    assert rows["StrongPose, ResNet-101"][:6] == ["0.690", "–", "–", "–", "–", "0.757"]
    assert rows["StrongPose, ResNet-152"][0] == "0.728"
    assert rows["base, 561 px"] == [
        *("0.441", "0.731", "0.433", "0.386", "0.552", "0.513", "0.800", "0.500", "0.400", "–"),
        *("measured", "now"),
    ]
    aps = [float(row[0]) for row in list(rows.values())[:-1]]
    assert aps == sorted(aps)
    assert len({line.index("–") for line in lines[1:-1]}) == 1  # the columns are straight


def test_the_test_set_has_rows_of_its_own():
    table = comparison("test-dev2017", {})
    assert [line.split("  ")[0] for line in table.splitlines()[1:]] == [
        "PersonLab, ResNet-152",
        "StrongPose, ResNet-101",
        "StrongPose, ResNet-152",
    ]
    assert "0.708" in table and "0.725" in table
    assert "measured now" not in table
