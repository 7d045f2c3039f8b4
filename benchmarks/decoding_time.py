"""Measure decoding, from fields in memory to poses: crowds of real poses in one photo, on one core."""

from __future__ import annotations

import math
import os
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy and torch are imported

import cv2
import numpy as np
import torch
import tyro
from one_line import errors_in_one_line
from result_tables import show_results

from strongpose.decode import DecodeOptions, decode
from strongpose.encode import encode
from strongpose.fields import Fields, cell_count
from strongpose.skeleton import COCO

# x, y of the 17 keypoints of ten people, "-" where not annotated. Source: COCO train2017, annotations
# CC BY 4.0, photos 761, 192, 572, 731, 901, 86, 536, 183872, 37666, 368.
POSES = """
    48 28 48 23 43 25 54 22 34 29 69 50 30 47 79 86 16 78 78 113 12 93 54 110 23 106 38 174 26 169 49 220 34 213
    59 37 63 32 54 32 69 27 46 27 84 36 24 47 97 57 10 72 99 81 28 95 72 104 44 109 76 156 62 160 79 197 70 223
    74 67 83 53 61 56 94 36 40 41 114 47 7 49 120 141 -5 141 90 216 5 210 78 191 23 192 93 292 9 292 87 375 11 376
    63 28 70 24 55 25 80 32 45 33 101 71 33 70 120 125 5 118 76 127 26 127 96 194 46 197 98 279 51 282 99 338 54 337
    19 11 20 8 17 8 22 10 14 10 29 25 4 24 34 44 -5 43 24 54 3 54 23 61 7 60 19 83 7 82 18 104 7 103
    81 16 85 8 71 8 - - 56 3 103 42 34 44 112 99 7 108 96 103 46 103 95 161 60 161 133 218 66 219 95 302 52 326
    59 30 65 23 52 23 73 25 45 25 83 50 43 52 116 90 3 90 86 99 47 93 90 130 54 131 79 180 90 121 - - 147 180
    71 22 75 18 67 17 78 17 64 15 79 32 56 25 88 38 35 31 99 53 19 36 63 69 49 63 43 97 26 79 39 125 26 106
    52 35 64 35 52 27 75 48 - - 54 73 34 43 26 89 20 27 20 60 11 15 53 149 42 141 45 187 40 171 46 231 42 206
    82 44 89 39 76 40 106 36 - - 124 62 81 73 162 88 83 122 198 105 62 159 135 140 115 149 90 169 108 206 39 213 135 261
"""

SHARE = 0.95  # of a square of the grid that a person fills at most
SIDE, STRIDE, RADIUS = 401, 8, 16.0  # of the photo, the cells and the disks, in pixels
CROWDS = 10  # different ones of each size


def built_in_poses() -> list[np.ndarray]:
    """(17, 3) keypoints of the people in `POSES`."""
    poses = []
    for line in POSES.strip().splitlines():
        values = [math.nan if word == "-" else float(word) for word in line.split()]
        xy = np.array(values).reshape(17, 2)
        poses.append(np.concatenate([np.nan_to_num(xy), np.isfinite(xy[:, :1])], axis=1))
    return poses


def crowd(poses: Sequence[np.ndarray], people: int, side: int, rng: np.random.Generator) -> np.ndarray:
    """(N, 17, 3) different people side by side in a square photo, each as large as a square of a grid allows."""
    grid = math.ceil(math.sqrt(people))
    square = side / grid
    places = rng.permutation(grid * grid)[:people]
    drawn = np.zeros((people, 17, 3), dtype=np.float32)
    for person, place in zip(drawn, places, strict=True):
        pose = poses[int(rng.integers(len(poses)))]
        known = pose[:, 2] > 0
        low, extent = pose[known, :2].min(axis=0), np.ptp(pose[known, :2], axis=0)
        scale = square * SHARE * rng.uniform(0.8, 1) / extent.max()
        free = square - scale * extent
        corner = square * np.array([place % grid, place // grid]) + free * rng.random(2)
        person[known, :2] = corner + scale * (pose[known, :2] - low)
        person[known, 2] = 1
    return drawn


def perfect_fields(people: np.ndarray) -> Fields:
    """What a perfect network would predict for (N, 17, 3) people."""
    cells = cell_count(SIDE, STRIDE)
    return encode(torch.from_numpy(people)[None], (cells, cells), STRIDE, COCO, RADIUS).fields(0, STRIDE, COCO)


def measure(crowds: Sequence[Fields], people: int, repeats: int) -> list[Any]:
    """A row: processor time of decoding the crowds in turn, and the most memory that one decoding holds."""
    options = DecodeOptions(disk_radius=RADIUS)
    poses = [len(decode(fields, options)) for fields in crowds]
    times = []
    for i in range(repeats):
        start = time.process_time()
        decode(crowds[i % len(crowds)], options)
        times.append(1e3 * (time.process_time() - start))
    tracemalloc.start()
    decode(crowds[0], options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    median, p95 = np.percentile(times, [50, 95]).round(2).tolist()
    return [people, round(float(np.mean(poses)), 1), median, p95, round(peak / 2**20, 1)]


@dataclass(frozen=True)
class Arguments:
    """Print processor time and memory of decoding by number of people."""

    people: tuple[int, ...] = (1, 2, 5, 10, 20, 50, 100)
    """Crowds."""
    repeats: int = 300
    """Decodings of each size, its ten crowds in turn."""
    json: Path | None = None
    """Also write the table to this file."""


def main(arguments: Arguments) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    poses = built_in_poses()
    rng = np.random.default_rng(0)
    columns = ["people", "poses found", "decoding, ms (median)", "95th percentile, ms", "peak memory, MB"]
    rows = []
    for people in arguments.people:
        crowds = [perfect_fields(crowd(poses, people, SIDE, rng)) for _ in range(CROWDS)]
        rows.append(measure(crowds, people, arguments.repeats))
    show_results(columns, rows, arguments.json)


if __name__ == "__main__":
    with errors_in_one_line():
        main(tyro.cli(Arguments))
