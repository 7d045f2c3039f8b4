"""Drawn people, fields encoded from them, and fields made by hand."""

from __future__ import annotations

import numpy as np
import torch

from strongpose.encode import encode
from strongpose.fields import DISK_RADIUS, Fields
from strongpose.skeleton import COCO, Skeleton

# x, y of a standing person of height 1, seen from the front, in COCO's order
PERSON = np.array(
    [
        *((0, -0.45), (0.02, -0.47), (-0.02, -0.47), (0.05, -0.45), (-0.05, -0.45)),
        *((0.1, -0.3), (-0.1, -0.3), (0.15, -0.12), (-0.13, -0.12), (0.18, 0.05), (-0.14, 0.04)),
        *((0.07, 0.02), (-0.07, 0.02), (0.09, 0.26), (-0.08, 0.27), (0.1, 0.48), (-0.08, 0.48)),
    ]
)

CHAIN = Skeleton.from_names(
    "chain",
    names=("a", "b", "c"),
    edges=(("a", "b"), ("b", "c")),
    flip_pairs=(),
    sigmas=(0.05, 0.05, 0.05),
    limbs=(),
)


def person(x: float, y: float, height: float) -> np.ndarray:
    """(17, 3) keypoints of a drawn person around x, y; all labelled."""
    return np.concatenate([PERSON * height + (x, y), np.ones((17, 1))], axis=1)


def crowd(rng: np.random.Generator, people: int, side: int) -> np.ndarray:
    """(N, 17, 3) people of random size and shape, each in a square of a grid over the picture."""
    grid = int(np.ceil(np.sqrt(people)))
    square = side / grid
    places = rng.permutation(grid * grid)[:people]
    drawn = []
    for place in places:
        height = square * rng.uniform(0.6, 0.85)
        centre = (np.array([place % grid, place // grid]) + 0.5) * square + rng.uniform(-0.05, 0.05, 2) * square
        body = person(*centre, height)
        body[:, :2] += rng.normal(0, 0.015 * height, (17, 2))
        drawn.append(body)
    return np.array(drawn).reshape(-1, 17, 3)


def encoded(
    people: np.ndarray,
    cells: tuple[int, int],
    stride: int = 8,
    skeleton: Skeleton = COCO,
    disk_radius: float = DISK_RADIUS,
) -> Fields:
    """The perfect fields of (N, K, 3) people."""
    k = skeleton.num_keypoints
    keypoints = torch.tensor(np.asarray(people), dtype=torch.float32).reshape(1, -1, k, 3)
    return encode(keypoints, cells, stride, skeleton, disk_radius).fields(0, stride, skeleton)


def empty(cells: tuple[int, int], stride: int = 8, skeleton: Skeleton = COCO) -> Fields:
    """Fields without anything in them; their arrays may be written to."""
    k, e = skeleton.num_keypoints, len(skeleton.edges)
    return Fields(
        heatmaps=np.zeros((k, *cells), np.float32),
        offsets=np.zeros((k, 2, *cells), np.float32),
        displacements=np.zeros((2 * e, 2, *cells), np.float32),
        body=np.zeros(cells, np.float32),
        stride=stride,
        skeleton=skeleton,
    )
