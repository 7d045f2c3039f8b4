"""Measure body regions against annotated silhouettes, beside simpler regions of the same people."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import tyro
from region_figures import PersonFigures, average_precision, interval, judge, match, mean, results_of, truth_of
from region_kinds import ON, Found, Kind, body_map, drawn_bodies, keypoint_boxes, regions, true_assignment, true_map
from silhouettes import Silhouettes, read_silhouettes

from strongpose import Poses, StrongPose
from strongpose.annotations import load_sets, photo_folder
from strongpose.evaluation import MAX_DETECTIONS
from strongpose.evaluation.diagnosis.people import People, object_similarities

REGIONS = "body regions"
KINDS: dict[str, Kind] = {
    REGIONS: regions,
    "bodies drawn from the keypoints": drawn_bodies,
    "boxes of the keypoints": keypoint_boxes,
    "boxes widened by .12 scales": partial(keypoint_boxes, width=0.12),
    "body regions of the true map": true_map,
    "body regions, map truly assigned": true_assignment,
}
TOLD = (true_map, true_assignment)  # which look at the annotations: their time means nothing
SIZES = (0.0, 0.1, 0.2, 0.4, 1.0)


@dataclass(frozen=True)
class Arguments:
    """Print how well body regions match silhouettes: of the photos in which people have a `segmentation`."""

    model: tyro.conf.Positional[str]
    """A released model's name, or the path of an .onnx file."""
    annotations: tyro.conf.Positional[tuple[Path, ...]]
    """COCO keypoint annotations (JSON); their photos lie beside them."""
    images: tuple[Path, ...] = ()
    """The folder of the photos of each file, if it is another."""
    size: int | None = None
    """Long side in pixels; left out, what the model recommends."""


@dataclass
class Measured:
    """What is known of one kind of regions.

    Attributes:
        people: every measured person.
        results: COCO results of all poses.
        seconds: for the shown poses of each photo.
    """

    people: list[PersonFigures] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def main(arguments: Arguments) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    files = arguments.annotations
    if not files or len(arguments.images) not in (0, len(files)):
        raise SystemExit("name annotation files after the model, and after --images no folder or one for each file")
    estimator = StrongPose.from_pretrained(arguments.model, size=arguments.size)
    photos = outlined_photos(estimator, files, arguments.images)
    if not photos:
        raise SystemExit(f"{', '.join(map(str, files))}: nobody has a 'segmentation'; name files with silhouettes")
    kinds = {name: Measured() for name in KINDS}
    truth: list[dict[str, Any]] = []
    owners: list[tuple[int, int]] = []
    overlaps = []
    for number, (path, people) in enumerate(photos):
        found = look_at(estimator, path, people)
        truth += truth_of(number, found.silhouettes)
        owners += [(number, int(person)) for person in found.matches]
        for name, kind in KINDS.items():
            measure(kinds[name], kind, found, number, estimator.threshold)
        warm, union = (body_map(found) >= ON) & ~found.silhouettes.ignored, found.silhouettes.union
        overlaps.append(((warm & union).sum(), (warm | union).sum()))
    measured = kinds[REGIONS].people
    print(f"{len(photos)} photos, {len(measured)} people, {sum(person.matched for person in measured)} found\n")
    print_kinds(kinds, truth)
    print_groups(kinds[REGIONS], truth, owners)
    shared, joined = np.array(overlaps).T
    print(
        f"\nbody heat map from {ON} on and the union of all silhouettes: IoU {(shared / joined).mean():.3f} as the mean"
    )
    print(f"of the photos, {shared.sum() / joined.sum():.3f} of all pixels together")


def outlined_photos(
    estimator: StrongPose, files: Sequence[Path], images: Sequence[Path]
) -> list[tuple[Path, list[dict[str, Any]]]]:
    """The photos in which somebody has a silhouette, with the annotations of their people.

    Args:
        estimator: gives the skeleton.
        files: COCO keypoint annotations.
        images: the folder of the photos of each file, or none where they lie beside them.
    """
    folders = [photo_folder(*pair) for pair in zip(files, images or [None] * len(files), strict=True)]
    data, paths = load_sets(files, folders, estimator.info.skeleton)
    people: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for person in data["annotations"]:
        people[person["image_id"]].append(person)
    outlined = {p["image_id"] for p in data["annotations"] if p.get("segmentation") and not p["iscrowd"]}
    return [(path, people[image_id]) for image_id, path in paths.items() if image_id in outlined]


def look_at(estimator: StrongPose, photo: Path, people: list[dict[str, Any]]) -> Found:
    """What is found in a photo, poses of all scores, and its annotated people."""
    fitted = estimator.fit(photo)
    silhouettes = read_silhouettes(people, fitted.photo_size)
    fields = estimator.fields(fitted)
    poses = estimator.with_threshold(0).decode(fields, fitted)
    poses = poses[np.argsort(-poses.scores, kind="stable")[:MAX_DETECTIONS]]
    return Found(fitted, fields, poses, silhouettes, matched(poses, silhouettes))


def measure(measured: Measured, kind: Kind, found: Found, number: int, threshold: float) -> None:
    """Add the regions of a photo, and how well and fast those of the shown poses are made."""
    is_shown = found.poses.scores >= threshold
    shown = found._replace(poses=found.poses[is_shown], matches=found.matches[is_shown])
    start = time.process_time()
    regions_shown = kind(shown)
    measured.seconds.append(time.process_time() - start)
    measured.people += judge(number, found.silhouettes, regions_shown, shown.matches, found.poses.skeleton)
    measured.results += results_of(number, kind(found), found.poses.scores)


def matched(poses: Poses, silhouettes: Silhouettes) -> np.ndarray:
    """(N,) int, which of the M measured people each pose is of; -1 for nobody of them."""
    people = People.from_coco(silhouettes.people, poses.skeleton.num_keypoints)
    similarities = object_similarities(poses.keypoints[..., :2], people, np.array(poses.skeleton.sigmas))
    found = match(similarities, poses.scores)
    return np.where(found < len(silhouettes.masks), found, -1)


def print_kinds(kinds: dict[str, Measured], truth: list[dict[str, Any]]) -> None:
    """Print the table of all kinds of regions."""
    print(
        "| regions | IoU, people found | IoU, all people | head | leak | mask AP | AP50 | AP75 | box AP | ms a photo |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, kind in kinds.items():
        found = [person for person in kind.people if person.matched]
        low, high = interval([person.iou for person in found], [person.photo for person in found])
        figures = [
            f"{figure(mean([person.iou for person in found]))} ({figure(low)} to {figure(high)})",
            figure(mean([person.iou for person in kind.people])),
            figure(mean([person.head for person in found])),
            figure(mean([person.leak for person in found])),
            *map(figure, average_precision(truth, kind.results, "segm")),
            figure(average_precision(truth, kind.results, "bbox")[0]),
            "–" if KINDS[name] in TOLD else f"{1e3 * np.median(kind.seconds):.1f}",
        ]
        print(f"| {name} | {' | '.join(figures)} |")


def print_groups(kind: Measured, truth: list[dict[str, Any]], owners: list[tuple[int, int]]) -> None:
    """Print how one kind of regions fits people of each size, and those whom others are close to or cover."""
    print(f"\n| {REGIONS} of | people | found | IoU, people found | IoU, all people | leak | mask AP | box AP |")
    print("|---|---|---|---|---|---|---|---|")
    measured = [annotation for annotation in truth if not annotation["iscrowd"]]  # in the order of kind.people
    for name, includes in groups():
        members = [includes(person) for person in kind.people]
        people = [person for person, inside in zip(kind.people, members, strict=True) if inside]
        keys = {(person.photo, person.person) for person in people}
        annotations = [annotation for annotation, inside in zip(measured, members, strict=True) if inside]
        results = [result for result, owner in zip(kind.results, owners, strict=True) if owner in keys]
        found = [person for person in people if person.matched]
        figures = [
            mean([person.iou for person in found]),
            mean([person.iou for person in people]),
            mean([person.leak for person in found]),
            *(average_precision(annotations, results, of)[0] if people else np.nan for of in ("segm", "bbox")),
        ]
        print(f"| {name} | {len(people)} | {len(found)} | {' | '.join(map(figure, figures))} |")


def groups() -> list[tuple[str, Callable[[PersonFigures], bool]]]:
    """People by size, the root of the share of the photo, and by how much of their box others' boxes cover."""

    def of_size(person: PersonFigures, low: float, high: float) -> bool:
        return low < person.size <= high

    return [
        *((f"size {low:g} to {high:g}", partial(of_size, low=low, high=high)) for low, high in pairwise(SIZES)),
        ("box covered by nobody's", lambda person: person.covered == 0),
        ("box covered up to 0.3", lambda person: 0 < person.covered <= 0.3),
        ("box covered more than 0.3", lambda person: person.covered > 0.3),
    ]


def figure(value: float) -> str:
    """Three decimals; a dash for what is not known."""
    return "–" if np.isnan(value) else f"{value:.3f}"


if __name__ == "__main__":
    main(tyro.cli(Arguments))
