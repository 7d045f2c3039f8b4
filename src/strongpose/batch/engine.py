"""Ray Data, which spreads the parts of a job over processes and machines and restarts those that die."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # before Ray is imported
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what matters is raised, or said by the worker
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # its new default, without a warning

import ray
import ray.data

from strongpose.batch.errors import BatchError
from strongpose.batch.job import Job
from strongpose.batch.plan import Part
from strongpose.batch.worker import BEGUN, PartWorker

__all__ = ["connect", "run_parts"]

_OBJECT_STORE = 200_000_000
"""Bytes of shared memory for Ray on this machine: only the parts' names and counts go through it."""


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
        ray.init(address, **options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BatchError(f"--address {address}: no cluster there ({reason}); start one with `ray start`") from error
    return int(ray.cluster_resources().get("CPU", 0))


def run_parts(
    job: Job, output: Path, parts: Sequence[Part], actors: int, threads: int
) -> Generator[dict[str, Any], None, None]:
    """Do parts with a pool of actors, each a process with the model; Ray must be running (`connect`).

    Ray Data starts an actor that dies again, and its part with it. Until the cluster has room for all actors, those
    work that it has room for.

    Args:
        job: what is done.
        output: folder of the parts, on a file system that all machines share.
        parts: those to do.
        actors: number of processes.
        threads: CPU threads, and CPUs of the cluster, of each.

    Returns:
        What `PartWorker` says of every part, as they are done.
    """
    ray.data.DataContext.get_current().enable_progress_bars = False
    for mark in output.glob(f"{BEGUN}*"):
        mark.unlink(missing_ok=True)
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    dataset = ray.data.from_items([asdict(part) for part in parts], override_num_blocks=len(parts)).map(
        PartWorker,  # type: ignore[arg-type]  # a class is a callable that is made in each process
        fn_constructor_args=(job, str(output), threads),
        compute=ray.data.ActorPoolStrategy(
            min_size=1, max_size=actors, initial_size=actors, max_tasks_in_flight_per_actor=1
        ),
        num_cpus=threads,
    )
    yield from dataset.iter_rows()
