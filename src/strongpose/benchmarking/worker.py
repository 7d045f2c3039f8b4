"""The process that measures: a job on standard input as one line of JSON, progress and measurement on standard output.

Run by `strongpose.benchmarking.measure_afresh` as ``python -m strongpose.benchmarking.worker``.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import asdict

from strongpose.benchmarking.measuring import Job, measure

PROGRESS_EVERY = 1.0  # seconds


def main() -> None:
    """Measure one job; ends at once when standard input does, as it does with the process that asked."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what runtimes print is no answer
    line = sys.stdin.readline()
    if not line:
        return
    job = json.loads(line)
    for name in ("photos", "sizes", "keypoints"):
        job[name] = tuple(job[name])
    threading.Thread(target=_end_with_input, daemon=True).start()

    def tell(**message: object) -> None:
        channel.write(json.dumps(message) + "\n")
        channel.flush()

    told = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal told
        if done == total or time.monotonic() - told > PROGRESS_EVERY:
            told = time.monotonic()
            tell(done=done, total=total)

    try:
        measurement = measure(Job(**job), progress)
    except ValueError as error:  # the model, the runtime, the annotations or a photo
        tell(error=str(error))
    else:
        tell(measurement=asdict(measurement))


def _end_with_input() -> None:
    while os.read(0, 1024):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
