"""Thousands of damaged photos through the API, `strongpose predict` and `strongpose serve`; none may do harm.

Each must give a result or one line that names the file, in bounded time and memory. The files are those of
``tests/robustness``, made again from their numbers. Ends with status 1 and the list if anything else came out.
"""

from __future__ import annotations

import multiprocessing
import resource
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import tyro

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "robustness"))

from damaged_photos import damaged_arrays, damaged_photo
from harness import Tally, look_at, post_all, predict_all

from strongpose.inference import StrongPose
from strongpose.runtime import resolve_model

_CHUNK = 500
_MOST_SECONDS = 10.0  # a photo
_MOST_MEGABYTES = 2000.0


@dataclass(frozen=True)
class Arguments:
    """Print what became of damaged photos, how long the slowest took, and the greatest resident memory."""

    count: int = 10_000
    """Photos for each: the API, `strongpose predict` and the server get different ones."""
    seed: int = 0
    """Of the damage."""
    model: str = "base"
    """A model that comes with the package, or the path of one."""
    size: int = 65
    """Long side of the network's input in pixels."""


def main(arguments: Arguments) -> int:
    print("| interface | photos | result | rejected in one line | failures | slowest, s | memory, MB | total, s |")
    print("|---|---|---|---|---|---|---|---|")
    model = resolve_model(arguments.model)
    wrong: list[str] = []
    for way, work in (("API", api), ("`strongpose predict`", predict), ("`strongpose serve`", serve)):
        start = time.perf_counter()
        tally, megabytes = work(arguments.count, arguments, model)
        taken = tally.counts["opened"] + tally.counts["status 200"]
        refused = tally.counts["refused"] + tally.counts["status 413"] + tally.counts["status 422"]
        seconds = tally.slowest[0]
        row = way, taken + refused, taken, refused, len(tally.wrong), f"{seconds:.2f}", f"{megabytes:.0f}"
        print("|", " | ".join(map(str, row)), f"| {time.perf_counter() - start:.0f} |", flush=True)
        wrong += [f"{way}: {line}" for line in tally.wrong]
        if seconds > _MOST_SECONDS:
            wrong.append(f"{way}: {tally.slowest[1]} took {seconds:.1f} s")
        if megabytes > _MOST_MEGABYTES:
            wrong.append(f"{way}: {megabytes:.0f} MB of memory")
    print("\n".join(wrong))
    return 1 if wrong else 0


def api(count: int, arguments: Arguments, model: Path) -> tuple[Tally, float]:
    """Opened, and through the network, in processes of 500 photos, so that a crash is noticed and found."""
    total, most = Tally(), 0.0
    for first in range(0, count, _CHUNK):
        last = min(first + _CHUNK, count)
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            try:
                tally, megabytes = pool.submit(look_at_some, first, last, arguments, model).result(600)
            except Exception as error:  # the process ended, or hung
                total.wrong.append(f"photos {first} to {last}: {error!r}")
                continue
        total.add(tally)
        most = max(most, megabytes)
    return total, most


def look_at_some(first: int, last: int, arguments: Arguments, model: Path) -> tuple[Tally, float]:
    """Photos by number, and one array for every twenty."""
    estimator = StrongPose.from_pretrained(model, size=arguments.size, threshold=0, threads=1, runtime="onnx")
    tally = Tally()
    for number in range(first, last):
        if number % 20 == 19:
            look_at(next(iter(damaged_arrays(1, seed=arguments.seed + number))), estimator, tally)
        else:
            look_at(damaged_photo(number, arguments.seed), estimator, tally)
    return tally, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def predict(count: int, arguments: Arguments, model: Path) -> tuple[Tally, float]:
    """Folders of 500 photos."""
    total, most = Tally(), 0.0
    for first in range(0, count, _CHUNK):
        photos = [damaged_photo(number, arguments.seed + 1) for number in range(first, min(first + _CHUNK, count))]
        with tempfile.TemporaryDirectory() as folder:
            tally, megabytes = predict_all(photos, Path(folder), model, arguments.size)
        total.add(tally)
        most = max(most, megabytes)
    return total, most


def serve(count: int, arguments: Arguments, model: Path) -> tuple[Tally, float]:
    """One after the other on a connection that is kept open, to a server in a process of its own."""
    options = ["--port", "0", "--model", model, "--size", arguments.size, "--threads", 1, "--runtime", "onnx"]
    command = [sys.executable, "-m", "strongpose.cli", "serve", *map(str, options)]
    photos = (damaged_photo(number, arguments.seed + 2) for number in range(count))
    with tempfile.TemporaryFile() as stderr:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
        try:
            assert server.stdout is not None
            url = next(word for word in server.stdout.readline().split() if word.startswith("http"))
            tally = post_all(url, photos)
            status = Path(f"/proc/{server.pid}/status").read_text()  # `wait4` would tell this process's memory, too
            server.send_signal(signal.SIGTERM)
            server.wait(60)
        finally:
            if server.poll() is None:
                server.kill()
        stderr.seek(0)
        logged = stderr.read().decode().splitlines()
    if server.returncode or logged:
        tally.wrong.append(f"the server ended with status {server.returncode} and logged {logged[:3]}")
    return tally, int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
