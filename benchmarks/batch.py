"""Compare ``strongpose batch`` with one process on the same photos and CPU threads; kill it, and go on.

The single process runs before and after the batch, as the machine may change, on every so many photos. Then the batch
is begun anew, killed in the middle and run again, and the photos in its output are counted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import tyro

from strongpose.images.folders import photos_below

SINGLE = """
import json, sys, time
from strongpose import StrongPose
photos, size, threads, runtime = json.load(sys.stdin)
model = StrongPose.from_pretrained(size=size, threads=threads, runtime=runtime)
start, processor = time.perf_counter(), time.process_time()
sum(len(poses) for poses in model.predict_many(photos))
print(len(photos) / (time.perf_counter() - start), 1000 * (time.process_time() - processor) / len(photos))
"""
"""One process, without its start."""


def main(
    folder: tyro.conf.Positional[Path],
    size: int = 97,
    actors: int = 2,
    part_size: int = 250,
    every: int = 5,
    runtime: str = "auto",
) -> None:
    """Print times, bytes in and out, and what a killed job wrote.

    Args:
        folder: Photos that can all be read.
        size: Long side in pixels.
        actors: Processes of one thread; the single process has as many threads.
        part_size: Photos in a part.
        every: The single process does every so many photos.
        runtime: What runs the network.
    """
    photos = list(photos_below(folder))
    os.environ["RAY_worker_niceness"] = "0"  # by default Ray lets all other programs go first
    command = [sys.executable, "-m", "strongpose.cli", "batch", str(folder), "--size", str(size)]
    command += ["--actors", str(actors), "--part-size", str(part_size), "--runtime", runtime]
    some = json.dumps([list(map(str, photos[::every])), size, actors, runtime])

    def one_process() -> float:
        run = subprocess.run([sys.executable, "-c", SINGLE], input=some, capture_output=True, text=True, check=True)
        rate, processor = map(float, run.stdout.split())
        print(f"one process, {actors} threads: {rate:.1f} photos/s, {processor:.1f} ms of CPU time a photo")
        return rate

    with tempfile.TemporaryDirectory() as temporary:
        whole, killed = Path(temporary, "whole"), Path(temporary, "killed")
        before = one_process()
        start = time.perf_counter()
        subprocess.run([*command[:5], str(whole), *command[5:]], check=True)
        rate = len(photos) / (time.perf_counter() - start)
        after = one_process()
        print(f"batch, start and end included: {rate:.1f} photos/s, {200 * rate / (before + after):.0f} % of it")
        written = sum(path.stat().st_size for path in whole.glob("part-*"))
        read = sum(path.stat().st_size for path in photos)
        print(f"{read / len(photos):.0f} bytes in and {written / len(photos):.0f} bytes out a photo", flush=True)
        kill_and_go_on([*command[:5], str(killed), *command[5:]], killed, len(photos) // part_size // 2)
        same_rows(whole, killed, len(photos))


def kill_and_go_on(command: list[str], output: Path, parts: int) -> None:
    """Kill a job when it has written so many parts, and run it again."""
    job = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while len(list(output.glob("part-*"))) < parts and job.poll() is None:
        time.sleep(0.05)
    job.kill()
    job.wait()
    time.sleep(3)  # Ray ends its processes
    before = {path: path.stat().st_mtime_ns for path in output.glob("part-*")}
    print(f"killed (status {job.returncode}) with {len(before)} parts written; going on", flush=True)
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    untouched = sum(path.stat().st_mtime_ns == written for path, written in before.items())
    print(f"{untouched} of {len(before)} parts untouched, {len(list(output.glob('part-*')))} parts in all")


def same_rows(whole: Path, killed: Path, photos: int) -> None:
    """Count the photos of the killed job, and compare its rows with those of the other."""
    tables = [pq.read_table(folder).sort_by("photo") for folder in (whole, killed)]
    counts = Counter(tables[1]["photo"].to_pylist())
    twice = sum(count > 1 for count in counts.values())
    print(f"{photos} photos: {len(counts)} of them in the output, {twice} more than once; ", end="")
    print(f"rows equal to those of the job that was not killed: {tables[0].equals(tables[1])}")


if __name__ == "__main__":
    tyro.cli(main)
