"""Measure that `strongpose video` takes no more memory or file handles the longer the video is.

A small clip, over and over. Ends with status 1 if they grow beyond the bounds.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import tyro

from strongpose.images import open_image
from strongpose.video import VideoWriter


@dataclass(frozen=True)
class Arguments:
    """Print resident memory and open file handles of the command after some numbers of frames (Linux)."""

    photo: tyro.conf.Positional[Path] = Path("tests/photos/group.jpg")
    """A photo that is swung to and fro."""
    frames: tuple[int, ...] = (500, 2500, 5000)
    """When memory is looked at."""
    size: int = 193
    """Long side of the network's input in pixels."""
    most_megabytes: float = 16.0
    """By so much may memory grow between the last two of the numbers of frames."""
    most_handles: int = 0
    """The same of open file handles."""


def main(arguments: Arguments) -> int:
    with tempfile.TemporaryDirectory() as folder:
        clip, lines = Path(folder) / "clip.mp4", Path(folder) / "clip.poses.jsonl"
        write_clip(clip, arguments.photo, arguments.frames[-1] + 50)
        command = ["video", clip, "--out", folder, "--size", arguments.size, "--threads", 1]
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "strongpose.cli", *map(str, command)], stderr=sys.stderr)
        print("| frames | resident memory, MB | file handles | people × frames |\n|---|---|---|---|")
        usage = []
        for wanted in arguments.frames:
            while count_lines(lines) < wanted and process.poll() is None:
                time.sleep(0.2)
            people = sum(line.count('"id"') for line in lines.read_text().splitlines()[:wanted])
            usage.append((resident(process.pid), handles(process.pid)))
            print(f"| {wanted} | {usage[-1][0]:.1f} | {usage[-1][1]} | {people} |", flush=True)
        process.wait()
        print(f"\n{arguments.frames[-1] / (time.perf_counter() - start):.1f} frames a second")
    (memory, files), (later_memory, later_files) = usage[-2:]
    grown = later_memory - memory > arguments.most_megabytes or later_files - files > arguments.most_handles
    print("too much growth\n" * grown, end="")
    return int(grown or process.returncode != 0)


def write_clip(path: Path, photo: Path, frames: int) -> None:
    """A photo 192 pixels wide that swings by 12 pixels."""
    image = open_image(photo)
    small = cv2.resize(image, (192, round(192 * image.shape[0] / image.shape[1])), interpolation=cv2.INTER_AREA)
    with VideoWriter(path, Fraction(25)) as writer:
        for n in range(frames):
            moved = np.array([[1.0, 0, 12 * np.sin(n / 10)], [0, 1, 0]])
            writer.write(cv2.warpAffine(small, moved, small.shape[1::-1], borderMode=cv2.BORDER_REPLICATE), n / 25)


def count_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def handles(process: int) -> int:
    """How many files a process has open."""
    return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())


def resident(process: int) -> float:
    """Resident memory of a process in MB."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return float("nan")


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
