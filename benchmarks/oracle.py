"""Measure the oracle: annotations → fields → poses, the upper bound of the average precision."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro

from strongpose.decode import DecodeOptions, decode
from strongpose.encode import encode
from strongpose.evaluation import MAX_DETECTIONS, Metrics, evaluate_results
from strongpose.fields import Fields, cell_count, padded_side
from strongpose.images import FittedImage
from strongpose.skeleton import COCO, COCO_19, COCO_TREE, Skeleton

COARSE_STRIDE = 16
BATCH = 4
DISK_RADIUS = 16.0  # R in pixels, the paper's


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
    """What the oracle scores: COCO's figures, the number of people and poses, decoding time per photo."""

    metrics: Metrics
    people: int
    poses: int
    milliseconds: float


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
    times = []
    for photo, fields in perfect_fields(photos, stride, skeleton):
        start = time.process_time()
        poses = decode(fields, options)[:MAX_DETECTIONS]
        times.append(time.process_time() - start)
        keypoints = poses.keypoints.copy()
        keypoints[..., :2] = photo.fitted.to_photo(keypoints[..., :2])
        results += replace(poses, keypoints=keypoints).to_coco(photo.id)
    figures = evaluate_results(results, annotations, skeleton.sigmas)
    people = sum(len(photo.people) for photo in photos)
    return Result(figures, people, len(results), 1e3 * float(np.mean(times)))


@dataclass(frozen=True)
class Arguments:
    """Print the oracle's table for a COCO keypoint annotation file."""

    annotations: tyro.conf.Positional[Path]
    """COCO keypoint annotations (JSON); the photos are not needed."""
    long_side: int = 641
    """Long side in pixels to which the photos are scaled."""
    strides: tuple[int, ...] = (4, 8, 16)
    """Pixels per cell that the default graph is measured at."""
    graph_stride: int = 8
    """Pixels per cell that the graphs and options are compared at."""


def main(arguments: Arguments) -> None:
    torch.set_num_threads(1)
    defaults = DecodeOptions(disk_radius=DISK_RADIUS)
    known_only = replace(defaults, through_low_scores=False)
    unchecked = replace(defaults, backward_tolerance=1e6)
    rows = [("", COCO, stride, defaults) for stride in arguments.strides]
    rows += [("", graph, arguments.graph_stride, defaults) for graph in (COCO_19, COCO_TREE)]
    rows += [("no growth through low-score keypoints", COCO, arguments.graph_stride, known_only)]
    rows += [("no forward-backward check", COCO, arguments.graph_stride, unchecked)]
    print("| graph | edges | stride | decoder | AP | AP50 | AP75 | AR | people | poses | decoding, ms a photo |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for note, graph, stride, options in rows:
        r = oracle(arguments.annotations, stride, graph, options, arguments.long_side)
        print(
            f"| {graph.name} | {len(graph.edges)} | {stride} | {note or 'default'} | {r.metrics.ap:.3f} | "
            f"{r.metrics.ap50:.3f} | {r.metrics.ap75:.3f} | {r.metrics.ar:.3f} | {r.people} | {r.poses} | "
            f"{r.milliseconds:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main(tyro.cli(Arguments))
