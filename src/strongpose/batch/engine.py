"""Ray, which spreads the parts of a job over processes and machines and restarts those that die."""

from __future__ import annotations

import logging
import os
import socket
from collections import deque
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # before Ray is imported
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # its new default, without a warning

import ray
from ray.exceptions import RayError

from strongpose._util.lines import one_line
from strongpose.batch.job import Job
from strongpose.batch.plan import Part
from strongpose.batch.worker import PartWorker, Report
from strongpose.exceptions import BatchError

__all__ = ["ATTEMPTS", "connect", "run_parts"]

ATTEMPTS = 4
"""How often a part is begun whose process dies, before it is left to the next run of the job."""

_OBJECT_STORE = 200_000_000
"""Bytes of shared memory for Ray on this machine: only the parts' names and counts go through it."""

_PROBE_SECONDS = 10
"""How long a cluster's address may take to accept a connection."""


def connect(address: str, cpus: int) -> int:
    """Start Ray on this machine, or join a cluster; without dashboard and usage statistics.

    Args:
        address: "local" starts it with ``cpus`` CPUs and ends it with this process; "auto" or HOST:PORT joins a
            cluster that ``ray start`` made.
        cpus: CPUs to use on this machine.

    Returns:
        The number of CPUs that Ray has.

    Raises:
        BatchError: if there is no cluster at the address.
    """
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address == "local":
        options |= {"num_cpus": cpus, "include_dashboard": False, "object_store_memory": _OBJECT_STORE}
    try:
        if ":" in address:
            _probe(address)
        ray.init(address, **options)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0].partition(". ")[0]
        raise BatchError(f"--address {address}: no cluster there ({reason}); start one with `ray start`") from error
    return int(ray.cluster_resources().get("CPU", 0))


def _probe(address: str) -> None:
    """Connect to HOST:PORT and leave: Ray itself tries for minutes, and then ends the process without a word.

    Raises:
        OSError, ValueError: if nothing accepts a connection there.
    """
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), timeout=_PROBE_SECONDS).close()


def run_parts(
    job: Job, output: Path, parts: Sequence[Part], actors: int, threads: int
) -> Generator[Report, None, None]:
    """Do parts with a pool of actors, each a process with the model; Ray must be running (`connect`).

    Ray starts an actor that dies again, and its part with it, so that a part is begun up to `ATTEMPTS` times. A
    part is given to an actor only when the actor runs: until the cluster has room for all, those work that it has
    room for.

    Args:
        job: what is done.
        output: folder of the parts, on a file system that all machines share.
        parts: those to do.
        actors: number of processes.
        threads: CPU threads, and CPUs of the cluster, of each.

    Returns:
        A report of every part, as they are done or given up.
    """
    actor: Any = ray.remote(PartWorker).options(num_cpus=threads, max_restarts=-1, max_task_retries=ATTEMPTS - 1)
    workers = [actor.remote(job, str(output), threads) for _ in range(actors)]
    running: dict[Any, tuple[Any, Part | None]] = {worker.is_ready.remote(): (worker, None) for worker in workers}
    waiting, problem = deque(parts), ""
    try:
        while running and (waiting or any(part for _, part in running.values())):
            [done], _ = ray.wait(list(running))
            worker, part = running.pop(done)
            try:
                report = ray.get(done)
            except RayError as error:
                problem = one_line(error)
                report = part and Report(part.number, error=f"its process died {ATTEMPTS} times ({problem})")
                if part is None:
                    continue  # an actor that cannot be made
            if waiting:
                following = waiting.popleft()
                running[worker.do.remote(following)] = worker, following
            if part is not None:
                yield report
        for part in waiting:
            yield Report(part.number, error=f"no process could be started ({problem})")
    finally:
        for worker in workers:
            ray.kill(worker)
