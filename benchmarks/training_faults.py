"""Training runs that are killed, stopped, out of room or short of a process, over and over, on drawn people.

Each is resumed until it is done, and its weights are compared with those of a run that nothing disturbed, bit by bit.
Ends with status 1 and the list if anything else came out than one line and the same weights (Linux).
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from pictures import write_dataset

Begun = Callable[["Run"], bool]


@dataclass(frozen=True)
class Arguments:
    """Print what became of disturbed training runs."""

    kills: int = 20
    """SIGKILL at random moments of one run, one after the other."""
    writes: int = 20
    """SIGKILL at random moments of another run, all while a checkpoint is being written."""
    terminations: int = 3
    """SIGTERM as often at each kind of moment, each in a run of its own."""
    readers: int = 5
    """SIGKILL of a process that reads photos, as often."""
    steps: int = 30
    """Of every run, with a checkpoint after each."""
    seed: int = 0
    """Of the moments."""


class Run:
    """A process that trains; ``said`` is what it has written so far."""

    def __init__(self, folder: Path, data: Path, steps: int, out: str, log: Path | None = None) -> None:
        self.out = folder / out
        self.log = log or folder / f"{out}.log"
        self.start = self.log.stat().st_size if self.log.exists() else 0
        command = [sys.executable, "-u", "-m", "strongpose.cli", "train", "--data", data, "--out", self.out]
        command += ["--val", data, "--val-images", data.with_suffix(""), "--steps", steps]
        command += "--crop-size 65 --batch-size 2 --warmup-steps 5 --neck-channels 32 --threads 1".split()
        command += "--workers 1 --no-bf16 --log-every 1 --checkpoint-minutes 0 --val-size 65 --val-every 10".split()
        with self.log.open("ab") as log_file:
            self.process = subprocess.Popen(
                [*map(str, command)],
                stdout=log_file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )

    @property
    def said(self) -> str:
        """All lines so far."""
        return self.log.read_bytes()[self.start :].decode()

    def wait_for(self, begun: Begun) -> None:
        """Until it is so, or the process has ended."""
        while self.process.poll() is None and not begun(self):
            time.sleep(0.002)

    def end(self) -> int:
        """The exit status; None of its processes is left."""
        status = self.process.wait(600)
        for _ in range(900):  # those that read photos notice within five seconds, once they have started
            if not members(self.process.pid):
                return status
            time.sleep(0.1)
        raise AssertionError(f"processes of {self.out} are left: {members(self.process.pid)}")


def members(group: int) -> list[int]:
    """The living processes of a group, numbers smallest first."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return sorted(found)


def loads_modules(run: Run) -> bool:
    return maps(run, "libtorch_cpu")


def builds_network(run: Run) -> bool:
    return maps(run, "tensorboard", "google/_upb")


def starts_reader(run: Run) -> bool:
    return "training on" in run.said


def warms_up(run: Run) -> bool:
    return "step 2/" in run.said


def trains(run: Run) -> bool:
    return "step 12/" in run.said


def validates(run: Run) -> bool:
    """The line of step 20 is written before its validation, that of the validation behind it."""
    return "step 20/" in run.said and "step 20:" not in run.said and not writes(run)


def writes(run: Run) -> bool:
    return (run.out / "checkpoint.partial").exists() or (run.out / "weights.partial").exists()


def maps(run: Run, *names: str) -> bool:
    """Whether a process has loaded one of these libraries."""
    try:
        return any(name in Path(f"/proc/{run.process.pid}/maps").read_text() for name in names)
    except OSError:
        return False


def main(a: Arguments) -> int:
    chance = random.Random(a.seed)
    wrong: list[str] = []
    print("| fault | runs | times | resumed at steps | other weights | other lines | total, s |")
    print("|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = write_dataset(folder / "set", 4)
        start = time.perf_counter()
        undisturbed = Run(folder, data, a.steps, "undisturbed")
        assert undisturbed.end() == 0, undisturbed.said
        seconds = time.perf_counter() - start
        whole = load_file(undisturbed.out / "weights.safetensors")
        figures = validations(undisturbed.said)

        def finish(out: str) -> tuple[str, bool]:
            """Let a run go on to its end: the step where it began, and whether its weights are the same."""
            run = Run(folder, data, a.steps, out)
            assert run.end() == 0, run.said
            weights = load_file(run.out / "weights.safetensors")
            same = weights.keys() == whole.keys() and all(torch.equal(weights[n], whole[n]) for n in whole)
            if not set(validations(run.log.read_text())) == set(figures):
                wrong.append(f"{out}: {validations(run.log.read_text())} instead of {figures}")
            assert not list(run.out.glob("*.partial"))
            return resumed_at(run.said), same

        def killed(what: str, times: int, moment: Callable[[Run], None]) -> None:
            """A run that is killed again and again and, where it was done before, another one."""
            start = time.perf_counter()
            runs, kills, steps, others, lines = 0, 0, [], 0, 0
            while kills < times:
                runs += 1
                out, lives = f"killed-{moment.__name__}-{runs}", True
                while kills < times and lives:
                    run = Run(folder, data, a.steps, out)
                    moment(run)
                    lives = run.process.poll() is None
                    if lives:
                        os.killpg(run.process.pid, signal.SIGKILL) if kills % 2 else run.process.kill()
                        kills += 1
                    run.end()
                    steps.append(resumed_at(run.said))
                    lines += "strongpose: " in run.said
                step, same = finish(out)
                steps.append(step)
                others += not same
            wrong.extend([f"{what}: other weights"] * others + [f"{what}: other lines"] * lines)
            tell(what, runs, kills, steps, others, lines, start)

        def at_random(run: Run) -> None:
            """Within the time of a whole run, a little more often in the part with steps than in starting."""
            time.sleep(chance.uniform(0.02, 0.7) * seconds)

        def in_a_write(run: Run) -> None:
            if chance.random() < 0.5:  # not the first one
                run.wait_for(writes)
                run.wait_for(lambda run: not writes(run))
            run.wait_for(writes)
            time.sleep(chance.uniform(0, 0.06))

        killed("SIGKILL at a random moment", a.kills, at_random)
        killed("SIGKILL while a checkpoint is written", a.writes, in_a_write)

        for begun in (loads_modules, builds_network, starts_reader, warms_up, trains, validates, writes):
            start = time.perf_counter()
            steps, others, lines = [], 0, 0
            for number in range(a.terminations):
                out = f"terminated-{begun.__name__}-{number}"
                run = Run(folder, data, a.steps, out)
                run.wait_for(begun)
                time.sleep(chance.uniform(0, 0.3 if begun in (loads_modules, builds_network, starts_reader) else 0.01))
                # as a cluster does, to all processes of the run, or to the first only
                os.killpg(run.process.pid, signal.SIGTERM) if number % 2 else run.process.terminate()
                status = run.end()
                said = [line for line in run.said.splitlines() if line.startswith("stopped at step ")]
                clean = status == 0 and len(said) == 1 and "Traceback" not in run.said
                if not clean:
                    wrong.append(f"{out}: status {status}, {run.said[-500:]}")
                step, same = finish(out)
                steps.append(step)
                others, lines = others + (not same), lines + (not clean)
            wrong += [f"terminated, {begun.__name__}: other weights"] * others
            words = begun.__name__.replace("_", " ")
            tell(f"SIGTERM while it {words}", a.terminations, a.terminations, steps, others, lines, start)

        start = time.perf_counter()
        steps, others, lines = [], 0, 0
        for number in range(a.readers):
            out = f"reader-{number}"
            run = Run(folder, data, a.steps, out)
            wanted = chance.randint(0, a.steps - 8)
            run.wait_for(
                lambda run, wanted=wanted: f"step {wanted}/" in run.said or (not wanted and starts_reader(run))
            )
            time.sleep(chance.uniform(0, 0.3))
            run.wait_for(lambda run: bool(readers(run.process.pid)))
            for reader in readers(run.process.pid):
                os.kill(reader, signal.SIGKILL)
            status = run.end()
            said = [line for line in run.said.splitlines() if line.startswith("strongpose: ")]
            clean = status == 1 and len(said) == 1 and "SIGKILL" in said[0] and "Traceback" not in run.said
            if not clean:
                wrong.append(f"{out}: status {status}, {run.said[-500:]}")
            step, same = finish(out)
            steps.append(step)
            others, lines = others + (not same), lines + (not clean)
        wrong += ["killed reader: other weights"] * others
        tell("SIGKILL of the process that reads photos", a.readers, a.readers, steps, others, lines, start)

        start = time.perf_counter()
        steps, others, lines = [], 0, 0
        for share in (0.0, 0.5, 0.95):
            out = f"full-{share}"
            complaint = full_disk(folder, data, a.steps, out, share)
            step, same = finish(out)
            steps.append(step)
            others, lines = others + (not same), lines + bool(complaint)
            wrong += [complaint] * bool(complaint) + [f"{out}: other weights"] * (not same)
        tell("a full disk", 3, 3, steps, others, lines, start)
    print("\n".join(wrong))
    return 1 if wrong else 0


def tell(what: str, runs: int, times: int, steps: list[str], others: int, lines: int, start: float) -> None:
    seconds = time.perf_counter() - start
    print(f"| {what} | {runs} | {times} | {' '.join(steps)} | {others} | {lines} | {seconds:.0f} |", flush=True)


def full_disk(folder: Path, data: Path, steps: int, out: str, share: float) -> str:
    """A run in a file system of its own that is nearly full when it is resumed; what was wrong with it.

    Args:
        folder: of the runs.
        data: what is trained on.
        steps: of the run; it is stopped at the fourth or so, then the disk is filled.
        out: name of the run.
        share: room that is left, as a share of the size of a checkpoint.
    """
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "none", disk], check=True)
    try:
        run = Run(disk, data, steps, out)
        run.wait_for(lambda run: "step 4/" in run.said)
        run.process.terminate()
        assert run.end() == 0, run.said
        checkpoint = run.out / "checkpoint.safetensors"
        before = checkpoint.read_bytes()
        room = os.statvfs(disk)
        filler = disk / "filler"
        filler.write_bytes(bytes(room.f_bavail * room.f_frsize - int(share * len(before)) // 4096 * 4096))
        run = Run(disk, data, steps, out, log=folder / f"{out}-full.log")
        status = run.end()
        said = [line for line in run.said.splitlines() if line.startswith("strongpose: ")]
        clean = status == 1 and len(said) == 1 and "Traceback" not in run.said
        clean = clean and "No space left on device" in said[0] and f"the last checkpoint is {checkpoint}" in said[0]
        kept = checkpoint.read_bytes() == before
        shutil.copytree(run.out, folder / out)
        shutil.copy(disk / f"{out}.log", folder)
        return "" if clean and kept else f"{out}: status {status}, kept {kept}, {run.said[-500:]}"
    finally:
        subprocess.run(["umount", disk], check=True)
        disk.rmdir()


def resumed_at(said: str) -> str:
    """The step at which a run began; – if it ended before it knew."""
    found = re.search(r"^resuming .* at step (\d+)", said, re.MULTILINE)
    return found[1] if found else "0" if "training on" in said else "–"


def validations(said: str) -> list[str]:
    return [line for line in said.splitlines() if " AP50 " in line]


def readers(process: int) -> list[int]:
    """The processes that read photos for one that trains."""
    found = []
    for number in members(process):
        try:
            if "spawn_main" in Path(f"/proc/{number}/cmdline").read_text():
                found.append(number)
        except OSError:
            continue
    return found


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
