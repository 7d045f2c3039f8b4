"""Systems side by side: every photo goes through all of them before the next one does, so noise hits all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Annotated, NamedTuple, Protocol

import cv2
import numpy as np
import tyro

from strongpose import Poses, StrongPose
from strongpose.runtime import RuntimeChoice


class Answer(NamedTuple):
    """The poses of a photo in its pixels, best first, and the seconds that the networks of it took."""

    poses: Poses
    network: float


class System(Protocol):
    """What finds the poses in a photo file."""

    name: str

    def __call__(self, photo: Path) -> Answer:
        """The poses of a photo."""


@dataclass
class Ours:
    """This project's estimator, with one size."""

    estimator: StrongPose
    name: str

    def __call__(self, photo: Path) -> Answer:
        """The poses of a photo."""
        fitted = self.estimator.fit(photo)
        start = time.perf_counter()
        fields = self.estimator.fields(fitted)
        network = time.perf_counter() - start
        return Answer(self.estimator.decode(fields, fitted), network)


@dataclass(frozen=True)
class Chosen:
    """The systems to run. The files of peers are the user's own; see docs/reports/peers.md."""

    models: tuple[str, ...] = ("base",)
    """Ours: released models' names, or paths of .onnx files, or of the .xml files of int8 models (OpenVINO only)."""
    runtimes: tuple[RuntimeChoice, ...] = ("openvino", "onnx")
    """What ours run on."""
    sizes: tuple[int, ...] = (401, 481, 561)
    """Long sides in pixels that ours look at."""
    yolo: Path | None = None
    """A YOLOv8-pose model, 640 pixels, .xml or .onnx."""
    detector: Path | None = None
    """Of the top-down pair: PicoDet, 320 pixels, .xml or .onnx."""
    keypoints: Path | None = None
    """Of the top-down pair: PP-TinyPose, 256 × 192 pixels, .xml or .onnx."""
    threads: int = 2
    """CPU threads of every network and of everything else."""

    def ours(self) -> list[System]:
        """Our models on each runtime that can run them, at each size."""
        found: list[System] = []
        for model, runtime, size in product(self.models, self.runtimes, self.sizes):
            if Path(model).suffix == ".xml" and runtime != "openvino":
                continue
            estimator = StrongPose.from_pretrained(model, size=size, threshold=0, threads=self.threads, runtime=runtime)
            found.append(Ours(estimator, f"{Path(model).stem}, {size} px, {estimator.runtime.name}"))
        return found

    def check(self) -> None:
        """Raise `SystemExit` where only one of the top-down pair was named; hold OpenCV to the threads."""
        if (self.detector is None) != (self.keypoints is None):
            raise SystemExit("the top-down pair needs both --detector and --keypoints")
        cv2.setNumThreads(self.threads)


Chosen_ = Annotated[Chosen, tyro.conf.arg(name="")]
"""`Chosen` among a script's arguments, without a prefix."""


@dataclass
class Runs:
    """What a system found in each photo, and in seconds the time from file to poses and that of its networks.

    Attributes:
        poses: one of each photo.
        total: (photos, repeats) once the runs are through.
        network: likewise.
    """

    poses: list[Poses] = field(default_factory=list)
    total: list[list[float]] = field(default_factory=list)
    network: list[list[float]] = field(default_factory=list)


def side_by_side(systems: Sequence[System], photos: Sequence[Path], repeats: int) -> list[Runs]:
    """Run every photo through all systems, then the next; first once untimed, then ``repeats`` times.

    The untimed runs let networks prepare for the sizes of the photos. The system that begins changes with every photo.
    """
    runs = [Runs() for _ in systems]
    for i, photo in enumerate(photos):
        for s in order(len(systems), i):
            runs[s].poses.append(systems[s](photo).poses)
            runs[s].total.append([])
            runs[s].network.append([])
    for repeat in range(repeats):
        for i, photo in enumerate(photos):
            for s in order(len(systems), i + repeat):
                start = time.perf_counter()
                answer = systems[s](photo)
                runs[s].total[i].append(time.perf_counter() - start)
                runs[s].network[i].append(answer.network)
    return runs


def order(systems: int, turn: int) -> list[int]:
    """Indices of the systems, another one first at every turn."""
    return [(turn + i) % systems for i in range(systems)]


class Times(NamedTuple):
    """Milliseconds a photo: from file to poses the median and the 95th percentile, and the networks' median."""

    median: float
    p95: float
    network: float


def times(total: Sequence[Sequence[float]], network: Sequence[Sequence[float]]) -> Times:
    """The summary of (photos, repeats) seconds."""
    every = [1e3 * seconds for photo in total for seconds in photo]
    of_network = [1e3 * seconds for photo in network for seconds in photo]
    return Times(statistics.median(every), float(np.percentile(every, 95)), statistics.median(of_network))
