"""Messages and progress on standard error: one line each, bars on terminals only, few lines in log files."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import suppress

import pytest

from strongpose._util import terminal
from strongpose._util.terminal import Progress, complain, say, time_left

CODE = """
import sys
from strongpose._util.terminal import Progress
with Progress("photos") as progress:
    for done in range(1, 4):
        progress(done, 3)
with Progress("B", "loading a.zip") as progress:
    progress(500_000, 2_000_000)
print("behind", file=sys.stderr)
"""


def on_a_terminal(code: str) -> tuple[str, bytes]:
    """What the code writes to a terminal of unknown size on standard error, and to standard output."""
    ours, theirs = os.openpty()
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        said = b""
        with suppress(OSError):  # which is how a terminal ends
            while data := os.read(ours, 4096):
                said += data
        os.close(ours)
        return said.decode(), process.communicate()[0]


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The time of what is shown, in seconds, to be set by tests."""
    now = [1000.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    return now


def test_messages_are_one_line_on_standard_error(capsys):
    assert complain(ValueError("a\nb")) == 1
    assert say("left out: \x1b[2J") is None
    assert capsys.readouterr() == ("", "strongpose: a\\nb\nstrongpose: left out: \\x1b[2J\n")


def test_a_terminal_has_a_bar_that_ends_before_what_follows():
    said, out = on_a_terminal(CODE)
    assert out == b""
    photos, loading, behind = said.replace("\r\n", "\n").split("\n")[:3]
    assert "3/3 photos" in photos.split("\r")[-1]
    assert loading.split("\r")[-1].startswith("loading a.zip: ") and "500k/2.00MB" in loading
    assert behind == "behind"


def test_a_log_has_a_line_every_ten_seconds_at_most(capsys, clock):
    with Progress("photos") as progress:
        for done in range(1, 241):
            clock[0] += 0.125
            progress(done, 241)
    out, said = capsys.readouterr()
    assert out == ""
    assert said.splitlines() == [
        f"{done}/241 photos,  8.00 photos/s, 00:{left} left" for done, left in ((80, 20), (160, 10), (240, "00"))
    ]


def test_the_rate_does_not_count_what_was_done_before(capsys, clock):
    progress = Progress("frames", "street.mp4")
    progress(1000)
    clock[0] += 20
    progress(1040)
    assert capsys.readouterr().err == "street.mp4: 1040 frames,  2.00 frames/s\n"


def test_short_work_leaves_logs_empty(capsys):
    with Progress("photos") as progress:
        progress(1, 1)
    assert capsys.readouterr() == ("", "")


def test_standard_error_may_be_any_file(monkeypatch, clock):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    progress = Progress("photos")
    progress(1, 9)
    clock[0] += 11
    progress(2, 9)
    assert sys.stderr.getvalue().count("\n") == 1


def test_the_time_left_is_told_once_it_can_be_judged():
    assert time_left(1, 100, 9.9) == "" and time_left(100, 100, 500.0) == ""
    assert time_left(20, 100, 20.0) == "; 01:20 left"
    assert time_left(1, 1001, 10.0) == "; 2:46:40 left"
