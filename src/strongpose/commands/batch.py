"""``strongpose batch``: the poses in millions of photos, on this machine or a cluster, as Parquet files."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from strongpose._util.installing import install_command
from strongpose._util.lines import counted, pace
from strongpose._util.terminal import complain, say, time_left
from strongpose.commands.estimator_options import Threshold
from strongpose.commands.inputs import not_a_photo
from strongpose.commands.options import Flag
from strongpose.commands.outputs import unwritable_folder
from strongpose.runtime import RuntimeChoice

if TYPE_CHECKING:
    from strongpose.batch import Job, Part
    from strongpose.batch.worker import Report

__all__ = ["batch"]


def batch(
    source: Annotated[Positional[Path], arg(metavar="INPUT")],
    output: Annotated[Positional[Path], arg(metavar="OUTPUT")],
    /,
    kind: Annotated[
        Literal["photos", "parquet", "tar"] | None,
        arg(metavar="photos|parquet|tar", help_behavior_hint="(default: detected)"),
    ] = None,
    column: str = "path",
    key: str = "",
    model: Annotated[str, arg(metavar="NAME|PATH")] = "base",
    size: Annotated[
        tuple[int, ...], arg(metavar="PIXELS ...", help_behavior_hint="(default: the model's and half of it)")
    ] = (),
    flip: Flag = False,
    threshold: Threshold = None,
    runtime: RuntimeChoice = "auto",
    part_size: int = 1000,
    actors: Annotated[int, arg(help_behavior_hint="(default: as many as there are CPUs for)")] = 0,
    threads_per_actor: int = 1,
    address: str = "local",
) -> int:
    """Find the people in millions of photos, on one machine or many.

    Writes a Parquet file with a row a photo for each part of the input. The same command resumes after an
    interruption; photos that cannot be read have a row that says why.

    Examples:
        strongpose batch FOLDER RESULTS
        strongpose batch SHARDS.parquet RESULTS --address HOST:PORT

    Args:
        source: A folder, searched to the bottom for photos, Parquet files or tar shards (WebDataset); or one such file.
        output: Folder for the results; it is made if need be. Machines of a cluster must share it and the input.
        kind: What to take of the input where it holds several kinds of files.
        column: Of Parquet files, the column with paths (from the file's folder), addresses such as
            s3://bucket/photo.jpg, or the bytes of photos.
        key: Of Parquet files, a column that names the photos in the results. Left out, the path, or the file
            and the row.
        model: A model that comes with the package (accurate, base, or fast, which needs OpenVINO), or the path of an
            .onnx or .xml file.
        size: Input resolution: long side in pixels; larger finds smaller people, slower. Several sizes: multi-scale
            testing (poses are merged). Name photos or files, if any, before it.
        flip: Flip augmentation: also run on the horizontally flipped photo and average; more accurate,
            twice the latency.
        threshold: Leave people with a lower score out.
        runtime: Inference runtime; auto takes ONNX Runtime where it can use an NVIDIA GPU,
            else OpenVINO if it is installed, else ONNX Runtime.
        part_size: Photos in a part, the unit that is retried; a tar shard is always one.
        actors: Processes, each with the model.
        threads_per_actor: CPU threads of the network in each of them.
        address: Of a Ray cluster: auto, or HOST:PORT; local runs on this machine alone.
    """
    for name, value, least in (
        ("actors", actors, 0),
        ("threads-per-actor", threads_per_actor, 1),
        ("part-size", part_size, 1),
    ):
        if value < least:
            return complain(f"--{name} must be at least {least}, got {value}")
    if wrong := unwritable_folder("OUTPUT", output) or (not_a_photo(source) if source.is_file() else None):
        return complain(wrong)
    try:
        from strongpose.batch import begin_job, done_parts
        from strongpose.batch.engine import connect
    except ImportError as error:
        return complain(f"batch needs more packages ({error}): {install_command('batch')}")
    try:
        job = _describe(source, column, key, model, size, flip, threshold, runtime, part_size)
        output = output.absolute()
        job, parts = begin_job(output, job, kind, say)
        done = done_parts(output, job, parts)
        if done:
            say(f"{len(done)} of {counted(len(parts), 'part is', 'parts are')} done already")
        missing = [part for part in parts if part.number not in done]
        failed = 0
        if missing:
            local = (actors or max(1, (os.cpu_count() or 1) // threads_per_actor)) * threads_per_actor
            failed = _run(job, output, missing, actors, threads_per_actor, connect(address, local))
    except ValueError as error:  # the model, the input, the output, or the cluster
        return complain(error)
    except OSError as error:
        return complain(f"{output}: cannot be written ({error.strerror or error})")
    if failed:
        return complain(f"{failed} of {len(parts)} parts failed; the same command tries them again")
    print(f"{counted(len(parts), 'part is', 'parts are')} complete; results in {output}")
    return 0


def _describe(
    source: Path,
    column: str,
    key: str,
    model: str,
    size: tuple[int, ...],
    flip: bool,
    threshold: float | None,
    runtime: RuntimeChoice,
    part_size: int,
) -> Job:
    """The job that the options ask for; opens the model, so that a wrong one is told before anything starts."""
    from strongpose.batch import Job
    from strongpose.batch.worker import describe_estimator
    from strongpose.inference import StrongPose
    from strongpose.runtime import resolve_model

    place = str(resolve_model(model).absolute()) if Path(model).suffix else model
    estimator = StrongPose.from_pretrained(
        model, size=size or None, flip=flip, threshold=threshold, threads=1, runtime=runtime
    )
    facts = describe_estimator(estimator, place)
    return Job(os.path.abspath(source), "photos", column, key, part_size, place, runtime, estimator.threshold, facts)


def _run(job: Job, output: Path, parts: list[Part], actors: int, threads: int, cpus: int) -> int:
    """Do parts on Ray's CPUs, and tell of each; returns how many could not be done."""
    from strongpose.batch.engine import run_parts

    if cpus < threads:
        raise ValueError(f"--threads-per-actor {threads}: the cluster has {cpus} CPUs; ask for fewer threads")
    actors = min(actors or cpus // threads, len(parts))
    if cpus < actors * threads:
        say(
            f"{counted(actors, 'actor')} of {counted(threads, 'CPU')}: the cluster has {counted(cpus, 'CPU')}, so "
            "some wait until there are more"
        )
    start, reports, photos = time.perf_counter(), [], 0
    for report in run_parts(job, output, parts, actors, threads):
        reports.append(report)
        photos += report.photos
        people = counted(report.people, "person", "people")
        counts = f"{counted(report.photos, 'photo')}, {report.bad} without result, {people}"
        seconds = time.perf_counter() - start
        speed = pace(photos, seconds, "photo") + time_left(len(reports), len(parts), seconds)
        say(f"[{len(reports)}/{len(parts)}] part {report.number}: {report.error or counts} ({speed})")
    _summarise(reports, time.perf_counter() - start, actors)
    return sum(report.error is not None for report in reports)


def _summarise(reports: list[Report], seconds: float, actors: int) -> None:
    photos, bad, people = (sum(getattr(report, name) for report in reports) for name in ("photos", "bad", "people"))
    processor = 1000 * sum(report.processor for report in reports) / max(1, photos)
    megabytes = max(report.megabytes for report in reports)
    busy = sum(report.seconds for report in reports) / (seconds * actors)
    print(
        f"{counted(photos, 'photo')} in {seconds:.1f} s ({pace(photos, seconds, 'photo')}), {bad} of them without "
        f"result, {counted(people, 'person', 'people')}; {processor:.0f} ms of CPU time a photo; "
        f"{counted(actors, 'actor')} busy {100 * busy:.0f} % of the time, up to {megabytes:.0f} MB each"
    )
