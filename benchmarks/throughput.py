"""Measure throughput on folders: from files to poses, or to pictures, relative to the network alone.

All ways take turns on parts of the photos, so that other work on the machine hits them alike.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from strongpose import StrongPose
from strongpose.commands.photo_results import ResultOptions
from strongpose.commands.predict import predict_all
from strongpose.images import padded_stack
from strongpose.images.folders import photos_in
from strongpose.runtime import RuntimeChoice, open_runtime, resolve_model

MARKS = (50, 250, 500)
"""Numbers of photos after which the peak memory is read."""

MEMORY = """
import json, resource, sys
from strongpose import StrongPose
paths, model, runtime, threads, batch, size, marks = json.loads(sys.stdin.read())
estimator = StrongPose.from_pretrained(model, size=size, threads=threads, runtime=runtime)
for done, _ in enumerate(estimator.predict_many(paths, batch), start=1):
    if done in marks:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
"""


def mixed(folders: Sequence[Path], count: int) -> list[Path]:
    """So many photos of several folders, in turn, as long as each has some left.

    Raises:
        ValueError: if there are not as many.
    """
    lists = [photos_in(folder).photos for folder in folders]
    rows = [[photos[i] for photos in lists if i < len(photos)] for i in range(max(map(len, lists)))]
    paths = [path for row in rows for path in row][:count]
    if len(paths) < count:
        raise ValueError(f"expected {count} photos in the folders, found {len(paths)}; give a smaller --photos")
    return paths


class Turns:
    """Seconds and processor seconds that one way of working took, part by part."""

    def __init__(self, name: str, work: Callable[[Sequence[Path]], None]) -> None:
        self.name, self._work = name, work
        self.seconds: list[float] = []
        self.processor: list[float] = []

    def take(self, photos: Sequence[Path]) -> None:
        """Work on one part."""
        start, processor = time.perf_counter(), time.process_time()
        self._work(photos)
        self.seconds.append(time.perf_counter() - start)
        self.processor.append(time.process_time() - processor)


@dataclass(frozen=True)
class Arguments:
    """Print photos a second of the bare network and of the pipeline, their ratio, and the peak memory."""

    folders: tyro.conf.Positional[tuple[Path, ...]]
    """Folders of photos, mixed evenly."""
    photos: int = 500
    """Number of photos."""
    timed: int = 0
    """So many of them are enough for the speed; 0 takes all. The memory is always read over all."""
    model: str = "base"
    """A model that comes with the package, or a path."""
    runtime: RuntimeChoice = "auto"
    """What runs the network."""
    threads: int = 0
    """CPU threads of the network; 0 takes all cores."""
    size: int | None = None
    """Long side in pixels; left out, what the model recommends."""
    batch: int = 1
    """Photos that go through the network together, bare and in the pipeline."""
    part: int = 25
    """Photos in a turn. At its end the pipeline runs empty; fewer make fairer ratios on a busy machine."""
    halves: bool = False
    """Only compare the bare network with itself: two calls at a time, each with half of the threads."""


def main(arguments: Arguments) -> None:
    a = arguments
    paths = mixed(a.folders, a.photos)
    estimator = StrongPose.from_pretrained(a.model, size=a.size, threads=a.threads, runtime=a.runtime)
    timed = paths[: a.timed or None]
    inputs: list[np.ndarray] = []  # of the part at hand
    known: set[tuple[int, ...]] = set()
    runtimes = [estimator.runtime]

    def prepare(photos: Sequence[Path]) -> None:
        pixels = [estimator.fit(photo).pixels for photo in photos]
        inputs[:] = [padded_stack(pixels[i : i + a.batch]) for i in range(0, len(pixels), a.batch)]
        for images in inputs:
            if images.shape not in known:  # runtimes prepare every new shape
                known.add(images.shape)
                for runtime in runtimes:
                    runtime(images)

    def network(photos: Sequence[Path]) -> None:
        for images in inputs:
            estimator.runtime(images)

    def side_by_side(photos: Sequence[Path]) -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(runtimes[1], inputs))

    def one_by_one(photos: Sequence[Path]) -> None:
        for photo in photos:
            estimator(photo)

    def poses(photos: Sequence[Path]) -> None:
        for _ in estimator.predict_many(photos, a.batch):
            pass

    with tempfile.TemporaryDirectory() as folder:

        def command(photos: Sequence[Path]) -> None:
            with contextlib.redirect_stdout(io.StringIO()):
                if not predict_all(estimator, photos, Path(folder), ResultOptions(0.1, False, False), a.batch):
                    raise SystemExit("a photo could not be read; choose others")

        turns = [
            Turns("network alone", network),
            Turns("one photo at a time, to poses", one_by_one),
            Turns("`predict_many`, to poses", poses),
            Turns("`strongpose predict`, to pictures and JSON", command),
        ]
        if a.halves:
            threads = max(1, (a.threads or os.cpu_count() or 2) // 2)
            runtimes.append(open_runtime(resolve_model(a.model), a.runtime, threads))
            turns = [turns[0], Turns("network alone, two calls at a time", side_by_side)]
        for i in range(0, len(timed), a.part):
            part = timed[i : i + a.part]
            prepare(part)
            for turn in turns:
                turn.take(part)
            print(f"{i + len(part)}/{len(timed)} photos", file=sys.stderr, flush=True)

    print(f"{len(timed)} photos, {estimator.runtime.name}, {os.cpu_count()} cores, long side {estimator.size} px, "
          f"batch {a.batch}")  # fmt: skip
    print("| method | photos/s | relative to the network | CPU time, ms a photo | network's share of it |")
    print("|---|---|---|---|---|")
    bare = turns[0]
    for turn in turns:
        ratios = np.divide(bare.seconds, turn.seconds)
        share = sum(bare.processor) / sum(turn.processor)
        print(f"| {turn.name} | {len(timed) / sum(turn.seconds):.2f} | {np.median(ratios):.1%} "
              f"| {1e3 * sum(turn.processor) / len(timed):.0f} | {share:.1%} |")  # fmt: skip
    if a.halves:
        return
    task = [[str(p) for p in paths], a.model, a.runtime, a.threads, a.batch, a.size, MARKS]
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], input=json.dumps(task), capture_output=True, text=True, check=True
    )
    peaks = ", ".join(f"{float(mb):.0f} MB after {n}" for n, mb in zip(MARKS, done.stdout.split(), strict=False))
    print(f"peak memory (RSS) of `predict_many`: {peaks or 'not read before 50'} photos")


if __name__ == "__main__":
    main(tyro.cli(Arguments))
