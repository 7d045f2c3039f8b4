"""Measure determinism: how poses differ between calls, processes, thread counts and runtimes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import tyro

from strongpose import Poses, StrongPose
from strongpose.images.folders import photos_in
from strongpose.runtime import OpenVinoRuntime, resolve_model

Kind: TypeAlias = Literal["openvino", "openvino-float32", "onnx", "torch"]

SHOWN = 0.25  # `strongpose predict` leaves people with a lower score out
SURE = 0.3  # keypoints with a lower score are left out of the columns "sure"


@dataclass(frozen=True)
class Arguments:
    """Print how many photos keep their poses byte by byte, and how far the keypoints of the others move."""

    photos: tyro.conf.Positional[Path]
    """Folder of photos."""
    count: int = 0
    """So many photos only, evenly spaced; 0 takes all."""
    models: tuple[str, ...] = ("base", "fast")
    """Models that come with the package, or paths."""
    runtimes: tuple[Kind, ...] = ("openvino", "openvino-float32", "onnx", "torch")
    """What runs the networks; of models that only OpenVINO runs, the others are left out."""
    threads: tuple[int, int] = (1, 2)
    """Two numbers of CPU threads, which are compared."""
    limit: float = 0.05
    """End with status 1 if a thread more moves a keypoint of a sure person by more pixels than this."""


def estimator(model: str, kind: Kind, threads: int) -> StrongPose:
    """The model, with OpenVINO's precision as asked for."""
    if kind == "openvino-float32":
        return StrongPose(OpenVinoRuntime(resolve_model(model), threads, bf16=False), threshold=0)
    return StrongPose.from_pretrained(model, threshold=0, runtime=kind, threads=threads)


def look(model: str, kind: Kind, threads: int, paths: Sequence[Path], again: bool) -> tuple[str, list[list[Poses]]]:
    """The runtime's name and the poses of all photos; with ``again`` also those of a second run, in one stream."""
    network = estimator(model, kind, threads)
    found = [[network(path) for path in paths]]
    if again:
        found.append(list(network.predict_many(paths)))
    return network.runtime.name, found


def elsewhere(
    model: str, kind: Kind, threads: int, paths: Sequence[Path], again: bool = False
) -> tuple[str, list[list[Poses]]]:
    """`look` in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(look, model, kind, threads, paths, again).result()


def same(one: Sequence[Poses], other: Sequence[Poses]) -> int:
    """In how many photos all of keypoints, scores and boxes are the same bytes."""

    def content(poses: Poses) -> tuple[bytes, ...]:
        return poses.keypoints.tobytes(), poses.scores.tobytes(), poses.boxes.tobytes()

    return sum(content(a) == content(b) for a, b in zip(one, other, strict=True))


@dataclass(frozen=True)
class Difference:
    """Two looks at the same photos.

    Attributes:
        people: pairs of people, each who scores enough in the first look with who is nearest in the second.
        reordered: photos in which these people are not as many, or stand in another order.
        lost: people without a partner within a tenth of their height and width.
        moved: (M,) by how many pixels each of their keypoints moved.
        sure: (M,) which of the keypoints score enough.
        scores: by how much a keypoint's score changed at most.
    """

    people: int
    reordered: int
    lost: int
    moved: np.ndarray
    sure: np.ndarray
    scores: float

    def row(self) -> str:
        """Table cells: photos reordered, people lost, pixels at most, of sure keypoints: median, 99 %, most; score."""
        sure = self.moved[self.sure]
        middle, many = np.percentile(sure, [50, 99]) if len(sure) else (0, 0)
        most = self.moved.max(initial=0)
        return (
            f"{self.reordered} | {self.lost} of {self.people} | {most:.4f} | {middle:.4f} | {many:.4f} | "
            f"{sure.max(initial=0):.4f} | {self.scores:.5f}"
        )


HEADER = (
    "photos with another order of people | people lost | keypoint distance, px: maximum "
    "| confident: median | 99 % | maximum | score, maximum"
)


def difference(one: Sequence[Poses], other: Sequence[Poses], least: float = SHOWN) -> Difference:
    """Compare the people who score ``least`` or more in the first look with those of the second."""
    people = reordered = lost = 0
    moved, sure, scores = [np.zeros(0)], [np.zeros(0, bool)], 0.0
    for a, b in zip(one, other, strict=True):
        firm = a[a.scores >= least]
        partners = []
        for person, best in _pairs(firm, b):
            people += 1
            lost += best is None
            if best is not None:
                partners.append(best)
                found = b.keypoints[best]
                moved.append(np.abs(found[:, :2] - person[:, :2]).max(axis=1))
                sure.append(person[:, 2] >= SURE)
                scores = max(scores, float(np.abs(found[:, 2] - person[:, 2]).max()))
        reordered += partners != list(range(len(firm)))
    return Difference(people, reordered, lost, np.concatenate(moved), np.concatenate(sure), scores)


def _pairs(firm: Poses, others: Poses) -> Iterator[tuple[np.ndarray, int | None]]:
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


def main(arguments: Arguments) -> int:
    a = arguments
    paths = list(photos_in(a.photos).photos)
    if a.count:
        paths = [paths[i * len(paths) // a.count] for i in range(min(a.count, len(paths)))]
    few, more = a.threads
    looks: dict[tuple[str, Kind], tuple[str, list[Poses]]] = {}
    counted, compared, missed = [], [], False
    for model in a.models:
        for kind in a.runtimes:
            if resolve_model(model).suffix == ".xml" and kind not in ("openvino", "openvino-float32"):
                continue
            name, [first, again] = elsewhere(model, kind, few, paths, again=True)
            _, [other] = elsewhere(model, kind, few, paths)
            _, [others] = elsewhere(model, kind, more, paths)
            looks[model, kind] = name, first
            counts = [same(first, found) for found in (again, other, others)]
            counted.append(f"| {model} | {name} | " + " | ".join(map(str, counts)) + " |")
            change = difference(first, others)
            compared.append(f"| {model} | {name} | {change.row()} |")
            print(counted[-1], compared[-1], sep="\n", file=sys.stderr, flush=True)  # all of it takes a while
            most = float(change.moved.max(initial=0))
            missed |= min(counts[:2]) < len(paths) or most > a.limit or change.lost + change.reordered > 0
    print(f"{len(paths)} photos; people of a score from {SHOWN}; confident: keypoints of a score from {SURE}\n")
    print("Photos whose poses are identical to the byte:\n")
    print(f"| model | runtime | second call | another process | {more} threads instead of {few} |")
    print("|---" * 5 + "|\n" + "\n".join(counted))
    print(f"\nWith {few} and {more} threads:\n\n| model | runtime | {HEADER} |")
    print("|---" * 9 + "|\n" + "\n".join(compared))
    print(f"\nBetween runtimes, {few} threads:\n\n| model | runtime | compared with | {HEADER} |\n" + "|---" * 10 + "|")
    keys = list(looks)
    for i, (model, kind) in enumerate(keys):
        for later in keys[i + 1 :]:
            if later[0] == model:
                (name, one), (against, other) = looks[model, kind], looks[later]
                print(f"| {model} | {against} | {name} | {difference(one, other).row()} |")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
