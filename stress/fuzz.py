"""Damaged photos through the API, `strongpose predict` and `strongpose serve`; none may do harm.

Each must give a result or one line that names the file, within 10 seconds and 2,000 MB. The files are those of
``tests/robustness/damaged_photos.py``, each made again from its number and the seed.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.extend(str(Path(__file__).parents[1] / "tests" / folder) for folder in ("", "robustness", "serve"))

from damaged_photos import damaged_arrays, damaged_photo
from harness import Tally, look_at, post_all, predict_all
from part import Arguments, Clock, run_part, tell
from processes import memory
from starting import Server, started

from strongpose.inference import StrongPose
from strongpose.runtime import resolve_model

_CHUNK = 100  # photos in a process, so that a crash is noticed and found
_SIZE = 65
_MOST_SECONDS = 10.0  # a photo
_MOST_MEGABYTES = 2000.0


def main(arguments: Arguments) -> int:
    """Take turns until the time is over; API, command and server get different photos."""
    clock, seed = Clock(arguments.seconds), 3 * arguments.seed
    total, most = Tally(), 0.0
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "log"
        with started(log, "--size", _SIZE, "--threads", 1, "--runtime", "onnx") as server:
            for first in itertools.count(0, _CHUNK):
                numbers = range(first, first + _CHUNK)
                for tally, megabytes in (
                    api(numbers, seed),
                    predict(numbers, seed + 1),
                    serve(numbers, seed + 2, server),
                ):
                    total.add(tally)
                    most = max(most, megabytes)
                if clock.left < 0:
                    break
        total.wrong += [f"the server's log: {line}" for line in log.read_text().splitlines()[:5]]
    seconds, slowest = total.slowest
    if seconds > _MOST_SECONDS:
        total.wrong.append(f"{slowest} took {seconds:.1f} s")
    if most > _MOST_MEGABYTES:
        total.wrong.append(f"{most:.0f} MB of memory")
    taken = total.counts["opened"] + total.counts["status 200"]
    refused = total.counts["refused"] + total.counts["status 413"] + total.counts["status 422"]
    tried = f"{taken + refused:,} damaged photos: {taken:,} results, {refused:,} refused in one line"
    return tell(f"{tried}; slowest {seconds:.1f} s, at most {most:.0f} MB", total.wrong)


def api(numbers: range, seed: int) -> tuple[Tally, float]:
    """What became of them in a process of its own, and its greatest memory in MB."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(look_at_some, numbers, seed).result(600)
        except Exception as error:  # the process ended, or hung
            return Tally(wrong=[f"photos {numbers} of seed {seed}: {error!r}"]), 0.0


def look_at_some(numbers: range, seed: int) -> tuple[Tally, float]:
    """Photos by number, and an array for every twentieth."""
    estimator = StrongPose.from_pretrained(size=_SIZE, threshold=0, threads=1, runtime="onnx")
    tally = Tally()
    for number in numbers:
        array = number % 20 == 19
        look_at(next(damaged_arrays(1, seed + number)) if array else damaged_photo(number, seed), estimator, tally)
    return tally, memory(os.getpid(), "VmHWM")


def predict(numbers: range, seed: int) -> tuple[Tally, float]:
    """A folder of them."""
    photos = [damaged_photo(number, seed) for number in numbers]
    with tempfile.TemporaryDirectory() as folder:
        return predict_all(photos, Path(folder), resolve_model("base"), _SIZE)


def serve(numbers: range, seed: int, server: Server) -> tuple[Tally, float]:
    """One after the other on a connection that is kept open."""
    return post_all(server.url, (damaged_photo(number, seed) for number in numbers)), server.memory("VmHWM")


if __name__ == "__main__":
    sys.exit(run_part(main))
