"""Training runs on drawn people that are killed, stopped, short of a process or out of room, over and over (Linux).

Each run is disturbed one to four times at random moments and resumed each time until it is done. Its weights and its
validations must then be those of a run that nothing disturbed, bit by bit; no process and no partial file may remain,
and each end but SIGKILL must be told in one line. The full disk is a file system of its own, which needs root.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from safetensors.torch import load_file

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from part import Arguments, Clock, run_part, tell
from pictures import write_dataset

_STEPS = 22
_OPTIONS = f"--steps {_STEPS} --crop-size 65 --batch-size 2 --warmup-steps 5 --neck-channels 32 --threads 1 --workers 1"
_OPTIONS += " --no-bf16 --log-every 1 --checkpoint-minutes 0 --val-size 65 --val-every 10"


class Run:
    """A process that trains, in a group with the one that reads photos for it."""

    def __init__(self, out: Path, data: Path, log: Path) -> None:
        self.out, self.data, self.log = out, data, log
        self._start = self.log.stat().st_size if self.log.exists() else 0
        command = [sys.executable, "-u", "-m", "strongpose.cli", "train", "--data", data, "--out", out]
        command += ["--val", data, "--val-images", data.with_suffix(""), *_OPTIONS.split()]
        with log.open("ab") as lines:
            self.process = subprocess.Popen(
                [*map(str, command)], stdout=lines, stderr=lines, start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )  # fmt: skip

    @property
    def said(self) -> str:
        """All lines of this process so far."""
        return self.log.read_bytes()[self._start :].decode()

    @property
    def is_writing(self) -> bool:
        """Whether a file is not yet complete."""
        return any(self.out.glob("*.partial"))

    def wait_for(self, moment: Callable[[Run], bool]) -> None:
        """Until it is so, or the process has ended."""
        while self.process.poll() is None and not moment(self):
            time.sleep(0.002)

    def end(self) -> int:
        """The exit status; none of its processes is left."""
        status = self.process.wait(300)
        for _ in range(900):  # those that read photos notice within five seconds, once they have started
            if not members(self.process.pid):
                return status
            time.sleep(0.1)
        raise AssertionError(f"processes of {self.out.name} are left: {members(self.process.pid)}")


def members(group: int) -> list[int]:
    """The living processes of a group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def maps(run: Run, name: str) -> bool:
    """Whether the process has loaded a library."""
    try:
        return name in Path(f"/proc/{run.process.pid}/maps").read_text()
    except OSError:
        return False


MOMENTS: tuple[tuple[str, Callable[[Run], bool]], ...] = (
    ("loads modules", lambda run: maps(run, "libtorch_cpu")),
    ("builds the network", lambda run: maps(run, "google/_upb")),
    ("starts its reader", lambda run: "training on" in run.said),
    ("warms up", lambda run: "step 2/" in run.said),
    ("trains", lambda run: "step 12/" in run.said),
    ("validates", lambda run: "step 20/" in run.said and "step 20:" not in run.said and not run.is_writing),
    ("writes", lambda run: run.is_writing),
)
"""What a run does when it is disturbed, and how to tell."""


def kill(run: Run, chance: random.Random) -> str:
    """SIGKILL of the run or of all its processes: no line."""
    os.killpg(run.process.pid, signal.SIGKILL) if chance.random() < 0.5 else run.process.kill()
    run.end()
    return "" if "strongpose: " not in run.said else "an error was told"


def stop(run: Run, chance: random.Random) -> str:
    """SIGTERM to the run or, as clusters do, to all its processes: status 0 and one line."""
    os.killpg(run.process.pid, signal.SIGTERM) if chance.random() < 0.5 else run.process.terminate()
    status = run.end()
    stopped = len(re.findall(r"^stopped at step ", run.said, re.MULTILINE))
    good = status == 0 and (stopped == 1 or f"step {_STEPS}/" in run.said) and "Traceback" not in run.said
    return "" if good else f"status {status}"


def kill_reader(run: Run, chance: random.Random) -> str:
    """SIGKILL of the process that reads photos: status 1 and one line."""
    run.wait_for(lambda run: bool(readers(run)))
    time.sleep(chance.uniform(0, 0.3))
    alive = [os.kill(reader, signal.SIGKILL) for reader in readers(run)]
    status = run.end()
    return "" if not alive or told(run, status, "SIGKILL") else f"status {status}"


def readers(run: Run) -> list[int]:
    """The processes that read photos for one that trains."""
    found = []
    for number in members(run.process.pid):
        try:
            if "spawn_main" in Path(f"/proc/{number}/cmdline").read_text():
                found.append(number)
        except OSError:
            continue
    return found


def told(run: Run, status: int, *words: str) -> bool:
    """Whether a run ended with status 1 and one line that holds these words."""
    lines = [line for line in run.said.splitlines() if line.startswith("strongpose: ")]
    return status == 1 and len(lines) == 1 and "Traceback" not in run.said and all(word in lines[0] for word in words)


def fill_disk(run: Run, chance: random.Random) -> str:
    """Stop a run, fill its file system but for a part of a checkpoint, and go on: status 1 and one line."""
    run.process.terminate()
    run.end()
    checkpoint, filler = run.out / "checkpoint.safetensors", run.out / "filler"
    before, room = checkpoint.read_bytes(), os.statvfs(run.out)
    free = room.f_bavail * room.f_frsize - round(chance.uniform(0, 0.95) * len(before))
    filler.write_bytes(bytes(free // 4096 * 4096))
    again = Run(run.out, run.data, run.log)
    status = again.end()
    filler.unlink()
    good = told(again, status, "No space left on device", f"the last checkpoint is {checkpoint}")
    return "" if good and checkpoint.read_bytes() == before else f"status {status}: {again.said[-300:]}"


FAULTS = (("SIGKILL", kill), ("SIGTERM", stop), ("SIGKILL of the reader", kill_reader))


def main(arguments: Arguments) -> int:
    """Disturb one run after the other until the time is over."""
    clock, chance, done, wrong = Clock(arguments.seconds), random.Random(arguments.seed), Counter[str](), list[str]()
    same = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = write_dataset(folder / "set", 4)
        expected = finished(Run(folder / "undisturbed", data, folder / "undisturbed.log"))
        for runs in itertools.count(1):
            out, log = folder / f"run-{runs}", folder / f"run-{runs}.log"
            with contextlib.ExitStack() as disk:
                if runs % 4 == 0 and os.geteuid() == 0:
                    disk.enter_context(small_disk(out))
                    run = Run(out, data, log)
                    run.wait_for(lambda run: "step 4/" in run.said)
                    faults = [("a full disk", fill_disk(run, chance))]
                else:
                    faults = list(disturbed(out, data, log, chance, clock))
                told_now = ", ".join(what for what, _ in faults)
                print(f"run {runs}: {told_now}", flush=True)
                done.update(what.partition(" while")[0] for what, _ in faults)
                wrong += [f"run {runs}, {what}: {complaint}" for what, complaint in faults if complaint]
                different = difference(expected, finished(Run(out, data, log)))
                same += not different
                if different or list(out.glob("*.partial")):
                    wrong.append(f"run {runs}, {told_now}: {different or 'a partial file is left'}")
            if clock.left < 0:
                break
    kinds = ", ".join(f"{count} × {what}" for what, count in done.items())
    return tell(f"training runs disturbed: {runs}, by {kinds}; weights as undisturbed: {same}", wrong)


def disturbed(out: Path, data: Path, log: Path, chance: random.Random, clock: Clock) -> Iterator[tuple[str, str]]:
    """Disturb a run up to four times, if there is time: each time what was done, and what was wrong then."""
    for _ in range(chance.randint(1, 4)):
        (what, fault), (when, moment) = chance.choice(FAULTS), chance.choice(MOMENTS)
        run = Run(out, data, log)
        run.wait_for(moment)
        time.sleep(chance.uniform(0, 0.1))
        if run.process.poll() is not None:
            run.end()
            return
        yield f"{what} while it {when}", fault(run, chance)
        if clock.left < 0:
            return


def finished(run: Run) -> tuple[dict[str, torch.Tensor], set[str]]:
    """Let a run go on to its end: its weights, and the lines of its validations before and after."""
    status = run.end()
    if status:
        raise AssertionError(f"status {status}: {run.said[-500:]}")
    validations = {line for line in run.log.read_text().splitlines() if " AP50 " in line}
    return load_file(run.out / "weights.safetensors"), validations


def difference(
    expected: tuple[dict[str, torch.Tensor], set[str]], found: tuple[dict[str, torch.Tensor], set[str]]
) -> str:
    """What differs between two finished runs, if anything does."""
    (weights, validations), (others, lines) = expected, found
    if weights.keys() != others.keys() or not all(torch.equal(weights[key], others[key]) for key in weights):
        return "other weights"
    return "" if lines == validations else f"{sorted(lines)} instead of {sorted(validations)}"


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of 200 MB in memory at a new folder; it goes when nothing uses it any more."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


if __name__ == "__main__":
    sys.exit(run_part(main))
