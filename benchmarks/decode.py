"""Measure decoding, from fields in memory to poses: crowds of real poses in one photo, on one core."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy and torch are imported

import cv2
import numpy as np
import torch
import tyro

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

LEAST_KEYPOINTS = 12  # of people taken from an annotation file
SHARE = 0.95  # of a square of the grid that a person fills at most
START_UPS = 5

START_UP = """
import sys, time
start = time.perf_counter()
import numpy as np
from strongpose.decode import decode
from strongpose.fields import Fields
from strongpose.skeleton import COCO
imported = time.perf_counter()
with np.load(sys.argv[1]) as maps:
    fields = Fields(**maps, stride=int(sys.argv[2]), skeleton=COCO)
loaded = time.perf_counter()
decode(fields)
print(imported - start, time.perf_counter() - loaded)
"""


def built_in_poses() -> list[np.ndarray]:
    """(17, 3) keypoints of the people in `POSES`."""
    poses = []
    for line in POSES.strip().splitlines():
        values = [math.nan if word == "-" else float(word) for word in line.split()]
        xy = np.array(values).reshape(17, 2)
        poses.append(np.concatenate([np.nan_to_num(xy), np.isfinite(xy[:, :1])], axis=1))
    return poses


def annotated_poses(path: Path) -> list[np.ndarray]:
    """(17, 3) keypoints of the people in a COCO keypoint file who show most of them.

    Raises:
        ValueError: if there are none.
    """
    poses = [
        np.array(a["keypoints"], dtype=float).reshape(17, 3)
        for a in json.loads(path.read_text())["annotations"]
        if not a.get("iscrowd") and a.get("num_keypoints", 0) >= LEAST_KEYPOINTS
    ]
    if not poses:
        raise ValueError(f"expected people with {LEAST_KEYPOINTS} keypoints or more, found none in {path}")
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


def perfect_fields(people: np.ndarray, side: int, stride: int, radius: float) -> Fields:
    """What a perfect network would predict for (N, 17, 3) people."""
    cells = cell_count(side, stride)
    return encode(torch.from_numpy(people)[None], (cells, cells), stride, COCO, radius).fields(0, stride, COCO)


@dataclass(frozen=True)
class Row:
    """What was measured for one number of people."""

    people: int
    poses: float
    median_ms: float
    p95_ms: float
    processor_ms: float
    peak_mb: float


def measure(crowds: Sequence[Fields], people: int, repeats: int, options: DecodeOptions) -> Row:
    """Decode the crowds in turn: wall and processor time, and the most memory that one decoding holds at a time."""
    poses = [len(decode(fields, options)) for fields in crowds]
    times, processor = [], []
    for i in range(repeats):
        start, start_processor = time.perf_counter(), time.process_time()
        decode(crowds[i % len(crowds)], options)
        processor.append(1e3 * (time.process_time() - start_processor))
        times.append(1e3 * (time.perf_counter() - start))
    tracemalloc.start()
    decode(crowds[0], options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    median, p95 = np.percentile(times, [50, 95]).round(3).tolist()
    return Row(
        people, float(np.mean(poses)), median, p95, round(float(np.median(processor)), 3), round(peak / 2**20, 2)
    )


def start_up(fields: Fields) -> tuple[float, float, float]:
    """Seconds of a fresh process: all of it, importing, and the first decoding."""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fields.npz"
        np.savez(
            path,
            heatmaps=fields.heatmaps,
            offsets=fields.offsets,
            displacements=fields.displacements,
            body=fields.body,
        )
        for _ in range(START_UPS):
            start = time.perf_counter()
            command = [sys.executable, "-c", START_UP, str(path), str(fields.stride)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            times.append((time.perf_counter() - start, *map(float, done.stdout.split())))
    whole, importing, first = np.median(times, axis=0)
    return float(whole), float(importing), float(first)


@dataclass(frozen=True)
class Arguments:
    """Print a table of decoding times, the memory that decoding takes and the time a process takes to start."""

    annotations: tyro.conf.Positional[Path | None] = None
    """COCO keypoint annotations (JSON) to take poses from; without, ten poses that are built in."""
    side: int = 401
    """Width and height of the photo in pixels."""
    stride: int = 8
    """Pixels per cell."""
    radius: float = 16.0
    """R, the radius of the disks in pixels."""
    people: tuple[int, ...] = (1, 2, 5, 10, 20, 50, 100)
    """Crowds."""
    crowds: int = 10
    """Different crowds of each size."""
    repeats: int = 300
    """Decodings of each size, all crowds in turn."""
    json: bool = False
    """Print everything once more as JSON in the last line."""


def main(arguments: Arguments) -> None:
    a = arguments
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    poses = annotated_poses(a.annotations) if a.annotations else built_in_poses()
    options = DecodeOptions(disk_radius=a.radius)
    rng = np.random.default_rng(0)
    print(f"{len(poses)} different poses, photo {a.side} × {a.side} px, stride {a.stride}, R {a.radius:g} px")
    print("| people | poses found | decoding, ms (median) | 95th percentile | processor time, ms | peak memory, MB |")
    print("|---|---|---|---|---|---|")
    rows = []
    for people in a.people:
        crowds = [
            perfect_fields(crowd(poses, people, a.side, rng), a.side, a.stride, a.radius) for _ in range(a.crowds)
        ]
        rows.append(measure(crowds, people, a.repeats, options))
        r = rows[-1]
        times = f"{r.median_ms:.2f} | {r.p95_ms:.2f} | {r.processor_ms:.2f}"
        print(f"| {people} | {r.poses:.1f} | {times} | {r.peak_mb:.1f} |", flush=True)
    whole, importing, first = start_up(crowds[0])
    print(
        f"a fresh process has its first poses after {whole:.2f} s: "
        f"{importing:.2f} s importing, {1e3 * first:.1f} ms decoding {a.people[-1]} people"
    )
    if a.json:
        start = {"seconds": round(whole, 3), "import_s": round(importing, 3), "first_decode_ms": round(1e3 * first, 2)}
        print(json.dumps({"rows": [vars(row) for row in rows], "start_up": start}))


if __name__ == "__main__":
    main(tyro.cli(Arguments))
