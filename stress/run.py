"""Try to break StrongPose for some time: ``python stress/run.py --minutes 10`` runs all parts of this folder.

Each part is a script of its own that gets its share of the time. One line tells what it tried and whether that held;
what a part prints beside it is shown where it failed.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Literal, NoReturn

import tyro

from strongpose._util.closed_pipe import end_with_closed_pipes

_FOLDER = Path(__file__).parent
_PATIENCE = 300.0
"""Seconds beyond its share after which a part is taken for hanging."""
_FAREWELL = 20.0
"""Seconds that a part has to remove its folders when it is ended."""
_YEAR = 525_600
"""Minutes."""


@dataclass(frozen=True)
class Part:
    """A script and what it needs.

    Attributes:
        script: takes --seconds and --seed, says on its last line what it tried, and ends with status 1 if it broke.
        share: of the time, in any unit.
        modules: without which it is skipped.
        programs: likewise, on PATH.
        remedy: what to install then.
    """

    script: Path
    share: float
    modules: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    remedy: str = ""

    @property
    def missing(self) -> list[str]:
        """Modules and programs that are not here."""
        modules = [name for name in self.modules if importlib.util.find_spec(name) is None]
        return modules + [name for name in self.programs if shutil.which(name) is None]


@dataclass(frozen=True)
class Outcome:
    """What came of a part.

    Attributes:
        name: of its script.
        verdict: whether it held.
        line: what it tried, or why it was skipped or failed.
        seconds: that it took.
        said: all that it printed.
    """

    name: str
    verdict: Literal["held", "FAILED", "skipped"]
    line: str
    seconds: float = 0.0
    said: str = ""


PARTS = (
    Part(_FOLDER / "training_faults.py", 3, ("torch", "cv2", "tensorboard"), (), "pip install 'strongpose[train]'"),
    Part(_FOLDER / "api_fuzz.py", 2, ("fastapi", "uvicorn"), ("schemathesis",), "pip install schemathesis"),
    Part(_FOLDER / "fuzz.py", 2, ("fastapi", "uvicorn"), (), "pip install 'strongpose[serve]'"),
    Part(_FOLDER / "server_load.py", 2, ("fastapi", "uvicorn"), (), "pip install 'strongpose[serve]'"),
    Part(_FOLDER / "memory.py", 2, ("av", "scipy"), (), "pip install 'strongpose[video]'"),
)
"""All parts; the one whose time is least certain first, as the others share what it leaves."""


def run_parts(parts: Sequence[Part], seconds: float, seed: int, patience: float = _PATIENCE) -> Iterator[Outcome]:
    """Run parts one after the other; each gets its share of the time that those before left.

    Args:
        parts: what to run.
        seconds: for all together; those that are skipped take none.
        seed: for each.
        patience: seconds beyond its share after which a part is ended and has failed.
    """
    able = [part for part in parts if not part.missing]
    end = time.monotonic() + seconds
    for part in parts:
        if part.missing:
            yield Outcome(part.script.stem, "skipped", f"needs {', '.join(part.missing)}: {part.remedy}")
            continue
        shares = sum(other.share for other in able[able.index(part) :])
        yield _run(part, max(end - time.monotonic(), 0) * part.share / shares, seed, patience)


def _run(part: Part, seconds: float, seed: int, patience: float) -> Outcome:
    """Run a part with a folder of its own for temporary files; nothing of it, and no process with it, is left."""
    with tempfile.TemporaryDirectory(prefix="strongpose-stress-", ignore_cleanup_errors=True) as folder:
        try:
            return _outcome(part, seconds, seed, patience, folder)
        finally:
            _end_processes(folder)


def _outcome(part: Part, seconds: float, seed: int, patience: float, folder: str) -> Outcome:
    command = [sys.executable, part.script, f"--seconds={seconds:.1f}", f"--seed={seed}"]
    start = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, errors="replace",
        env={**os.environ, "TMPDIR": folder},
    )  # fmt: skip
    try:
        said, _ = process.communicate(timeout=seconds + patience)
        status, line = process.returncode, (said.strip().splitlines() or ["said nothing"])[-1]
    except subprocess.TimeoutExpired:
        said = _end(process, folder)
        status, line = 1, f"did not end {patience:.0f} s after its time"
    except KeyboardInterrupt:
        _end(process, folder)
        raise
    return Outcome(part.script.stem, "FAILED" if status else "held", line, time.monotonic() - start, said)


def _end(process: subprocess.Popen[str], folder: str) -> str:
    """End a part and all that it started, and return what it said."""
    process.terminate()
    _end_processes(folder, spared=process.pid)
    try:
        return process.communicate(timeout=_FAREWELL)[0]
    except subprocess.TimeoutExpired:
        _end_processes(folder)
        return process.communicate()[0]


def _end_processes(folder: str, spared: int = 0) -> None:
    """SIGKILL for all processes, of whatever session, that were given a folder for temporary files, but for one."""
    mark, found = f"TMPDIR={folder}\0".encode(), True
    while found:
        found = False
        for path in Path("/proc").glob("[0-9]*/environ"):
            number = int(path.parent.name)
            try:
                if number != spared and mark in path.read_bytes():
                    found = True
                    os.kill(number, signal.SIGKILL)
            except OSError:  # it has ended, or is somebody else's
                continue


@dataclass(frozen=True)
class Arguments:
    """Try to break StrongPose for some time; exit status 1 if something broke."""

    minutes: float = 10.0
    """For all parts together; training needs about a minute for its first run."""
    seed: int = 0
    """Of what is chosen at random; another seed tries other things."""
    parts: tuple[str, ...] = tuple(part.script.stem for part in PARTS)
    """Which parts to run."""


def main(arguments: Arguments) -> int:
    """Run the parts and print a line each, and a summary; Ctrl-C and SIGTERM end what runs."""
    if wrong := _wrong(arguments):
        print(f"run.py: {wrong}", file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        return _run_all(arguments)
    except KeyboardInterrupt as interruption:
        print("run.py: interrupted; all that it started is ended", file=sys.stderr)
        return int(interruption.args[0])


def _wrong(arguments: Arguments) -> str:
    """What is wrong with the command line, if anything is."""
    names = [part.script.stem for part in PARTS]
    if unknown := set(arguments.parts) - set(names):
        return f"no parts {', '.join(sorted(unknown))}; there are {', '.join(names)}"
    if not arguments.parts:
        return f"--parts names none; there are {', '.join(names)}"
    if not 0 < arguments.minutes <= _YEAR:
        return f"--minutes must be above 0 and at most {_YEAR:,}, got {arguments.minutes:g}"
    return ""


def _interrupt(number: int, _: FrameType | None) -> NoReturn:
    """Raise KeyboardInterrupt with the exit status; further signals do not disturb the end."""
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt(128 + number)


def _run_all(arguments: Arguments) -> int:
    chosen = [part for part in PARTS if part.script.stem in arguments.parts]
    outcomes = []
    for outcome in run_parts(chosen, 60 * arguments.minutes, arguments.seed):
        outcomes.append(outcome)
        if outcome.verdict == "FAILED":
            print(outcome.said)
        print(f"{outcome.name}: {outcome.verdict} ({outcome.seconds:.0f} s): {outcome.line}", flush=True)
    counts = {verdict: sum(one.verdict == verdict for one in outcomes) for verdict in ("held", "FAILED", "skipped")}
    print(f"{counts['held']} held, {counts['FAILED']} failed, {counts['skipped']} skipped (seed {arguments.seed})")
    return 1 if counts["FAILED"] else 0


if __name__ == "__main__":
    end_with_closed_pipes()
    sys.exit(main(tyro.cli(Arguments)))
