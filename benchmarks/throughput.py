"""Measure throughput on folders: from files to poses, or to pictures, relative to the network alone.

python benchmarks/throughput.py DATA/coco-val/images DATA/coco-tune/images --photos 191

All ways take turns on parts of the photos, so that other work on the machine hits them alike.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from one_line import errors_in_one_line
from result_tables import show_results

from strongpose import StrongPose
from strongpose.benchmarking.machine import peak_memory_mb
from strongpose.commands.photo_results import ResultOptions
from strongpose.commands.predict import predict_all
from strongpose.images import padded_stack
from strongpose.images.folders import Found, photos_in
from strongpose.runtime import RuntimeChoice

COLUMNS = ["model", "path", "photos/s", "relative to the network, %", "CPU time, ms a photo", "peak memory, MB"]


@dataclass(frozen=True)
class Arguments:
    """Print photos a second of the bare network and of the pipeline, their ratio, and the peak memory."""

    folders: tyro.conf.Positional[tuple[Path, ...]]
    """Folders of photos, mixed evenly."""
    photos: int = 500
    """Number of photos."""
    models: tuple[str, ...] = ("base", "fast")
    """Models that come with the package, or paths."""
    runtime: RuntimeChoice = "auto"
    """What runs the network."""
    threads: int = 0
    """CPU threads of the network; 0 takes all cores."""
    size: int = 561
    """Long side in pixels."""
    batch: int = 1
    """Photos that go through the network together, bare and in the pipeline."""
    part: int = 25
    """Photos in a turn. At its end the pipeline runs empty; fewer make fairer ratios on a busy machine."""
    json: Path | None = None
    """Also write the table to this results file."""


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


def main(a: Arguments) -> None:
    paths = mixed(a.folders, a.photos)
    show_results(COLUMNS, [row for model in a.models for row in measured(model, paths, a)], a.json)


def measured(model: str, paths: Sequence[Path], a: Arguments) -> list[list[Any]]:
    """A row for each path through the program."""
    estimator = opened(model, a)
    inputs: list[np.ndarray] = []  # of the part at hand
    known: set[tuple[int, ...]] = set()

    def prepare(photos: Sequence[Path]) -> None:
        pixels = [estimator.fit(photo).pixels for photo in photos]
        inputs[:] = [padded_stack(pixels[i : i + a.batch]) for i in range(0, len(pixels), a.batch)]
        for images in inputs:
            if images.shape not in known:  # runtimes prepare every new shape
                known.add(images.shape)
                estimator.runtime(images)

    def network(photos: Sequence[Path]) -> None:
        for images in inputs:
            estimator.runtime(images)

    def one_by_one(photos: Sequence[Path]) -> None:
        for photo in photos:
            estimator(photo)

    def poses(photos: Sequence[Path]) -> None:
        for _ in estimator.predict_many(photos, a.batch):
            pass

    with tempfile.TemporaryDirectory() as folder:

        def command(photos: Sequence[Path]) -> None:
            with contextlib.redirect_stdout(io.StringIO()):
                if not predict_all(
                    estimator, Found(tuple(photos)), Path(folder), ResultOptions(0.1, False, False), a.batch
                ):
                    raise SystemExit("a photo could not be read; choose others")

        turns = [
            Turns("network alone", network),
            Turns("one photo at a time", one_by_one),
            Turns("predict_many", poses),
            Turns("strongpose predict, with pictures and JSON", command),
        ]
        for i in range(0, len(paths), a.part):
            prepare(paths[i : i + a.part])
            for turn in turns:
                turn.take(paths[i : i + a.part])
            print(f"{min(i + a.part, len(paths))}/{len(paths)} photos", file=sys.stderr, flush=True)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        memory = {turns[2].name: pool.submit(peak_of_many, model, paths, a).result()}
    rows = []
    for turn in turns:
        relative = round(100 * float(np.median(np.divide(turns[0].seconds, turn.seconds))), 1)
        rate, processor = len(paths) / sum(turn.seconds), 1e3 * sum(turn.processor) / len(paths)
        figures = [round(rate, 2), relative, round(processor), memory.get(turn.name, "–")]
        rows.append([f"{Path(model).stem}, {estimator.size} px", turn.name, *figures])
    return rows


def mixed(folders: Sequence[Path], count: int) -> list[Path]:
    """So many photos of several folders, in turn, as long as each has some left.

    Raises:
        SystemExit: if there are not as many.
    """
    lists = [photos_in(folder).photos for folder in folders]
    rows = [[photos[i] for photos in lists if i < len(photos)] for i in range(max(map(len, lists), default=0))]
    paths = [path for row in rows for path in row][:count]
    if len(paths) < count:
        raise SystemExit(f"expected {count} photos in the folders, found {len(paths)}; give a smaller --photos")
    return paths


def opened(model: str, a: Arguments) -> StrongPose:
    return StrongPose.from_pretrained(model, size=a.size, threads=a.threads, runtime=a.runtime)


def peak_of_many(model: str, paths: Sequence[Path], a: Arguments) -> float | str:
    """The peak memory in MB of a process that finds the poses in all photos."""
    for _ in opened(model, a).predict_many(paths, a.batch):
        pass
    peak = peak_memory_mb()
    return "–" if peak is None else round(peak)


if __name__ == "__main__":
    with errors_in_one_line():
        main(tyro.cli(Arguments))
