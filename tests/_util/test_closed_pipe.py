"""A command whose output nobody reads any more ends quietly, with what it did."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from strongpose._util.closed_pipe import CLOSED_PIPE
from strongpose.cli import VERBS


def piped(*arguments: object, lines: int = 0, both: bool = False) -> tuple[int, str, str]:
    """Status, the lines that were read before the pipe was closed, and what else was said on standard error."""
    command = [sys.executable, "-m", "strongpose.cli", *map(str, arguments)]
    error = subprocess.STDOUT if both else subprocess.PIPE
    environment = {**os.environ, "PYTHONUNBUFFERED": "1" if lines else ""}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=error, text=True, env=environment) as run:
        assert run.stdout is not None
        read = "".join(run.stdout.readline() for _ in range(lines))
        run.stdout.close()
        said = "" if run.stderr is None else run.stderr.read()
        return run.wait(timeout=120), read, said


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("data",), ("nonsense",)], ids=" ".join)
def test_what_is_told_about_the_command_line(arguments):
    assert piped(*arguments, both=True) == (CLOSED_PIPE, "", "")


@pytest.mark.parametrize("verb", [name for group in VERBS.values() for name in group])
def test_help_of_every_verb(verb):
    assert piped(*verb.split(), "--help") == (CLOSED_PIPE, "", "")


def test_work_that_was_done_is_kept(photos, tmp_path):
    status, first, said = piped("predict", photos, "--out", tmp_path, "--size", 161, lines=1)
    assert (status, said) == (CLOSED_PIPE, "")
    assert first.startswith("[1/4] ")
    assert len(list(tmp_path.glob("*.poses.json"))) in range(1, 4)


def test_messages_of_errors_that_nobody_reads(tmp_path):
    assert piped("evaluate", tmp_path / "no.json", "--images", tmp_path, both=True) == (CLOSED_PIPE, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_one_line():
    with open("/dev/full", "w") as full:
        run = subprocess.run(
            [sys.executable, "-m", "strongpose.cli", "--help"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert run.returncode == 1
    assert run.stderr == "strongpose: the output cannot be written (No space left on device)\n"
