"""What each process of a job does: all photos of a part, from the input to the part's file."""

from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from strongpose._util.atomic_write import write_atomically
from strongpose.batch.job import Job
from strongpose.batch.plan import Part
from strongpose.batch.reading import Found, load, read_part
from strongpose.batch.rows import Row, to_parquet
from strongpose.evaluation.results_log import describe_run
from strongpose.exceptions import BatchError, ImageError
from strongpose.images import open_image
from strongpose.inference import StrongPose
from strongpose.inference.prefetch import overlap
from strongpose.runtime import resolve_model

__all__ = ["PartWorker", "Report", "describe_estimator"]


@dataclass(frozen=True)
class Report:
    """What became of a part.

    Attributes:
        number: of the part.
        photos: how many it has.
        bad: how many of them have no poses.
        people: how many were found.
        seconds: what it took by the clock.
        processor: seconds of processor time that it took.
        error: why its file was not written.
        pid: of the process.
        megabytes: peak memory of the process.
    """

    number: int
    photos: int = 0
    bad: int = 0
    people: int = 0
    seconds: float = 0
    processor: float = 0
    error: str | None = None
    pid: int = 0
    megabytes: float = 0


class PartWorker:
    """Finds the poses in the photos of one part after another.

    Args:
        job: what is done.
        output: folder of the parts.
        threads: CPU threads of the network.
    """

    def __init__(self, job: Job, output: str, threads: int) -> None:
        self.job, self.output, self.threads = job, Path(output), threads

    def is_ready(self) -> None:
        """Return when the process has started."""

    def do(self, part: Part) -> Report:
        """Do a part; what goes wrong with all of it is reported, as it must not stop the other parts."""
        start, processor = time.perf_counter(), time.process_time()
        rows: list[Row] = []
        error = None
        try:
            rows = self._rows(part)
            write_atomically(self.output / part.name, to_parquet(rows, self._estimator.info.skeleton, self._about))
        except (ValueError, OSError) as problem:  # the model, the input, or the output
            error = str(problem)
        return Report(
            part.number,
            photos=len(rows),
            bad=sum(row.status != "ok" for row in rows),
            people=sum(len(row.poses) for row in rows if row.poses is not None),
            seconds=time.perf_counter() - start,
            processor=time.process_time() - processor,
            error=error,
            pid=os.getpid(),
            megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        )

    @cached_property
    def _estimator(self) -> StrongPose:
        """The model, which is opened with the first part."""
        sizes, flip = self.job.estimator["merged_sizes"], self.job.estimator["flip"]
        estimator = StrongPose.from_pretrained(
            self.job.model,
            size=sizes,
            flip=flip,
            threshold=self.job.threshold,
            threads=self.threads,
            runtime=self.job.runtime,
        )
        here = describe_estimator(estimator, self.job.model)
        differing = [key for key in here if here[key] != self.job.estimator.get(key)]
        if differing:
            key = differing[0]
            raise BatchError(
                f"on {socket.gethostname()} {key} is {here[key]!r}, the job has {self.job.estimator.get(key)!r}; "
                "install the same version of strongpose and the same model everywhere"
            )
        return estimator

    @cached_property
    def _about(self) -> dict[str, Any]:
        """What the parts say about how they were made."""
        return {
            "model": Path(self.job.model).stem,
            "estimator": self.job.estimator,
            "runtime": self._estimator.runtime.name,
            "threshold": self.job.threshold,
        }

    def _rows(self, part: Part) -> list[Row]:
        """A row for every photo, in order; photos are opened while the network works on those before."""
        _ = self._estimator  # its problems are those of the part, not of a photo
        photos: Any = read_part(self.job, part)  # what `_opened` opens, not what `open_image` does
        with closing(overlap(photos, _opened, self._looked_at)) as rows:  # type: ignore[arg-type]
            return list(rows)  # type: ignore[arg-type]  # `_opened` raises nothing

    def _looked_at(self, opened: Sequence[tuple[str, np.ndarray | Exception]]) -> list[Row]:
        return [self._row(key, photo) for key, photo in opened]

    def _row(self, key: str, photo: np.ndarray | Exception) -> Row:
        if isinstance(photo, ImageError):
            return Row(key, "unreadable", str(photo))
        if isinstance(photo, Exception):
            return Row(key, "failed", repr(photo))
        size = (photo.shape[1], photo.shape[0])
        try:
            poses = self._estimator(photo)
        except Exception as error:  # one photo must not cost the others of its part
            return Row(key, "failed", repr(error), size)
        return Row(key, "ok", None, size, poses)


def describe_estimator(estimator: StrongPose, model: str) -> dict[str, Any]:
    """Everything on which the poses in a photo depend, but for the runtime, which differs between machines."""
    facts = describe_run(estimator, resolve_model(model), {})
    return {key: facts[key] for key in ("strongpose", "model", "merged_sizes", "flip", "options")}


def _opened(found: Found) -> tuple[str, np.ndarray | Exception]:
    """A photo, or why there is none; the reason is a row's text and stops nothing."""
    try:
        source = load(found.source)
        name = found.key if isinstance(source, bytes) else None
        return found.key, open_image(source, name)
    except Exception as error:
        return found.key, error
