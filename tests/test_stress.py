"""The command that tries to break everything: its time is shared out, and what breaks, hangs or is missing is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "stress"))

import run
from run import PARTS, Part, run_parts

STRESS = Path(__file__).parents[1] / "stress"
SCRIPT = "import sys, time; time.sleep({}); print('a detail'); print(*sys.argv[1:]); sys.exit({})"


@pytest.fixture
def part(tmp_path):
    """Makes a part that sleeps and ends with a status."""

    def make(name, share=1.0, sleep=0.0, status=0, **needs):
        path = tmp_path / f"{name}.py"
        path.write_text(SCRIPT.format(sleep, status))
        return Part(path, share, **needs)

    return make


def granted(outcome):
    """Seconds that a part was given."""
    return float(outcome.line.split()[0].removeprefix("--seconds="))


def test_parts_share_the_time_that_those_before_left(part):
    parts = [part("first", 3), part("second", 1), part("lacking", 4, modules=("no_such_module",)), part("third", 1)]
    first, second, lacking, third = run_parts(parts, 100, seed=7)
    assert 59 < granted(first) <= 60, "the part that is skipped takes no share"
    assert 48 < granted(second) <= 50 and 97 < granted(third) <= 100
    assert first.line.endswith("--seed=7") and first.said.startswith("a detail\n")
    assert [one.verdict for one in (first, second, lacking, third)] == ["held", "held", "skipped", "held"]


def test_what_is_missing_breaks_or_hangs_is_told(part):
    parts = [part("lacking", programs=("no-such-program",), remedy="pip install it"), part("broken", status=1)]
    parts += [part("endless", sleep=60), part("late")]
    lacking, broken, endless, late = run_parts(parts, 0, seed=0, patience=1.0)
    assert (lacking.verdict, lacking.line) == ("skipped", "needs no-such-program: pip install it")
    assert (broken.verdict, "a detail" in broken.said) == ("FAILED", True)
    assert (endless.verdict, endless.line) == ("FAILED", "did not end 1 s after its time")
    assert (late.verdict, granted(late)) == ("held", 0.0)


STARTER = """
import pathlib, subprocess, sys, tempfile, time
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
pathlib.Path({!r}).write_text(str(child.pid))
(pathlib.Path(tempfile.mkdtemp()) / "file").touch()
time.sleep(600)
"""
"""A part that starts a process in a session of its own, makes a folder, and does not end."""


@pytest.fixture
def starter(tmp_path, monkeypatch):
    """Such a part, and the file with the process's id."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    script, number = tmp_path / "starter.py", tmp_path / "number"
    script.write_text(STARTER.format(str(number)))
    return Part(script, 1), number


def is_left(number, tmp_path):
    """Whether the part's process or a folder remains."""
    status = Path(f"/proc/{int(number.read_text())}/stat")
    return (status.exists() and " Z " not in status.read_text()) or any((tmp_path / "temporary").iterdir())


def test_what_a_hanging_part_started_ends_with_it(starter, tmp_path):
    part, number = starter
    [outcome] = run_parts([part], 0, seed=0, patience=1.0)
    assert outcome.verdict == "FAILED"
    assert not is_left(number, tmp_path)


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_leaves_nothing(starter, tmp_path, which):
    part, number = starter
    code = "import sys, run, pathlib; run.PARTS = (run.Part(pathlib.Path(sys.argv[1]), 1),)"
    code += "; sys.exit(run.main(run.Arguments(parts=('starter',))))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, part.script], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{STRESS}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
    )  # fmt: skip
    while not (number.exists() and number.read_text()) or not list((tmp_path / "temporary").glob("*/*/file")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(which)
    said = process.communicate(timeout=30)
    assert (process.returncode, said) == (128 + which, ("", "run.py: interrupted; all that it started is ended\n"))
    assert not is_left(number, tmp_path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        *(({"minutes": float(minutes)}, "--minutes must be above 0") for minutes in ("nan", "inf", "1e308", "-1", "0")),
        ({"parts": ()}, "--parts names none; there are training_faults, "),
        ({"parts": ("fuz",)}, "no parts fuz; there are training_faults, "),
    ],
)
def test_a_wrong_command_line_is_one_line(capsys, wrong, message):
    assert run.main(run.Arguments(**wrong)) == 2
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert error.startswith(f"run.py: {message}")


def test_nobody_reading_the_help_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, STRESS / "run.py", "--help"], stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    assert done.stderr == ""


def test_the_command_runs_cheap_parts_and_sums_up():
    command = [sys.executable, STRESS / "run.py", "--minutes", "0.01", "--parts", "fuzz"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert lines[0].startswith("fuzz: held (") and "damaged photos: " in lines[0]
    assert lines[1:] == ["1 held, 0 failed, 0 skipped (seed 0)"]


def test_every_script_of_the_folder_is_a_part_or_shared():
    scripts = {path.name for path in STRESS.glob("*.py")}
    assert {part.script.name for part in PARTS} == scripts - {"run.py", "part.py"}
