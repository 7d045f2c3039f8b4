"""Measure how long decoding takes: drawn crowds of growing size in one photo, on one core."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import tyro

from strongpose.decode import decode
from strongpose.encode import encode
from strongpose.fields import Fields, cell_count
from strongpose.skeleton import COCO

# x, y of a standing person of height 1, seen from the front, in COCO's order
PERSON = np.array(
    [
        *((0, -0.45), (0.02, -0.47), (-0.02, -0.47), (0.05, -0.45), (-0.05, -0.45)),
        *((0.1, -0.3), (-0.1, -0.3), (0.15, -0.12), (-0.13, -0.12), (0.18, 0.05), (-0.14, 0.04)),
        *((0.07, 0.02), (-0.07, 0.02), (0.09, 0.26), (-0.08, 0.27), (0.1, 0.48), (-0.08, 0.48)),
    ]
)


def crowd(people: int, side: int, stride: int) -> Fields:
    """The perfect fields of so many people on a grid in a square photo."""
    grid = math.ceil(math.sqrt(people))
    square = side / grid
    rng = np.random.default_rng(0)
    keypoints = np.ones((1, people, 17, 3), dtype=np.float32)
    for i in range(people):
        centre = (np.array([i % grid, i // grid]) + 0.5) * square
        keypoints[0, i, :, :2] = PERSON * 0.9 * square + centre + rng.normal(0, 0.02 * square, (17, 2))
    cells = cell_count(side, stride)
    return encode(torch.from_numpy(keypoints), (cells, cells), stride, COCO).fields(0, stride, COCO)


@dataclass(frozen=True)
class Arguments:
    """Print a table of decoding times."""

    side: int = 401
    """Width and height of the photo in pixels."""
    stride: int = 8
    """Pixels per cell."""
    people: tuple[int, ...] = (1, 3, 10, 50)
    """Crowds."""
    repeats: int = 100
    """Of which the median is printed."""


def main(arguments: Arguments) -> None:
    cv2.setNumThreads(1)
    print("| people | poses | decoding, ms (median) |")
    print("|---|---|---|")
    for people in arguments.people:
        fields = crowd(people, arguments.side, arguments.stride)
        times = []
        for _ in range(arguments.repeats):
            start = time.process_time()
            poses = decode(fields)
            times.append(time.process_time() - start)
        print(f"| {people} | {len(poses)} | {1e3 * float(np.median(times)):.1f} |", flush=True)


if __name__ == "__main__":
    main(tyro.cli(Arguments))
