"""Look for leaks of memory, file handles and threads: thousands of predictions, then a long video (Linux).

Half of the time each: photos and damaged ones in turn through one `StrongPose` in this process, one by one and a
hundred at once; then ``strongpose video`` with a clip that does not end. The first third of each is warm-up; later the
memory may grow by 32 MB, the others by 8.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

sys.path.extend(str(Path(__file__).parents[1] / "tests" / folder) for folder in ("", "robustness"))

from damaged_photos import damaged_photo
from part import Arguments, Clock, run_part, tell
from PIL import Image
from processes import memory, open_files, threads

from strongpose import StrongPose
from strongpose.exceptions import ImageError
from strongpose.video import VideoWriter

TESTS = Path(__file__).parents[1] / "tests"
_SIZE = 65
_DAMAGED = range(1000, 1040)  # by number; the first hundreds are whole, and some of them huge
_TURN = 100  # predictions one by one, then as many together
_MOST_MEGABYTES = 32.0
"""By which the greatest memory may grow after the warm-up."""
_MOST_OPEN = 8
"""The same of open files and of threads: those that happen to be open while other threads read photos."""


@dataclass(frozen=True)
class Usage:
    """What a process takes after some predictions or frames."""

    done: int
    megabytes: float
    handles: int
    threads: int


def main(arguments: Arguments) -> int:
    """Both halves."""
    lines, wrong = [], list[str]()
    for what, work in (("predictions", predict), ("frames", video)):
        uses, complaints = work(arguments.seconds / 2)
        line, grown = compare(what, uses)
        lines.append(line)
        wrong += complaints + grown
    return tell("; ".join(lines), wrong)


def compare(what: str, uses: list[Usage]) -> tuple[str, list[str]]:
    """What was taken in the first third and later in one line, and what grew too much."""
    warm, later = uses[: -(-len(uses) // 3)], uses[-(-len(uses) // 3) :]
    if not later:
        return f"too few {what} to compare", []
    parts, grown = [], []
    for name, bound in (("megabytes", _MOST_MEGABYTES), ("handles", _MOST_OPEN), ("threads", _MOST_OPEN)):
        before, after = (max(getattr(use, name) for use in some) for some in (warm, later))
        parts.append(f"{name} {before:.0f} → {after:.0f}")
        if after - before > bound:
            grown.append(f"{what}: {name} grew from {before:.1f} to {after:.1f}, more than {bound:.0f}")
    return f"{uses[-1].done:,} {what}: {', '.join(parts)}", grown


def usage(process: int, done: int) -> Usage:
    """What a process takes now; this one has the folder of its own handles open while they are counted."""
    return Usage(done, memory(process), open_files(process) - (process == os.getpid()), threads(process))


def predict(seconds: float) -> tuple[list[Usage], list[str]]:
    """Memory in the middle of each turn, so while other threads look at photos, too."""
    model = StrongPose.from_pretrained(size=_SIZE, threads=1, runtime="onnx")
    clock, uses = Clock(seconds), []
    for done in predictions(model):
        if done % _TURN == _TURN // 2:
            uses.append(usage(os.getpid(), done))
            if clock.left < 0:
                return uses, []
    raise AssertionError("they do not end")


def predictions(model: StrongPose) -> Iterator[int]:
    """The number of predictions made so far, without end."""
    sources = photos()
    for first in itertools.count(0, 2 * _TURN):
        for done, source in enumerate(itertools.islice(sources, _TURN), first + 1):
            try:
                model(source)
            except ImageError:
                pass
            yield done
        together = model.predictions(itertools.islice(sources, _TURN))
        for done, prediction in enumerate(together, first + _TURN + 1):
            if not isinstance(prediction, ImageError):
                model.decode(prediction.fields, prediction.fitted)
            yield done


def photos() -> Iterator[Path | bytes]:
    """Paths, and the content of a damaged photo after every four; the same over and over, so that only leaks grow."""
    damaged = itertools.cycle([damaged_photo(number).data for number in _DAMAGED])
    for number, photo in enumerate(itertools.cycle(sorted((TESTS / "photos").glob("*.jpg")))):
        yield photo
        if number % 4 == 3:
            yield next(damaged)


def video(seconds: float) -> tuple[list[Usage], list[str]]:
    """Memory of the command, four times a second, until SIGTERM ends it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_clip(folder / "clip.mp4", round(60 * seconds) + 300)
        command = ["video", "clip.mp4", "--out", "out", "--size", str(_SIZE), "--threads", "1", "--runtime", "onnx"]
        said = (folder / "said").open("wb")
        process = subprocess.Popen([sys.executable, "-m", "strongpose.cli", *command], cwd=folder, stderr=said)
        clock, uses, lines = Clock(seconds), [], folder / "out" / "clip.poses.jsonl"
        while clock.left > 0 and process.poll() is None:
            time.sleep(0.25)
            done = lines.read_bytes().count(b"\n") if lines.exists() else 0
            if done:
                uses.append(usage(process.pid, done))
        ended = process.poll()
        process.send_signal(signal.SIGTERM)
        status = process.wait(60)
        said.close()
        wrong = (
            []
            if ended is None and status == 143
            else [f"video: status {status}, {(folder / 'said').read_text()[-300:]}"]
        )
    return uses, wrong


def write_clip(path: Path, frames: int) -> None:
    """A person, 320 pixels wide, who swings by 12 pixels; a frame is 0.3 MB."""
    photo = np.asarray(Image.open(TESTS / "photos" / "astronaut.jpg").convert("RGB").resize((344, 320)))
    with VideoWriter(path, Fraction(25)) as writer:
        for n in range(frames):
            x = 12 + round(12 * np.sin(n / 10))
            writer.write(np.ascontiguousarray(photo[:, x : x + 320]), n / 25)


if __name__ == "__main__":
    sys.exit(run_part(main))
