"""``strongpose benchmark``: accuracy, time and memory of models on runtimes, as one table."""

from __future__ import annotations

import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from strongpose._util.installing import install_command
from strongpose._util.terminal import Progress, complain, say
from strongpose.commands.help_texts import BESIDE
from strongpose.commands.inputs import not_a_photo, not_annotations
from strongpose.commands.options import Flag
from strongpose.commands.outputs import unwritable_file

if TYPE_CHECKING:
    from strongpose.benchmarking import Row

__all__ = ["benchmark"]

RuntimeName = Literal["openvino", "onnx", "torch"]

_DEFAULT_RUNTIMES: tuple[RuntimeName, ...] = ("openvino", "onnx")


def benchmark(
    photos: Annotated[
        Positional[tuple[str, ...]],
        arg(metavar="PHOTO|FOLDER|PATTERN ...", help_behavior_hint="(these, or --annotations)"),
    ] = (),
    /,
    annotations: Annotated[Path | None, arg(metavar="ANNOTATIONS.json", help_behavior_hint="")] = None,
    images: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint=BESIDE)] = None,
    models: Annotated[tuple[str, ...], arg(metavar="NAME|PATH ...")] = ("base",),
    runtimes: Annotated[
        tuple[RuntimeName, ...], arg(help_behavior_hint="(default: openvino and onnx, where installed)")
    ] = (),
    size: Annotated[
        tuple[int, ...], arg(metavar="PIXELS ...", help_behavior_hint="(default: the model's and half of it)")
    ] = (),
    flip: Flag = False,
    threads: int = 0,
    repeat: int = 1,
    recursive: Flag = False,
    csv: Annotated[Path | None, arg(metavar="OUT.csv", help_behavior_hint="")] = None,
    markdown: Flag = False,
) -> int:
    """Compare models and runtimes: accuracy, latency and memory.

    The latency is listed by step and by number of people. Each model on each runtime is measured in a process of its
    own, one photo at a time, after a warm-up.

    Examples:
        strongpose benchmark FOLDER --models base fast
        strongpose benchmark --annotations ANNOTATIONS.json --images FOLDER

    Args:
        photos: Photos, folders of photos, or quoted patterns; name them first.
        annotations: Instead of photos, an annotation file in COCO keypoint format: AP and AR are measured as well.
        images: Folder of the annotated photos.
        models: Models to compare: those that come with the package, or paths of .onnx or .xml files.
        runtimes: Inference runtimes; each model is measured on each.
        size: Input resolution: long side in pixels; larger finds smaller people, slower. Several sizes: multi-scale
            testing (poses are merged). Name photos or files, if any, before it.
        flip: Flip augmentation: also run on the horizontally flipped photo and average; more accurate,
            twice the latency.
        threads: CPU threads of the network; 0 takes all cores.
        repeat: How many times every photo is measured.
        recursive: Also take the photos in the folders of folders, to the bottom. A folder that holds no photo itself is
            searched so anyway.
        csv: Append everything that was measured to this file, a row for all photos and for each group of photos.
        markdown: Print the tables in GitHub's Markdown.
    """
    from strongpose import benchmarking
    from strongpose.benchmarking.rows import ALL
    from strongpose.exceptions import ModelError

    if wrong := unwritable_file("--csv", csv):
        return complain(wrong)
    command = shlex.join(["strongpose", *sys.argv[1:]])
    rows: list[Row] = []
    failed = 0
    try:
        if repeat < 1:
            raise benchmarking.BenchmarkError(f"--repeat must be at least 1, got {repeat}")
        if csv is not None:
            benchmarking.check_csv(csv)
        data, paths = _photos(photos, annotations, images, recursive)
        names = () if data is None else tuple(data["categories"][0]["keypoints"])
        machine, labels = benchmarking.this_machine(), _labels(models)
        for model, runtime in _pairs(models, runtimes):
            job = benchmarking.Job(model, runtime, tuple(map(str, paths)), size, flip, threads, repeat, names)
            now = datetime.now().astimezone().isoformat(timespec="seconds")
            with Progress("photos", f"{labels[model]} on {runtime}") as progress:
                found = benchmarking.measure_afresh(job, progress)
            figures = None if data is None else _figures(data, found.results, found.sigmas)
            new = benchmarking.rows_of(
                labels[model], job, found, str(annotations or ""), figures, machine, now, command
            )
            if csv is not None:
                benchmarking.append_csv(csv, new)
            rows += new
    except (ModelError, ValueError) as error:
        failed = complain(error)
    if rows:
        print(benchmarking.main_table(rows, markdown), end="\n\n")
        print(benchmarking.people_table(rows, markdown), end="\n\n")
        print(benchmarking.machine_note([row for row in rows if row.people == ALL], markdown))
    return failed


def _photos(
    photos: tuple[str, ...], annotations: Path | None, images: Path | None, recursive: bool
) -> tuple[dict[str, Any] | None, list[Path]]:
    """The annotations, if there are any, and the photos in their order."""
    from strongpose.annotations import load_annotations, photo_folder, photo_paths
    from strongpose.exceptions import BenchmarkError
    from strongpose.images.folders import only_videos, photos_named

    if annotations is None and images is not None:
        raise BenchmarkError("--images is the folder of the photos of --annotations; name that file, too")
    if photos and annotations is not None:
        raise BenchmarkError("give either photos or --annotations, not both")
    if annotations is not None:
        if wrong := not_annotations(annotations):
            raise BenchmarkError(wrong)
        data = load_annotations(annotations, say=say)
        return data, list(photo_paths(data, photo_folder(annotations, images), annotations, say).values())
    paths: list[Path] = []
    for argument in photos:
        path = Path(argument)
        if path.is_file() and (wrong := not_a_photo(path)):
            raise BenchmarkError(wrong.replace("--model", "--models"))
        found = photos_named(argument, recursive).photos
        if not found:
            none = f"{argument}: no such photo, and no folder or pattern that holds one; check the path"
            raise BenchmarkError(only_videos(path) or none)
        paths += [path for path in found if path not in paths]
    if not paths:
        raise BenchmarkError("name photos, or --annotations; `strongpose benchmark --help` explains")
    return None, paths


def _pairs(models: tuple[str, ...], runtimes: tuple[RuntimeName, ...]) -> list[tuple[str, RuntimeName]]:
    """What is measured: every model with every runtime that can run it; tells what is left out."""
    from strongpose.exceptions import BenchmarkError
    from strongpose.runtime import installed_runtimes, open_runtime, resolve_model

    paths = {model: resolve_model(model) for model in models}
    installed = installed_runtimes()
    for runtime in runtimes:
        if runtime not in installed:
            open_runtime(next(iter(paths.values())), runtime)  # raises what is missing and how to get it
    for runtime in _DEFAULT_RUNTIMES:
        if not runtimes and runtime not in installed:
            say(f"{runtime} is not installed and left out: {install_command(runtime)}")
    chosen = runtimes or tuple(runtime for runtime in _DEFAULT_RUNTIMES if runtime in installed)
    pairs: list[tuple[str, RuntimeName]] = []
    for model, path in paths.items():
        for runtime in dict.fromkeys(chosen):
            if path.suffix == ".xml" and runtime != "openvino":
                say(f"{model} on {runtime} is left out: only openvino runs .xml files")
            else:
                pairs.append((model, runtime))
    if not pairs:
        raise BenchmarkError("nothing to measure: no model runs on any of the runtimes; name others")
    return pairs


def _labels(models: tuple[str, ...]) -> dict[str, str]:
    """What models are called in tables: their names or file names, or all of the path where two would be the same."""
    names = [Path(model).name for model in dict.fromkeys(models)]
    return {model: name if names.count(name := Path(model).name) == 1 else model for model in models}


def _figures(data: dict[str, Any], results: list[dict[str, Any]], sigmas: list[float]) -> Any:
    """COCO's figures of results whose ``image_id`` is the index of their photo."""
    from strongpose.evaluation import evaluate_results

    category, ids = data["categories"][0]["id"], [image["id"] for image in data["images"]]
    named = [{**result, "image_id": ids[result["image_id"]], "category_id": category} for result in results]
    return evaluate_results(named, data, sigmas)
