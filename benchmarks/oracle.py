"""Measure kinematic graphs and the oracle: annotations → ideal fields → poses, the decoder's best average precision."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from one_line import errors_in_one_line
from result_tables import show_results

from strongpose.decode import DecodeOptions, decode
from strongpose.encode import encode
from strongpose.evaluation import MAX_DETECTIONS, Metrics, evaluate_results
from strongpose.fields import Fields, cell_count, padded_side
from strongpose.images import FittedImage
from strongpose.skeleton import COCO, COCO_19, COCO_TREE, Skeleton

STRIDE = 8  # pixels per cell at which graphs are compared
COARSE_STRIDE = 16
BATCH = 4
DISK_RADIUS = 16.0  # R in pixels, the paper's
ADDED = (
    ("ankle–ankle", (("left_ankle", "right_ankle"),)),
    ("wrist–hip", (("left_wrist", "left_hip"), ("right_wrist", "right_hip"))),
    ("shoulder–opposite wrist", (("left_shoulder", "right_wrist"), ("right_shoulder", "left_wrist"))),
)  # edges in the order in which they are taken away, each with those before it


@dataclass(frozen=True, eq=False)
class Photo:
    """The annotated people of one photo, (N, K, 3) in photo pixels, and how the photo is fitted to the network."""

    id: int
    people: np.ndarray
    fitted: FittedImage


def read_photos(annotations: Path, long_side: int) -> list[Photo]:
    """All photos of a COCO keypoint file; crowds and people without keypoints are left out of them."""
    data = json.loads(annotations.read_text())
    k = len(data["categories"][0]["keypoints"])
    people: dict[int, list[np.ndarray]] = {}
    for a in data["annotations"]:
        if not a["iscrowd"] and a["num_keypoints"] > 0:
            people.setdefault(a["image_id"], []).append(np.reshape(a["keypoints"], (k, 3)))
    photos = []
    for image in data["images"]:
        h, w = image["height"], image["width"]
        scaled = [max(1, round(side * long_side / max(h, w))) for side in (h, w)]
        padded = [padded_side(side, COARSE_STRIDE) for side in scaled]
        found = np.array(people.get(image["id"], []), dtype=np.float32).reshape(-1, k, 3)
        pixels = np.zeros((*padded, 3), dtype=np.uint8)
        photos.append(Photo(image["id"], found, FittedImage(pixels, (h, w), (scaled[0], scaled[1]))))
    return photos


def perfect_fields(photos: Sequence[Photo], stride: int, skeleton: Skeleton) -> Iterator[tuple[Photo, Fields]]:
    """What a perfect network would predict for each photo; photos of the same input size are encoded together."""

    def size(photo: Photo) -> tuple[int, ...]:
        return photo.fitted.pixels.shape[:2]

    for (h, w), group in itertools.groupby(sorted(photos, key=size), key=size):
        same_size = list(group)
        for first in range(0, len(same_size), BATCH):
            batch = same_size[first : first + BATCH]
            keypoints = np.zeros(
                (len(batch), max(len(p.people) for p in batch), skeleton.num_keypoints, 3), dtype=np.float32
            )
            for i, photo in enumerate(batch):
                keypoints[i, : len(photo.people), :, :2] = photo.fitted.to_input(photo.people[..., :2])
                keypoints[i, : len(photo.people), :, 2] = photo.people[..., 2]
            cells = cell_count(h, stride), cell_count(w, stride)
            targets = encode(torch.from_numpy(keypoints), cells, stride, skeleton, DISK_RADIUS)
            for i, photo in enumerate(batch):
                yield photo, targets.fields(i, stride, skeleton)


@dataclass(frozen=True)
class Result:
    """What the oracle scores: COCO's figures, the number of people and of poses."""

    metrics: Metrics
    people: int
    poses: int


def oracle(
    annotations: Path,
    stride: int = 8,
    skeleton: Skeleton = COCO,
    options: DecodeOptions = DecodeOptions(disk_radius=DISK_RADIUS),
    long_side: int = 641,
) -> Result:
    """Encode and decode all annotated people, and score them with COCO's evaluation, 20 detections a photo."""
    photos = read_photos(annotations, long_side)
    results: list[dict[str, Any]] = []
    for photo, fields in perfect_fields(photos, stride, skeleton):
        poses = decode(fields, options)[:MAX_DETECTIONS]
        keypoints = poses.keypoints.copy()
        keypoints[..., :2] = photo.fitted.to_photo(keypoints[..., :2])
        results += replace(poses, keypoints=keypoints).to_coco(photo.id)
    figures = evaluate_results(results, annotations, skeleton.sigmas)
    people = sum(len(photo.people) for photo in photos)
    return Result(figures, people, len(results))


def thinned() -> dict[str, Skeleton]:
    """COCO's graph, and what is left of it without the edges that were added last, by name."""
    graphs, name = {COCO.name: COCO}, COCO.name
    for what, links in ADDED:
        left_out = {frozenset(COCO.names.index(end) for end in link) for link in links}
        edges = tuple(edge for edge in graphs[name].edges if frozenset(edge) not in left_out)
        name = f"… without {what}"
        graphs[name] = replace(COCO, edges=edges)
    return graphs


def pieces(labelled: np.ndarray, skeleton: Skeleton) -> list[np.ndarray]:
    """The (K,) labelled keypoints as masks of those that edges between labelled keypoints hold together."""
    piece = np.where(labelled, np.arange(len(labelled)), -1)
    for _ in labelled:
        for a, b in skeleton.edges:
            if labelled[a] and labelled[b]:
                piece[[a, b]] = min(piece[a], piece[b])
    return [piece == name for name in np.unique(piece[labelled])]


def disconnected(people: Sequence[dict[str, Any]], skeleton: Skeleton) -> float:
    """The percentage of those with at least two labelled keypoints that come in pieces."""
    labelled = [np.reshape(person["keypoints"], (-1, 3))[:, 2] > 0 for person in people if person["num_keypoints"] > 1]
    return 100 * float(np.mean([len(pieces(mask, skeleton)) > 1 for mask in labelled]))


def upper_bound(annotations: Path, people: Sequence[dict[str, Any]], skeleton: Skeleton) -> float:
    """The AP of a decoder that finds every piece exactly, each as a person; bigger pieces score higher."""
    results = []
    for person in people:
        keypoints = np.reshape(person["keypoints"], (-1, 3)).astype(float)
        for piece in pieces(keypoints[:, 2] > 0, skeleton):
            found = np.where(piece[:, None], keypoints, [*keypoints[piece, :2].mean(axis=0), 0])
            results.append({"image_id": person["image_id"], "category_id": 1, "keypoints": found.ravel().tolist()})
            results[-1]["score"] = float(piece.sum() / len(piece))
    return evaluate_results(results, annotations, skeleton.sigmas).ap


@dataclass(frozen=True)
class Arguments:
    """Print the connectivity of kinematic graphs in annotations, and what the decoder makes of ideal fields."""

    annotations: tyro.conf.Positional[Path]
    """COCO keypoint annotations (JSON); the photos are not needed."""
    long_side: int = 641
    """Long side in pixels to which the photos are scaled."""
    json: Path | None = None
    """Also write the table to this file."""


def main(arguments: Arguments) -> None:
    torch.set_num_threads(1)
    people = [
        person
        for person in json.loads(arguments.annotations.read_text())["annotations"]
        if not person["iscrowd"] and person["num_keypoints"] > 0
    ]
    settings = [(name, graph, STRIDE) for name, graph in thinned().items()]
    settings += [(graph.name, graph, STRIDE) for graph in (COCO_19, COCO_TREE)]
    settings += [(COCO.name, COCO, stride) for stride in (4, 16)]
    columns = ["graph", "edges", "stride", "disconnected people, %", "upper bound of AP", "AP", "AP50", "AP75", "AR"]
    rows: list[list[Any]] = []
    for name, graph, stride in settings:
        bound = upper_bound(arguments.annotations, people, graph)
        r = oracle(arguments.annotations, stride, graph, long_side=arguments.long_side)
        rows.append([name, len(graph.edges), stride, round(disconnected(people, graph), 1), bound])
        rows[-1] += [r.metrics.ap, r.metrics.ap50, r.metrics.ap75, r.metrics.ar, r.people, r.poses]
    columns += ["people", "poses"]
    show_results(columns, rows, arguments.json)


if __name__ == "__main__":
    with errors_in_one_line():
        main(tyro.cli(Arguments))
