"""The command that tries to break everything: its time is shared out, and what breaks, hangs or is missing is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "stress"))

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
