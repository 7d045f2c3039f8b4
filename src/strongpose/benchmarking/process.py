"""Measure in a fresh process, so that memory, caches and threads of one measurement do not mix with another's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict

from strongpose.benchmarking.measuring import Job, Measurement
from strongpose.exceptions import BenchmarkError

__all__ = ["measure_afresh"]


def measure_afresh(job: Job, progress: Callable[[int, int], None] = lambda done, total: None) -> Measurement:
    """What `measure` finds in a Python process of its own, which ends before this function does.

    Args:
        job: what is measured.
        progress: called about once a second with the number of looks done and the total.

    Raises:
        BenchmarkError: if the model, the runtime or a photo cannot be used, or the process fails.
    """
    command = [sys.executable, "-m", "strongpose.benchmarking.worker"]
    measurement = None
    # The worker ends when its standard input does, however this process ends; in a session of its own no Ctrl-C
    # reaches it.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", start_new_session=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(asdict(job)) + "\n")
            process.stdin.flush()
            for line in process.stdout:
                message = json.loads(line)
                if "error" in message:
                    raise BenchmarkError(message["error"])
                if "measurement" in message:
                    measurement = Measurement(**message["measurement"])
                else:
                    progress(message["done"], message["total"])
        except BrokenPipeError:
            pass  # the worker ended early: its status says more
        except BaseException:
            process.kill()
            raise
    if measurement is None:
        raise BenchmarkError(
            f"{job.model} on {job.runtime}: the measuring process ended with status {process.returncode}"
            + ("; perhaps memory ran out, try fewer --size" if process.returncode == -9 else "")
        )
    return measurement
