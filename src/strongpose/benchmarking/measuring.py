"""Time the steps from photo to poses, of one model on one runtime, in this process."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from strongpose.benchmarking.machine import busy_seconds, peak_memory_mb
from strongpose.evaluation import MAX_DETECTIONS
from strongpose.exceptions import EvaluationError
from strongpose.images import open_image
from strongpose.inference import StrongPose
from strongpose.poses import Poses
from strongpose.runtime import resolve_model
from strongpose.runtime.model import model_files

__all__ = ["Job", "Measurement", "RuntimeName", "measure"]

RuntimeName = Literal["openvino", "onnx", "torch"]

_PACKAGES = {"openvino": "openvino", "onnx": "onnxruntime", "torch": "torch"}


@dataclass(frozen=True)
class Job:
    """What is measured.

    Attributes:
        model: a packaged name or a path.
        runtime: what runs the network.
        photos: P paths.
        sizes: long sides in pixels; empty for what the model recommends.
        flip: whether flip augmentation is used.
        threads: CPU threads of the network; 0 takes all cores.
        repeat: R, how often every photo is looked at.
        keypoints: names that the model's keypoints must have, those of the annotations; empty for any.
    """

    model: str
    runtime: RuntimeName
    photos: tuple[str, ...]
    sizes: tuple[int, ...] = ()
    flip: bool = False
    threads: int = 0
    repeat: int = 1
    keypoints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measurement:
    """What `measure` found.

    Attributes:
        runtime: the runtime and how it computes, for people.
        version: the runtime's package and its version.
        file_mb: the model's file or files, in 10⁶ bytes.
        sizes: long sides in pixels at which photos were looked at.
        start_s: seconds for opening the model, with importing the runtime, and for the poses of the first photo.
        read_ms: R lists of P times in milliseconds: opening the photo and fitting it to the network's inputs.
        network_ms: the same of the network, at all sizes, with averaging over mirroring.
        decode_ms: the same of the decoder, to poses in photo pixels, each person once.
        people: P numbers of people found with the score of the model's own threshold or more.
        results: at most 20 poses a photo as COCO keypoint results; ``image_id`` is the photo's index.
        sigmas: K tolerances of the model's skeleton.
        peak_mb: the most memory that the process held, in 10⁶ bytes; None where the system does not tell.
        other_cores: how many cores other programs kept busy meanwhile, on average; None where the system does not tell.
    """

    runtime: str
    version: str
    file_mb: float
    sizes: list[int]
    start_s: float
    read_ms: list[list[float]]
    network_ms: list[list[float]]
    decode_ms: list[list[float]]
    people: list[int]
    results: list[dict[str, Any]]
    sigmas: list[float]
    peak_mb: float | None
    other_cores: float | None


def measure(job: Job, progress: Callable[[int, int], None] = lambda done, total: None) -> Measurement:
    """Look at every photo, one at a time, after a warm-up with one photo of every input shape.

    The warm-up also opens every photo once, so that reading them does not wait for the disk later.

    Args:
        job: what is measured.
        progress: called after every photo with the number done and the total.

    Raises:
        strongpose.exceptions.EvaluationError: if the model's keypoints are not those of the job.
        strongpose.exceptions.ImageError: if a photo cannot be opened.
        strongpose.exceptions.ModelError: if the model or the runtime cannot be used.
        ValueError: if a size is not positive.
    """
    start = time.perf_counter()
    estimator = StrongPose.from_pretrained(
        job.model,
        size=job.sizes or None,
        flip=job.flip,
        threshold=0,  # AP is about people of all scores
        threads=job.threads,
        runtime=job.runtime,
    )
    estimator(job.photos[0])
    start_s = time.perf_counter() - start
    skeleton = estimator.info.skeleton
    if job.keypoints and job.keypoints != skeleton.names:
        raise EvaluationError(
            f"{job.model}: its keypoints are {', '.join(skeleton.names)}, "
            f"but those of the annotations {', '.join(job.keypoints)}"
        )
    _warm_up(estimator, job.photos)

    before = (busy_seconds(), time.process_time(), time.perf_counter())
    times = np.zeros((3, job.repeat, len(job.photos)))
    people, results = [], []
    for turn in range(job.repeat):
        for i, photo in enumerate(job.photos):
            poses, times[:, turn, i] = _look(estimator, photo)
            if turn == 0:
                people.append(int((poses.scores >= estimator.info.threshold).sum()))
                best = np.argsort(-poses.scores, kind="stable")[:MAX_DETECTIONS]
                results += poses[best].to_coco(i)
            progress(turn * len(job.photos) + i + 1, times[0].size)
    after = (busy_seconds(), time.process_time(), time.perf_counter())
    read_ms, network_ms, decode_ms = times.tolist()
    return Measurement(
        runtime=estimator.runtime.name,
        version=_version(_PACKAGES[job.runtime]),
        file_mb=_file_mb(resolve_model(job.model)),
        sizes=list(estimator.sizes),
        start_s=start_s,
        read_ms=read_ms,
        network_ms=network_ms,
        decode_ms=decode_ms,
        people=people,
        results=results,
        sigmas=list(skeleton.sigmas),
        peak_mb=peak_memory_mb(),
        other_cores=_other_cores(before, after),
    )


def _look(estimator: StrongPose, photo: str) -> tuple[Poses, tuple[float, float, float]]:
    """The poses of a photo, and the milliseconds of reading, network and decoding."""
    start = time.perf_counter()
    pixels = open_image(photo)
    inputs = estimator.inputs(pixels)
    read = time.perf_counter()
    views = estimator.views(inputs)
    seen = time.perf_counter()
    poses = estimator.poses(views)
    end = time.perf_counter()
    return poses, (1e3 * (read - start), 1e3 * (seen - read), 1e3 * (end - seen))


def _warm_up(estimator: StrongPose, photos: Iterable[str]) -> None:
    """Run network and decoder once for every different input shape among the photos: runtimes prepare each."""
    known = set()
    for photo in photos:
        pixels = open_image(photo)
        inputs = estimator.inputs(pixels)
        shapes = tuple(fitted.pixels.shape for fitted in inputs.values())
        if shapes not in known:
            known.add(shapes)
            estimator.poses(estimator.views(inputs))


def _other_cores(before: tuple[float | None, float, float], after: tuple[float | None, float, float]) -> float | None:
    """Cores busy with other programs, of readings of `busy_seconds`, own processor time and the clock."""
    if before[0] is None or after[0] is None:
        return None
    busy, own, wall = after[0] - before[0], after[1] - before[1], after[2] - before[2]
    return max(0.0, busy - own) / wall


def _version(package: str) -> str:
    """Package and version, without the name of the build."""
    return f"{package} {importlib.import_module(package).__version__.split('-')[0]}"


def _file_mb(path: Path) -> float:
    """10⁶ bytes of a model's file; of an OpenVINO model, of both."""
    return sum(file.stat().st_size for file in model_files(path)) / 1e6
