"""A job's description and parts in its output folder, so that the same command resumes after an interruption."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from strongpose._util.atomic_write import write_atomically
from strongpose.batch.plan import InputKind, Part, plan_parts
from strongpose.exceptions import BatchError
from strongpose.runtime import RuntimeChoice

__all__ = ["LISTING", "MANIFEST", "Job", "begin_job", "done_parts"]

MANIFEST = "_manifest.json"
"""What the job is, and its parts. Readers of Parquet folders leave names out that begin with an underscore."""
LISTING = "_photos.parquet"
"""The names of the photos, where the input is a folder of them."""


@dataclass(frozen=True)
class Job:
    """Everything on which the output depends.

    Attributes:
        input: absolute path of the input.
        kind: what it holds.
        column: of Parquet input, with paths, URIs or bytes.
        key: column that names the photos; empty: the path, or the file and the row.
        part_size: photos in a part.
        model: name or absolute path of the model; its content is in ``estimator``.
        runtime: what runs the network.
        threshold: people with a lower score are left out.
        estimator: what `strongpose.evaluation.results_log.describe_run` says, without the photos and the runtime, which
            differs between machines.
    """

    input: str
    kind: InputKind
    column: str
    key: str
    part_size: int
    model: str
    runtime: RuntimeChoice
    threshold: float
    estimator: dict[str, Any]


def begin_job(
    output: Path, job: Job, kind: InputKind | None = None, tell: Callable[[str], object] = lambda line: None
) -> tuple[Job, list[Part]]:
    """Plan a job, or resume the one in the output folder: its parts stay what they were.

    The manifest is written last, so a folder with one is a job that has begun.

    Args:
        output: folder for the results; it is made if need be.
        job: what to do; its ``kind`` is filled in.
        kind: what to take of the input; left out, what there is.
        tell: called with a line about photos that are left out, when the job is planned.

    Returns:
        The job and its parts.

    Raises:
        BatchError: if the folder holds another job or its manifest is damaged, or the input cannot be used.
        OSError: if the folder cannot be written.
    """
    manifest = output / MANIFEST
    if manifest.exists():
        return _continued(manifest, job, kind)
    output.mkdir(parents=True, exist_ok=True)
    if foreign := next(output.glob("part-*.parquet"), None):
        raise BatchError(f"{foreign}: there are parts, but no {MANIFEST}; name an empty output folder")
    found, parts = plan_parts(Path(job.input), output, output / LISTING, job.part_size, job.column, kind, tell)
    if found != "photos":
        (output / LISTING).unlink(missing_ok=True)
    job = Job(**{**asdict(job), "kind": found})
    rows = [[part.number, part.path, part.first, part.rows] for part in parts]
    write_atomically(manifest, json.dumps({"job": asdict(job), "parts": rows}))
    return job, parts


def done_parts(output: Path, job: Job, parts: Sequence[Part]) -> set[int]:
    """The numbers of the parts that are complete in the output folder.

    Raises:
        BatchError: if a part's file is damaged, of another job, or has another number of rows than the input.
    """
    done = set()
    present = {path.name for path in output.glob("part-*.parquet")}
    for part in parts:
        if part.name not in present:
            continue
        path = output / part.name
        try:
            metadata = pq.read_metadata(path)
            about = json.loads((metadata.metadata or {})[b"strongpose"])
        except (pa.ArrowInvalid, OSError, KeyError, ValueError) as error:
            raise BatchError(f"{path}: damaged ({error!r}); remove it, and the same command does it again") from error
        if about.get("estimator") != job.estimator or (part.rows and metadata.num_rows != part.rows):
            raise BatchError(f"{path}: is not of this job; remove it, and the same command does it again")
        done.add(part.number)
    return done


def _continued(manifest: Path, job: Job, kind: InputKind | None) -> tuple[Job, list[Part]]:
    """The job and the parts in a manifest, if it is the same job."""
    try:
        data = json.loads(manifest.read_text(encoding="utf-8"))
        found = Job(**data["job"])
        parts = [Part(*row) for row in data["parts"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BatchError(f"{manifest}: damaged ({error!r}); name an empty output folder to start over") from error
    wanted = Job(**{**asdict(job), "kind": kind or found.kind})
    before, now = (_flat(one) for one in (found, wanted))
    differing = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    if differing:
        key = differing[0]
        raise BatchError(
            f"{manifest.parent}: holds another job (its {key} is {before.get(key)!r}, now it is {now.get(key)!r}); "
            "resume with the same options, or name an empty output folder to start over"
        )
    return found, parts


def _flat(job: Job) -> dict[str, Any]:
    """What must not differ between the runs of a job; of the model its content counts, not its place."""
    facts = asdict(job)
    facts.pop("model")
    estimator = facts.pop("estimator")
    return {**facts, **{{"model": "model's sha256"}.get(key, key): value for key, value in estimator.items()}}
