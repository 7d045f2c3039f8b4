"""Measure determinism: how poses differ between calls, processes, thread counts and runtimes.

python benchmarks/determinism.py DATA/coco-val/images
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import tyro
from one_line import errors_in_one_line
from result_tables import show_results

from strongpose import Poses, StrongPose
from strongpose.images.folders import photos_in
from strongpose.runtime import OpenVinoRuntime, resolve_model

Kind: TypeAlias = Literal["openvino", "openvino-float32", "onnx", "torch"]

SHOWN = 0.25  # `strongpose predict` leaves people with a lower score out
SURE = 0.3  # keypoints with a lower score are not confident
COLUMNS = ["model", "runtime", "compared with", "photos", "identical to the byte", "with people in another order"]
COLUMNS += ["people", "lost", "keypoints moved, px: maximum", "confident keypoints: median", "99 %", "maximum"]


@dataclass(frozen=True)
class Arguments:
    """Print how many photos keep their poses byte by byte, and how far the keypoints of the others move."""

    photos: tyro.conf.Positional[Path]
    """Folder of photos."""
    models: tuple[str, ...] = ("base", "fast")
    """Models that come with the package, or paths."""
    runtimes: tuple[Kind, ...] = ("openvino", "openvino-float32", "onnx", "torch")
    """What runs the networks; of models that only OpenVINO runs, the others are left out."""
    threads: tuple[int, int] = (1, 2)
    """Two numbers of CPU threads, which are compared."""
    json: Path | None = None
    """Also write the table to this results file."""


def main(a: Arguments) -> None:
    paths = list(photos_in(a.photos).photos)
    few, more = a.threads
    rows = []
    for model in a.models:
        looks: list[tuple[str, list[Poses]]] = []
        for kind in a.runtimes:
            if resolve_model(model).suffix == ".xml" and not kind.startswith("openvino"):
                continue
            name, first, again = look_elsewhere(model, kind, few, paths)
            _, other, _ = look_elsewhere(model, kind, few, paths)
            _, threaded, _ = look_elsewhere(model, kind, more, paths)
            compared = {"a second call": again, "another process": other, f"{more} threads instead of {few}": threaded}
            rows += [[model, name, what, *difference(first, poses)] for what, poses in compared.items()]
            looks.append((name, first))
        rows += [[model, name, other, *difference(a, b)] for (other, a), (name, b) in combinations(looks, 2)]
    print(f"people of a score from {SHOWN}; confident: keypoints of a score from {SURE}\n")
    show_results(COLUMNS, rows, a.json)


def look_elsewhere(model: str, kind: Kind, threads: int, paths: Sequence[Path]) -> tuple[str, list[Poses], list[Poses]]:
    """`look` in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(look, model, kind, threads, paths).result()


def look(model: str, kind: Kind, threads: int, paths: Sequence[Path]) -> tuple[str, list[Poses], list[Poses]]:
    """The runtime's name and the poses of all photos, twice; the second time in one stream."""
    if kind == "openvino-float32":
        estimator = StrongPose(OpenVinoRuntime(resolve_model(model), threads, bf16=False), threshold=0)
    else:
        estimator = StrongPose.from_pretrained(model, threshold=0, runtime=kind, threads=threads)
    return estimator.runtime.name, [estimator(path) for path in paths], list(estimator.predict_many(paths))


def difference(one: Sequence[Poses], other: Sequence[Poses]) -> list[Any]:
    """The table's figures of two looks at the same photos.

    Photos with equal bytes; with people in another order, or not as many; people who score enough in the first look;
    those of them without a partner in the second within a tenth of their height and width; by how many pixels keypoints
    moved.
    """
    people = reordered = lost = 0
    moved, sure = [np.zeros(0)], [np.zeros(0, bool)]
    for a, b in zip(one, other, strict=True):
        firm = a[a.scores >= SHOWN]
        partners = []
        for person, best in pairs(firm, b):
            people += 1
            lost += best is None
            if best is not None:
                partners.append(best)
                moved.append(np.abs(b.keypoints[best, :, :2] - person[:, :2]).max(axis=1))
                sure.append(person[:, 2] >= SURE)
        reordered += partners != list(range(len(firm)))
    same = sum(content(a) == content(b) for a, b in zip(one, other, strict=True))
    pixels, firm_pixels = np.concatenate(moved), np.concatenate(moved)[np.concatenate(sure)]
    steps = np.percentile(firm_pixels, (50, 99, 100)) if len(firm_pixels) else [0.0] * 3
    return [len(one), same, reordered, people, lost, *(f"{step:.4f}" for step in (pixels.max(initial=0), *steps))]


def content(poses: Poses) -> tuple[bytes, ...]:
    return poses.keypoints.tobytes(), poses.scores.tobytes(), poses.boxes.tobytes()


def pairs(firm: Poses, others: Poses) -> Iterator[tuple[np.ndarray, int | None]]:
    """(K, 3) of every person, and the index of the person of ``others`` at the same place, if there is one."""
    for person in firm:
        best = None
        if len(others):
            known = person.keypoints[:, 2] >= min(SURE, float(person.keypoints[:, 2].max()))
            steps = np.linalg.norm(others.keypoints[:, known, :2] - person.keypoints[known, :2], axis=2)
            distances = np.median(steps, axis=1)
            nearest = int(distances.argmin())
            reach = 0.1 * max(float(np.ptp(person.box[::2])), float(np.ptp(person.box[1::2])))
            best = nearest if distances[nearest] <= reach else None
        yield person.keypoints, best


if __name__ == "__main__":
    with errors_in_one_line():
        main(tyro.cli(Arguments))
