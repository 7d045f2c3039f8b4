"""``strongpose evaluate``: a model on annotated photos, or on COCO's, measured with the COCO keypoint figures."""

from __future__ import annotations

import json
import signal
import statistics
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import FlagCreatePairsOff, Positional, arg

from strongpose.runtime import RuntimeChoice

if TYPE_CHECKING:
    from strongpose._util.signals import StopRequest
    from strongpose.evaluation import Figures
    from strongpose.evaluation.submission import SplitName
    from strongpose.inference import StrongPose

__all__ = ["evaluate"]


def evaluate(
    annotations: Annotated[
        Positional[tuple[Path, ...]], arg(metavar="ANNOTATIONS.json ...", help_behavior_hint="(this, or --coco)")
    ] = (),
    /,
    images: Annotated[tuple[Path, ...], arg(metavar="FOLDER ...", help_behavior_hint="(with ANNOTATIONS.json)")] = (),
    model: Annotated[str, arg(metavar="NAME|PATH")] = "base",
    results: Annotated[Path | None, arg(metavar="OUT.json")] = None,
    coco: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    split: Literal["val2017", "test-dev2017"] = "val2017",
    out: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    algorithm: Annotated[str, arg(metavar="NAME")] = "strongpose",
    size: Annotated[
        tuple[int, ...], arg(metavar="PIXELS ...", help_behavior_hint="(default: what the model recommends)")
    ] = (),
    flip: FlagCreatePairsOff[bool] = False,
    threads: int = 0,
    runtime: RuntimeChoice = "auto",
) -> int:
    """Measure a model on annotated photos: COCO's ten keypoint figures and the time a photo.

    With --results or --out the poses are kept as they are found: after an interruption the same command goes on.

    Args:
        annotations: Annotation file in COCO keypoint format, such as person_keypoints_val2017.json; several are
            measured together.
        images: Folder of its photos; one for each annotation file.
        model: A model that comes with the package, or the path of an .onnx or .xml file.
        results: With ANNOTATIONS.json: also write the poses to this file, in COCO's result format.
        coco: Instead of ANNOTATIONS.json, the folder of COCO, with annotations/ and val2017/ or test2017/ in it.
        split: With --coco: val2017 prints published figures beside the model's; test-dev2017, whose annotations only
            COCO's server has, writes the zip file to upload.
        out: With --coco: write the poses to this folder, named as COCO's server expects.
        algorithm: With --out: what the file's name calls the model.
        size: Scale photos to this long side in pixels. Of several, all are looked at and averaged:
            better, and the times add up.
        flip: Look at the mirrored photo as well: better, and half as fast.
        threads: CPU threads of the network; 0 takes all cores.
        runtime: What runs the network; auto takes the fastest that is installed.
    """
    from strongpose._util.signals import StopRequest
    from strongpose.evaluation.published import comparison
    from strongpose.evaluation.submission import PHOTOS, find_split, result_path
    from strongpose.inference import StrongPose
    from strongpose.runtime import resolve_model

    wrong = _misfit(annotations, images, results, coco, split, out)
    if wrong:
        print(f"strongpose: {wrong}", file=sys.stderr)
        return 2
    target = results
    try:
        if coco is not None:
            annotations, images = ((path,) for path in find_split(coco, split))
            target = None if out is None else result_path(out, split, algorithm)
        file = resolve_model(model)
        estimator = StrongPose.from_pretrained(file, size=size or None, flip=flip, threads=threads, runtime=runtime)
        with StopRequest(signal.SIGTERM) as stop:
            figures, seconds = _run(estimator, file, annotations, images, target, split, stop)
    except ValueError as error:  # the model, the annotations or a photo
        print(f"strongpose: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        option = "results" if coco is None else "out"
        print(f"strongpose: --{option} {target}: cannot be written ({error.strerror})", file=sys.stderr)
        return 1
    sides = " + ".join(map(str, estimator.sizes))
    if coco is None:
        print(figures)
    else:
        print(comparison(split, {f"{model}, {sides} px{', mirrored too' * flip}": figures} if figures else {}))
        if len(seconds) != PHOTOS[split]:
            print(f"{split} has {PHOTOS[split]:,} photos, these are {len(seconds):,}: do not compare with the others")
    how = f"model {model} with {estimator.runtime.name}, long side {sides}" + (", with mirrored photos" if flip else "")
    print(f"{len(seconds)} photos, {1000 * statistics.median(seconds):.0f} ms a photo (median); {how}")
    if target is not None:
        print(f"results in {target}" + ("" if figures else "; upload it: COCO's server says the figures"))
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
        if not annotations or not images:
            return "expected ANNOTATIONS.json --images FOLDER, or --coco FOLDER"
        if len(annotations) != len(images):
            return f"--images: expected {len(annotations)}, one for each annotation file, got {len(images)}"
        if split != "val2017" or out is not None:
            return "--split and --out go with --coco; with ANNOTATIONS.json --results OUT.json writes the poses"
    elif annotations or images or results is not None:
        return "--coco takes the place of ANNOTATIONS.json and --images, and --out that of --results"
    elif split == "test-dev2017" and out is None:
        return "--split test-dev2017 needs --out FOLDER for the zip file to upload"
    return None


def _run(
    estimator: StrongPose,
    model: Path,
    annotations: tuple[Path, ...],
    images: tuple[Path, ...],
    target: Path | None,
    split: SplitName,
    stop: StopRequest,
) -> tuple[Figures | None, list[float]]:
    """Find the poses, keep them beside ``target``, and write it; the figures where there are annotations."""
    from strongpose._util.atomic_write import write_atomically
    from strongpose.annotations import load_images, load_sets, photo_paths
    from strongpose.evaluation import evaluate_results
    from strongpose.evaluation.results_log import KeptPoses, describe_run, find_poses
    from strongpose.evaluation.submission import pack_submission, require_coco

    skeleton = estimator.info.skeleton
    figures = None
    if split == "test-dev2017":
        require_coco(skeleton)
        data, category = load_images(*annotations), 1
        photos = photo_paths(data, images[0], annotations[0])
    else:
        data, photos = load_sets(annotations, images, skeleton, _say)
        category = data["categories"][0]["id"]
    kept = None
    if target is not None:
        kept = KeptPoses(target.with_name(f"{target.stem}.kept.jsonl"), describe_run(estimator, model, photos))
        if kept.done:
            print(f"going on after {len(kept.done)} photos in {kept.path}", file=sys.stderr)

    def progress(done: int, total: int) -> None:
        _show_progress(done, total)
        if stop.is_set and done < total:
            raise KeyboardInterrupt

    with kept or nullcontext():
        try:
            results, seconds = find_poses(estimator, photos, category, progress, kept)
        except KeyboardInterrupt as interruption:
            if kept is None:
                raise
            raise KeyboardInterrupt(
                f"interrupted; {len(kept.done)} photos are in {kept.path}, the same command goes on"
            ) from interruption
    if split == "val2017":
        figures = evaluate_results(results, data, skeleton.sigmas)
    if target is not None and kept is not None:
        packed = json.dumps(results) if figures else pack_submission(results, photos, f"{target.stem}.json")
        write_atomically(target, packed)
        kept.remove()
    return figures, seconds


def _say(line: str) -> None:
    print(f"strongpose: {line}", file=sys.stderr, flush=True)


def _show_progress(done: int, total: int) -> None:
    """A counter that overwrites itself on a terminal, and a line every hundred photos elsewhere."""
    if sys.stderr.isatty():
        print(f"\r{done}/{total} photos", end="\n" if done == total else "", file=sys.stderr, flush=True)
    elif done % 100 == 0:
        print(f"{done}/{total} photos", file=sys.stderr, flush=True)
