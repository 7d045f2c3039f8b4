"""Measure body regions against annotated silhouettes, beside simpler regions of the same people.

python benchmarks/body_regions.py DATA/coco-val/annotations.json DATA/coco-val-2/annotations.json --json regions.json
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
import tyro
from one_line import errors_in_one_line
from region_figures import (
    PersonFigures,
    Silhouettes,
    average_precision,
    interval,
    judge,
    match,
    overlap,
    read_silhouettes,
    results_of,
    truth_of,
)
from result_tables import show_results

from strongpose import Poses, StrongPose
from strongpose.annotations import load_sets, photo_folder
from strongpose.decode.body import body_regions
from strongpose.encode.drawn_body import body_targets
from strongpose.evaluation import MAX_DETECTIONS
from strongpose.evaluation.diagnosis.people import People, object_similarities
from strongpose.fields import Fields
from strongpose.images import FittedImage, open_image

SURE = 0.1  # score from which a keypoint counts, as in body regions
ON = 0.5  # body heat from which a pixel is somebody's
COLUMNS = ["model", "regions", "people", "found", "IoU", "95 % interval", "IoU, all people", "leak"]
COLUMNS += ["mask AP", "mask AP50", "mask AP75", "box AP", "ms a photo"]


@dataclass(frozen=True)
class Arguments:
    """Print how well body regions match silhouettes: of the photos in which people have a `segmentation`."""

    annotations: tyro.conf.Positional[tuple[Path, ...]]
    """COCO keypoint annotations (JSON); their photos lie beside them."""
    images: tuple[Path, ...] = ()
    """The folder of the photos of each file, if it is another."""
    models: tuple[str, ...] = ("base",)
    """Released models' names, or paths of .onnx files."""
    size: int | None = None
    """Long side in pixels; left out, the model's and half of it."""
    json: Path | None = None
    """Also write the table to this results file."""


class Found(NamedTuple):
    """What was found in a photo, and what is there.

    Attributes:
        fitted: the photo as the network saw it.
        fields: the network's.
        poses: of N people, in photo pixels.
        silhouettes: of the annotated people.
        matches: (N,) int, which of the measured people each pose resembles, -1 for none.
    """

    fitted: FittedImage
    fields: Fields
    poses: Poses
    silhouettes: Silhouettes
    matches: np.ndarray


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
        raise SystemExit("name annotation files, and after --images no folder or one for each file")
    rows = [row for model in arguments.models for row in measure_model(model, arguments)]
    show_results(COLUMNS, rows, arguments.json)


def measure_model(model: str, arguments: Arguments) -> list[list[Any]]:
    """A row for every kind of regions, and one for the body heat map itself."""
    estimator = StrongPose.from_pretrained(model, size=arguments.size)
    photos = outlined_photos(estimator, arguments.annotations, arguments.images)
    kinds = {name: Measured() for name in KINDS}
    truth: list[dict[str, Any]] = []
    overlaps = []
    for number, (path, people) in enumerate(photos):
        found = look_at(estimator, path, people)
        truth += truth_of(number, found.silhouettes)
        for name, kind in KINDS.items():
            measure(kinds[name], kind, found, number, estimator.threshold)
        overlaps.append(overlap((body_map(found) >= ON) & ~found.silhouettes.ignored, found.silhouettes.union))
    rows: list[list[Any]] = [[Path(model).stem, name, *figures(kind, truth)] for name, kind in kinds.items()]
    heat = ["", "", "", "", round(float(np.mean(overlaps)), 3), *[""] * 6]
    return [*rows, [Path(model).stem, f"body heat map ≥ {ON}, of all people together; mean of the photos", *heat]]


def outlined_photos(
    estimator: StrongPose, files: Sequence[Path], images: Sequence[Path]
) -> list[tuple[Path, list[dict[str, Any]]]]:
    """The photos in which somebody has a silhouette, with the annotations of their people.

    Args:
        estimator: gives the skeleton.
        files: COCO keypoint annotations.
        images: the folder of the photos of each file, or none where they lie beside them.

    Raises:
        SystemExit: if there is none.
    """
    folders = [photo_folder(*pair) for pair in zip(files, images or [None] * len(files), strict=True)]
    data, paths = load_sets(files, folders, estimator.info.skeleton)
    people: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for person in data["annotations"]:
        people[person["image_id"]].append(person)
    outlined = {p["image_id"] for p in data["annotations"] if p.get("segmentation") and not p["iscrowd"]}
    if not outlined:
        raise SystemExit(f"{', '.join(map(str, files))}: nobody has a 'segmentation'; name files with silhouettes")
    return [(path, people[image_id]) for image_id, path in paths.items() if image_id in outlined]


def look_at(estimator: StrongPose, photo: Path, people: list[dict[str, Any]]) -> Found:
    """What is found in a photo, poses of all scores, and its annotated people."""
    views = estimator.views(estimator.inputs(open_image(photo)))
    fitted, fields = views[-1]
    silhouettes = read_silhouettes(people, fitted.photo_size)
    poses = estimator.with_threshold(0).poses(views)
    poses = poses[np.argsort(-poses.scores, kind="stable")[:MAX_DETECTIONS]]
    return Found(fitted, fields, poses, silhouettes, matched(poses, silhouettes))


def matched(poses: Poses, silhouettes: Silhouettes) -> np.ndarray:
    """(N,) int, which of the M measured people each pose is of; -1 for nobody of them."""
    people = People.from_coco(silhouettes.people, poses.skeleton.num_keypoints)
    similarities = object_similarities(poses.keypoints[..., :2], people, np.array(poses.skeleton.sigmas))
    found = match(similarities, poses.scores)
    return np.where(found < len(silhouettes.masks), found, -1)


def regions(found: Found) -> np.ndarray:
    """What ``--bodies`` gives."""
    return _masks(body_regions(found.fields, found.poses, found.fitted).instance_map, len(found.poses))


def drawn_bodies(found: Found) -> np.ndarray:
    """Bodies drawn from the sure keypoints as training targets are; a pixel goes to the person of the highest score."""
    height, width = found.fitted.photo_size
    points = torch.from_numpy(found.poses.keypoints)[:, None]
    xs, ys = (torch.arange(side, dtype=torch.float32) for side in (width, height))
    bodies = body_targets(points[..., :2], points[..., 2] >= SURE, xs, ys, found.poses.skeleton).numpy()
    owners = np.full((height, width), -1)
    for i in np.argsort(found.poses.scores, kind="stable"):
        owners[bodies[i]] = i
    return _masks(owners, len(bodies))


def keypoint_boxes(found: Found) -> np.ndarray:
    """The boxes of the keypoints, filled; they may overlap."""
    low, high = found.poses.boxes[:, :2], found.poses.boxes[:, 2:]
    rows, columns = (np.arange(side)[None] for side in found.fitted.photo_size)
    return ((rows >= low[:, 1:]) & (rows <= high[:, 1:]))[:, :, None] & (
        (columns >= low[:, :1]) & (columns <= high[:, :1])
    )[:, None, :]


KINDS: dict[str, Callable[[Found], np.ndarray]] = {
    "body regions": regions,
    "bodies drawn from the keypoints": drawn_bodies,
    "boxes of the keypoints": keypoint_boxes,
}
"""(N, H, W) bool each, the pixels of each pose's person."""


def body_map(found: Found) -> np.ndarray:
    """(H, W) float32, the body heat map up-sampled bilinearly to photo pixels."""
    stride = (found.fitted.pixels.shape[1] - 1) // (found.fields.body.shape[1] - 1)
    rows, columns = (np.arange(side, dtype=np.float64) for side in found.fitted.photo_size)
    scale_x, scale_y = found.fitted.scale
    x, y = np.meshgrid(((columns + 0.5) * scale_x - 0.5) / stride, ((rows + 0.5) * scale_y - 0.5) / stride)
    places = x.astype(np.float32), y.astype(np.float32)
    return cv2.remap(found.fields.body.astype(np.float32), *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def measure(
    measured: Measured, kind: Callable[[Found], np.ndarray], found: Found, number: int, threshold: float
) -> None:
    """Add the regions of a photo, and how well and fast those of the shown poses are made."""
    is_shown = found.poses.scores >= threshold
    shown = found._replace(poses=found.poses[is_shown], matches=found.matches[is_shown])
    start = time.process_time()
    regions_shown = kind(shown)
    measured.seconds.append(time.process_time() - start)
    measured.people += judge(number, found.silhouettes, regions_shown, shown.matches)
    measured.results += results_of(number, kind(found), found.poses.scores)


def figures(kind: Measured, truth: list[dict[str, Any]]) -> list[Any]:
    """The cells of one kind of regions."""
    found = [person for person in kind.people if person.matched]
    low, high = interval([person.iou for person in found], [person.photo for person in found])
    leaks = [person.leak for person in found if not np.isnan(person.leak)]
    return [
        len(kind.people),
        len(found),
        np.mean([person.iou for person in found]) if found else np.nan,
        f"{low:.3f} to {high:.3f}".replace("0.", "."),
        np.mean([person.iou for person in kind.people]) if kind.people else np.nan,
        np.mean(leaks) if leaks else np.nan,
        *average_precision(truth, kind.results, "segm"),
        average_precision(truth, kind.results, "bbox")[0],
        round(1e3 * float(np.median(kind.seconds)), 1),
    ]


def _masks(owners: np.ndarray, people: int) -> np.ndarray:
    """(N, H, W) bool of (H, W) int, who each pixel belongs to."""
    return owners == np.arange(people)[:, None, None]


if __name__ == "__main__":
    with errors_in_one_line():
        main(tyro.cli(Arguments))
