"""``strongpose evaluate``: a model on annotated photos, or on COCO's, measured with the COCO keypoint figures."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from strongpose._util.atomic_write import write_atomically
from strongpose._util.lines import counted
from strongpose._util.signals import ending_early
from strongpose._util.terminal import Progress, complain, say
from strongpose.commands.estimator_options import EstimatorOptions
from strongpose.commands.help_texts import BESIDE
from strongpose.commands.inputs import not_annotations
from strongpose.commands.outputs import unwritable_file, unwritable_folder
from strongpose.exceptions import EvaluationError

if TYPE_CHECKING:
    from strongpose.evaluation.submission import SplitName
    from strongpose.inference import StrongPose

__all__ = ["evaluate"]


def evaluate(
    annotations: Annotated[
        Positional[tuple[Path, ...]], arg(metavar="ANNOTATIONS.json ...", help_behavior_hint="(this, or --coco)")
    ] = (),
    /,
    images: Annotated[tuple[Path, ...], arg(metavar="FOLDER ...", help_behavior_hint=BESIDE)] = (),
    results: Annotated[Path | None, arg(metavar="OUT.json", help_behavior_hint="")] = None,
    coco: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None,
    split: Literal["val2017", "test-dev2017"] = "val2017",
    out: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None,
    algorithm: Annotated[str, arg(metavar="NAME")] = "strongpose",
    network: EstimatorOptions = EstimatorOptions(),
) -> int:
    """Measure accuracy on annotated photos: COCO's keypoint metrics.

    Prints the ten metrics and the time per photo. With --results or --out the poses are kept as they are found: after
    an interruption the same command resumes.

    Examples:
        strongpose evaluate ANNOTATIONS.json --images FOLDER
        strongpose evaluate --coco FOLDER --out RESULTS

    Args:
        annotations: Annotation file in COCO keypoint format, such as person_keypoints_val2017.json; several are
            measured together.
        images: Folder of its photos; one for each annotation file.
        results: With ANNOTATIONS.json: also write the poses to this file, in COCO's result format.
        coco: Instead of ANNOTATIONS.json, the folder of COCO, with annotations/ and val2017/ or test2017/ in it.
        split: With --coco: val2017 prints published figures beside the model's; test-dev2017, whose annotations only
            COCO's server has, writes the zip file to upload.
        out: With --coco: write the poses to this folder, named as COCO's server expects.
        algorithm: With --out: what the file's name calls the model.
        network: Model and inference options.
    """
    wrong = _misfit(annotations, images, results, coco, split, out)
    if wrong:
        say(wrong)
        return 2
    if wrong := unwritable_file("--results", results) or unwritable_folder("--out", out):
        return complain(wrong)
    try:
        if coco is None:
            _evaluate_files(network, annotations, images, results)
        elif split == "val2017":
            _evaluate_val2017(network, coco, out, algorithm)
        elif out is not None:
            _write_submission(network, coco, out, algorithm)
    except ValueError as error:  # the model, the annotations, a photo, or where to write
        return complain(error)
    return 0


def _misfit(
    annotations: tuple[Path, ...],
    images: tuple[Path, ...],
    results: Path | None,
    coco: Path | None,
    split: str,
    out: Path | None,
) -> str | None:
    """What is wrong with how options are combined."""
    if coco is None:
        if wrong := next(filter(None, map(not_annotations, annotations)), None):
            return wrong
        if not annotations:
            return "expected ANNOTATIONS.json, or --coco FOLDER"
        if images and len(annotations) != len(images):
            return f"--images: expected {len(annotations)}, one for each annotation file, got {len(images)}"
        if split != "val2017" or out is not None:
            return "--split and --out go with --coco; with ANNOTATIONS.json --results OUT.json writes the poses"
    elif annotations or images or results is not None:
        return "--coco takes the place of ANNOTATIONS.json and --images, and --out that of --results"
    elif split == "test-dev2017" and out is None:
        return "--split test-dev2017 needs --out FOLDER for the zip file to upload"
    return None


def _evaluate_files(
    network: EstimatorOptions, annotations: tuple[Path, ...], images: tuple[Path, ...], target: Path | None
) -> None:
    """Print the figures on annotation files; writes the poses to ``target``."""
    from strongpose.annotations import load_sets, photo_folder
    from strongpose.evaluation import evaluate_results

    estimator = network.open(threshold=0)
    skeleton = estimator.info.skeleton
    folders = [photo_folder(*pair) for pair in zip(annotations, images or [None] * len(annotations), strict=True)]
    data, photos = load_sets(annotations, folders, skeleton, say)
    results, seconds = _find_poses(estimator, network, photos, data["categories"][0]["id"], target)
    metrics = evaluate_results(results, data, skeleton.sigmas)
    _write(target, json.dumps(results))
    print(metrics)
    print(_summary(estimator, network, seconds))
    if target is not None:
        print(f"results in {target}")


def _evaluate_val2017(network: EstimatorOptions, coco: Path, out: Path | None, algorithm: str) -> None:
    """Print the figures on COCO's val2017 below published ones; writes the poses into the folder ``out``."""
    from strongpose.annotations import load_sets
    from strongpose.evaluation import evaluate_results
    from strongpose.evaluation.published import comparison
    from strongpose.evaluation.submission import find_split, result_path

    annotations, images = find_split(coco, "val2017")
    target = None if out is None else result_path(out, "val2017", algorithm)
    estimator = network.open(threshold=0)
    data, photos = load_sets((annotations,), (images,), estimator.info.skeleton, say)
    results, seconds = _find_poses(estimator, network, photos, data["categories"][0]["id"], target)
    figures = evaluate_results(results, data, estimator.info.skeleton.sigmas)
    _write(target, json.dumps(results))
    how = f"{network.model}, {_sides(estimator)} px{', flip' * network.flip}"
    print(comparison("val2017", {how: figures}))
    _say_if_incomplete("val2017", len(photos))
    print(_summary(estimator, network, seconds))
    if target is not None:
        print(f"results in {target}")


def _write_submission(network: EstimatorOptions, coco: Path, out: Path, algorithm: str) -> None:
    """Write the zip file with the poses in COCO's test-dev2017 that its server evaluates; prints published figures."""
    from strongpose.annotations import load_images, photo_paths
    from strongpose.evaluation.published import comparison
    from strongpose.evaluation.submission import find_split, pack_submission, require_coco, result_path

    info, images = find_split(coco, "test-dev2017")
    target = result_path(out, "test-dev2017", algorithm)
    estimator = network.open(threshold=0)
    require_coco(estimator.info.skeleton)
    photos = photo_paths(load_images(info), images, info)
    results, seconds = _find_poses(estimator, network, photos, 1, target)
    _write(target, pack_submission(results, photos, f"{target.stem}.json"))
    print(comparison("test-dev2017", {}))
    _say_if_incomplete("test-dev2017", len(photos))
    print(_summary(estimator, network, seconds))
    print(f"results in {target}; upload it: COCO's server computes the metrics")


def _find_poses(
    estimator: StrongPose, network: EstimatorOptions, photos: dict[Any, Path], category: int, target: Path | None
) -> tuple[list[dict[str, Any]], list[float]]:
    """The poses in photos as COCO keypoint results, and the seconds that each took; kept beside ``target``, if any.

    Raises:
        KeyboardInterrupt: after Ctrl-C or SIGTERM; says what is kept.
    """
    from strongpose.evaluation.results_log import ResultsLog, describe_run, find_poses
    from strongpose.runtime import resolve_model

    with _writing(target), ExitStack() as stack:
        log = None
        if target is not None:
            about = describe_run(estimator, resolve_model(network.model), photos)
            log = stack.enter_context(ResultsLog(_kept_beside(target), about))
            if log.done:
                say(f"resuming after {counted(len(log.done), 'photo')} in {log.path}")
        before = 0 if log is None else len(log.done)
        stop = stack.enter_context(ending_early())
        show = stack.enter_context(Progress("photos"))

        def progress(done: int, total: int) -> None:
            if done > before:
                show(done, total)
            if stop and done < total:
                raise KeyboardInterrupt

        try:
            return find_poses(estimator, photos, category, progress, log)
        except KeyboardInterrupt as interruption:
            if log is None:
                raise
            kept = counted(len(log.done), "photo is", "photos are")
            reason = f"interrupted; {kept} in {log.path}, the same command resumes"
            raise KeyboardInterrupt(reason) from interruption


@contextmanager
def _writing(target: Path | None) -> Iterator[None]:
    """Tell of files that cannot be written as of other mistakes."""
    try:
        yield
    except OSError as error:
        if target is None:
            raise
        reason = error.strerror or error
        raise EvaluationError(f"{target}: cannot be written ({reason}); make room, or name another place") from error


def _kept_beside(target: Path) -> Path:
    return target.with_name(f"{target.stem}.kept.jsonl")


def _write(target: Path | None, content: str | bytes) -> None:
    """Write the results, if they are wanted; what was kept of them until now is removed."""
    if target is not None:
        with _writing(target):
            write_atomically(target, content)
            _kept_beside(target).unlink(missing_ok=True)


def _sides(estimator: StrongPose) -> str:
    return " + ".join(map(str, estimator.sizes))


def _say_if_incomplete(split: SplitName, photos: int) -> None:
    from strongpose.evaluation.submission import PHOTOS

    if photos != PHOTOS[split]:
        print(f"{split} has {PHOTOS[split]:,} photos, these are {photos:,}: do not compare with the others")


def _summary(estimator: StrongPose, network: EstimatorOptions, seconds: list[float]) -> str:
    """How many photos there were, how long they took, and the model."""
    how = f"model {network.model} with {estimator.runtime.name}, long side {_sides(estimator)}"
    flip = ", with flip augmentation" if network.flip else ""
    photos = counted(len(seconds), "photo")
    return f"{photos}, {1000 * statistics.median(seconds):.0f} ms a photo (median); {how}{flip}"
