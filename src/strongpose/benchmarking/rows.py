"""Rows of a benchmark: one for all photos, one for each group of photos by people found; kept as CSV."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from strongpose.benchmarking.machine import Machine
from strongpose.benchmarking.measuring import Job, Measurement
from strongpose.evaluation import Metrics
from strongpose.exceptions import BenchmarkError

__all__ = ["ALL", "COLUMNS", "GROUPS", "Row", "append_csv", "check_csv", "read_csv", "rows_of"]

ALL = "all"
"""The group of all photos."""
GROUPS = (("0", 0, 0), ("1 to 2", 1, 2), ("3 to 5", 3, 5), ("6 to 10", 6, 10), ("11 or more", 11, 10**9))
"""Groups of photos by the number of people found: name, from, to."""


@dataclass(frozen=True)
class Row:
    """One model on one runtime, over one group of photos; a column of the CSV each.

    Attributes:
        model: packaged name or file name.
        file_mb: of the model, in 10⁶ bytes.
        size_px: long sides, as in ``481+721``.
        flip: ``yes`` with flip augmentation, else ``no``.
        runtime: how it ran, for people.
        runtime_version: package and version.
        threads: asked for; 0 is all cores.
        people: the group: `ALL` or a name of `GROUPS`.
        annotations: the annotation file as it was named; empty without.
        photos: number of photos in the group.
        repeat: how often each was looked at.
        ap: average precision 0-1 and its variants, as in `strongpose.evaluation.Metrics`; None without annotations,
            and for groups.
        total_median_ms: milliseconds from photo file to poses; median and 95th percentile over photos and looks.
        photos_per_s: looks by the sum of their times.
        start_s: opening the model and the poses of the first photo; None for groups.
        peak_memory_mb: of the process, in 10⁶ bytes; None for groups.
        other_load_cores: how many cores other programs kept busy meanwhile; None for groups.
        cpu: and the rest, see `strongpose.benchmarking.Machine`.
        measured_at: date and time with time zone, ISO 8601.
        command: the command line.
    """

    model: str
    file_mb: float
    size_px: str
    flip: str
    runtime: str
    runtime_version: str
    threads: int
    people: str
    annotations: str
    photos: int
    repeat: int
    ap: float | None
    ap50: float | None
    ap75: float | None
    ap_medium: float | None
    ap_large: float | None
    ar: float | None
    total_median_ms: float
    total_p95_ms: float
    read_median_ms: float
    read_p95_ms: float
    network_median_ms: float
    network_p95_ms: float
    decode_median_ms: float
    decode_p95_ms: float
    photos_per_s: float
    start_s: float | None
    peak_memory_mb: float | None
    other_load_cores: float | None
    cpu: str
    cores: int
    memory_gb: float | None
    os: str
    python: str
    numpy: str
    version: str
    measured_at: str
    command: str


COLUMNS = tuple(field.name for field in fields(Row))


def rows_of(
    model: str,
    job: Job,
    measurement: Measurement,
    annotations: str,
    figures: Metrics | None,
    machine: Machine,
    measured_at: str,
    command: str,
) -> list[Row]:
    """The row of all photos, then one for each group that holds photos.

    Args:
        model: what the model is called in tables.
        job: what was measured.
        measurement: what was found.
        annotations: the annotation file, as it was named; empty if there is none.
        figures: the accuracy, if the photos are annotated.
        machine: on what.
        measured_at: when, ISO 8601.
        command: by which command line.
    """
    people = np.array(measurement.people)
    groups = [(ALL, np.ones(len(people), dtype=bool))]
    groups += [(name, (people >= low) & (people <= high)) for name, low, high in GROUPS]
    rows = []
    for name, chosen in groups:
        if chosen.any():
            whole = name == ALL
            rows.append(
                Row(
                    model=model,
                    file_mb=round(measurement.file_mb, 2),
                    size_px="+".join(map(str, measurement.sizes)),
                    flip="yes" if job.flip else "no",
                    runtime=measurement.runtime,
                    runtime_version=measurement.version,
                    threads=job.threads,
                    people=name,
                    annotations=annotations,
                    photos=int(chosen.sum()),
                    repeat=job.repeat,
                    **_figures(figures if whole else None),
                    **_times(measurement, chosen),
                    start_s=round(measurement.start_s, 3) if whole else None,
                    peak_memory_mb=_rounded(measurement.peak_mb, 1) if whole else None,
                    other_load_cores=_rounded(measurement.other_cores, 2) if whole else None,
                    cpu=machine.cpu,
                    cores=machine.cores,
                    memory_gb=_rounded(machine.memory_gb, 1),
                    os=machine.os,
                    python=machine.python,
                    numpy=machine.numpy,
                    version=machine.version,
                    measured_at=measured_at,
                    command=command,
                )
            )
    return rows


def check_csv(path: Path) -> None:
    """Refuse a file that rows cannot be appended to; a missing or an empty one will do.

    Raises:
        BenchmarkError: if it has other columns, ends within a line, or cannot be read or written.
    """
    if path.exists() and not path.is_file():
        raise BenchmarkError(f"{path}: is not a file; name a CSV file")
    if not path.parent.is_dir():
        raise BenchmarkError(f"{path}: there is no folder {path.parent}; make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise BenchmarkError(f"{path}: may not be written; name another file")
    if path.exists():
        _content(path)


def append_csv(path: Path, rows: list[Row]) -> None:
    """Append rows, after the header where the file is new, in one piece.

    Raises:
        BenchmarkError: as `check_csv`, or if the file cannot be written.
    """
    check_csv(path)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    try:
        with path.open("a", encoding="utf-8", newline="") as file:
            if file.tell() == 0:
                writer.writerow(COLUMNS)
            writer.writerows([["" if value is None else value for value in vars(row).values()] for row in rows])
            file.write(text.getvalue())
    except OSError as error:
        raise BenchmarkError(f"{path}: cannot be written ({error.strerror})") from error


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a file that `append_csv` wrote, by column.

    Raises:
        BenchmarkError: if the file is missing, has other columns, ends within a line, holds no rows, or one with too
            few or many values.
    """
    if not path.is_file():
        raise BenchmarkError(f"{path}: no such file; write it with `strongpose benchmark --csv {path}`")
    rows = list(csv.reader(io.StringIO(_content(path))))[1:]
    for number, row in enumerate(rows, start=1):
        if len(row) != len(COLUMNS):
            raise BenchmarkError(f"{path}: row {number} has {len(row)} values, expected {len(COLUMNS)}")
    if not rows:
        raise BenchmarkError(f"{path}: holds no rows; write some with `strongpose benchmark --csv {path}`")
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def _figures(figures: Metrics | None) -> dict[str, Any]:
    """The columns of accuracy."""
    values = {} if figures is None else figures.to_dict()
    return {name: _rounded(values.get(name), 4) for name in ("ap", "ap50", "ap75", "ap_medium", "ap_large", "ar")}


def _times(measurement: Measurement, chosen: np.ndarray) -> dict[str, Any]:
    """The columns of times, over the chosen ones of P photos."""
    steps = {step: np.array(getattr(measurement, f"{step}_ms"))[:, chosen] for step in ("read", "network", "decode")}
    steps = {"total": np.sum(list(steps.values()), axis=0), **steps}
    columns = {}
    for step, values in steps.items():
        columns[f"{step}_median_ms"], columns[f"{step}_p95_ms"] = np.percentile(values, [50, 95]).round(2).tolist()
    columns["photos_per_s"] = round(1e3 / float(steps["total"].mean()), 3)
    return columns


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _content(path: Path) -> str:
    """The text of a file that is empty or has the header and whole lines."""
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BenchmarkError(f"{path}: cannot be read as text ({error}); name another file") from error
    if content and tuple(next(csv.reader(io.StringIO(content)), ())) != COLUMNS:
        raise BenchmarkError(f"{path}: has other columns than this benchmark's; name another file or move it away")
    if content and not content.endswith("\n"):
        raise BenchmarkError(f"{path}: its last line is cut short; complete or remove that line")
    return content
