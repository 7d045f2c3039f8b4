"""What damaged input may lead to: a result, or one clear line that names the file."""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from damaged_photos import Damaged

from strongpose.exceptions import ImageError
from strongpose.images import open_image
from strongpose.inference import StrongPose

__all__ = ["LONGEST", "Tally", "is_one_line", "look_at", "post_all", "predict_all", "try_all"]

LONGEST = 700
"""Characters in a message, path and all."""

_LIBTIFF = r"(?:(?:TIFF|ZIP|LZW|PackBits|Fax|JPEG|CCITT|Predictor|_TIFF|tempfile\.tif)\S*|More samples[^:\n]*): "
"""How libtiff begins what it says of damaged TIFF files on standard error of its own accord; Pillow has no switch."""

_OURS = r"(?:strongpose: .*\n)*"
_LIBTIFF_LINE = re.compile(
    rf"^{_LIBTIFF}(?P<early>{_OURS})(?:(?!strongpose: ).){{,200}}?(?P<late>{_OURS})\.?$", re.MULTILINE
)
"""Such a line. It is written in three parts; another thread may write lines of ours before the second and the third."""

_MEASURED = """
import pathlib, resource, subprocess, sys
status = subprocess.run(sys.argv[2:]).returncode
pathlib.Path(sys.argv[1]).write_text(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(status)
"""
"""Runs a command and writes its greatest memory; beside a process as large as the tests' it would get theirs."""


@dataclass
class Tally:
    """What became of damaged inputs.

    Attributes:
        counts: by outcome.
        wrong: what must not be, one line each.
        slowest: seconds, and which one it was.
    """

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")

    def add(self, other: Tally) -> None:
        """Count those of another tally as well."""
        self.counts += other.counts
        self.wrong += other.wrong
        self.slowest = max(self.slowest, other.slowest)


def is_one_line(message: str, name: str) -> bool:
    """Whether a message is one line of moderate length in which the name occurs."""
    return name in message and len(message.splitlines()) == 1 and len(message) <= LONGEST


def lines_of_ours(said: str) -> list[str]:
    """The lines of standard error that libtiff did not write."""
    return [line for line in _LIBTIFF_LINE.sub(lambda line: line["early"] + line["late"], said).splitlines() if line]


def look_at(photo: Damaged | np.ndarray, estimator: StrongPose | None, tally: Tally) -> None:
    """Open a photo and, with an estimator, find its people."""
    name = photo.name if isinstance(photo, Damaged) else f"array {photo.shape} of {photo.dtype}"
    source = photo.data if isinstance(photo, Damaged) else photo
    start = time.perf_counter()
    try:
        pixels = open_image(source, name)
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
            tally.wrong.append(f"{name}: opened as {pixels.shape} of {pixels.dtype}")
        if isinstance(photo, Damaged) and photo.is_cut:
            tally.wrong.append(f"{name}: more than half is missing, but it was opened")
        if isinstance(photo, np.ndarray) and (
            photo.dtype != np.uint8
            or photo.shape[:2] != pixels.shape[:2]
            or photo.shape[2:] not in ((), (1,), (3,), (4,))
        ):
            tally.wrong.append(f"{name}: taken for a grey, RGB or RGBA image")
        tally.counts["opened"] += 1
        if estimator is not None:
            poses = estimator(pixels)
            if not (np.isfinite(poses.keypoints).all() and np.isfinite(poses.scores).all()):
                tally.wrong.append(f"{name}: poses that are not finite")
            tally.counts["through the network"] += 1
    except ImageError as error:
        tally.counts["refused"] += 1
        if not is_one_line(str(error), name):
            tally.wrong.append(f"{name}: not one line that names it: {error!r:.300}")
    except Exception as error:
        tally.wrong.append(f"{name}: {error!r:.300}")
    tally.slowest = max(tally.slowest, (time.perf_counter() - start, name))


def predict_all(photos: Sequence[Damaged], folder: Path, model: Path, size: int = 65) -> tuple[Tally, float]:
    """Run ``strongpose predict`` on a folder of photos in one process.

    Returns:
        What became of them, and its greatest resident memory in MB.
    """
    (folder / "photos").mkdir(parents=True)
    names = [photo.name for photo in photos]
    for photo in photos:
        (folder / "photos" / photo.name).write_bytes(photo.data)
    out = folder / "out"
    options = ["--out", out, "--model", model, "--size", size, "--threads", 1, "--runtime", "onnx"]
    command = [sys.executable, "-X", "faulthandler", "-m", "strongpose.cli", "predict", folder / "photos", *options]
    measured = [sys.executable, "-c", _MEASURED, folder / "kilobytes", *command]
    start = time.perf_counter()
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        process = subprocess.run(list(map(str, measured)), stdout=stdout, stderr=stderr, stdin=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    kilobytes = int((folder / "kilobytes").read_text())
    done = (folder / "stdout").read_text().splitlines()
    complaints = lines_of_ours((folder / "stderr").read_text())
    tally = Tally(slowest=(seconds / len(photos), f"mean of {len(photos)} photos"))
    if process.returncode != bool(complaints):
        tally.wrong.append(f"status {process.returncode} with {len(complaints)} complaints")
    told = {name: sum(f"/{name}: " in line for line in (*done, *complaints)) for name in names}
    tally.wrong += [f"{name}: told {times} times" for name, times in told.items() if times != 1]
    for line in complaints:
        if not line.startswith(f"strongpose: {folder}") or not is_one_line(line, str(folder)):
            tally.wrong.append(f"on standard error: {line[:300]}")
    written = {path.name for path in out.glob("*")}  # there is no folder where all were refused
    for name in names:
        stem = name.rpartition(".")[0]
        if any(f"/{name}: " in line for line in done) != ({f"{stem}.poses.json", f"{stem}.poses.jpg"} <= written):
            tally.wrong.append(f"{name}: its result and its files do not agree")
    tally.counts.update(refused=len(complaints), opened=len(photos) - len(complaints))
    return tally, kilobytes / 1024


def post_all(url: str, photos: Iterable[Damaged]) -> Tally:
    """Send photos to ``strongpose serve`` one after the other, on one connection as long as it is kept."""
    import json

    tally, parts = Tally(), urlsplit(url)
    kinds = {"png": "image/png", "webp": "image/webp"}
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    for photo in photos:
        start = time.perf_counter()
        try:
            kind = kinds.get(photo.name.rpartition(".")[2], "image/jpeg")
            connection.request("POST", "/api/poses", photo.data, {"Content-Type": kind})
            response = connection.getresponse()
            status, answer = response.status, json.loads(response.read())
            tally.counts[f"status {status}"] += 1
            if status == 200:
                if not {"people", "width", "height"} <= set(answer) or photo.is_cut:
                    tally.wrong.append(f"{photo.name}: {status} {str(answer)[:200]}")
            elif status not in (413, 422) or set(answer) != {"error"} or not is_one_line(answer["error"], ""):
                tally.wrong.append(f"{photo.name}: {status} {str(answer)[:200]}")
        except Exception as error:
            tally.wrong.append(f"{photo.name}: {error!r:.300}")
            connection.close()
        tally.slowest = max(tally.slowest, (time.perf_counter() - start, photo.name))
    connection.close()
    return tally


def try_all(cases: Any, work: Callable[[Any], None], name: str, refusals: tuple[type[Exception], ...]) -> Tally:
    """Do something with each of many (description, input) pairs.

    Args:
        cases: the pairs.
        work: what is done with an input.
        name: of the file, which every refusal must name.
        refusals: exceptions that commands show as one line.
    """
    tally = Tally()
    for what, given in cases:
        start = time.perf_counter()
        try:
            work(given)
            tally.counts["taken"] += 1
        except refusals as error:
            tally.counts["refused"] += 1
            if not is_one_line(str(error), name):
                tally.wrong.append(f"{what}: not one line that names it: {error!r:.300}")
        except Exception as error:
            tally.wrong.append(f"{what}: {error!r:.300}")
        tally.slowest = max(tally.slowest, (time.perf_counter() - start, what))
    return tally
