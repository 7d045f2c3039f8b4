"""Benchmark scripts whose input is missing end with one line that names it."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
COMMANDS = [
    "body_regions.py nope.json",
    "decoder.py ablation nope.json",
    "determinism.py nope",
    "errors.py nope.json",
    "motion_words.py nope.avi --data nope",
    "oracle.py nope.json",
    "throughput.py nope",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_missing_input_is_one_line(tmp_path, monkeypatch, command):
    script, *arguments = command.split()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setattr(sys, "argv", [str(BENCHMARKS / script), *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(BENCHMARKS / script), run_name="__main__")
    message = ended.value.code
    assert message.startswith(f"{script}: ")
    assert "nope" in message
    assert "\n" not in message


def test_every_script_tells_errors_in_one_line():
    for path in BENCHMARKS.glob("*.py"):
        _, is_script, end = path.read_text(encoding="utf-8").partition('\nif __name__ == "__main__":\n')
        assert not is_script or path.name == "pages.py" or "with errors_in_one_line():" in end, path.name
