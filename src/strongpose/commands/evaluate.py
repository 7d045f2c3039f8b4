"""``strongpose evaluate``: a model on annotated photos, measured with the COCO keypoint figures."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

from tyro.conf import FlagCreatePairsOff, Positional, arg

from strongpose.runtime import RuntimeChoice

__all__ = ["evaluate"]


def evaluate(
    annotations: Annotated[Positional[Path], arg(metavar="ANNOTATIONS.json")],
    /,
    images: Annotated[Path, arg(metavar="FOLDER")],
    model: Annotated[str, arg(metavar="NAME|PATH")] = "base",
    results: Annotated[Path | None, arg(metavar="OUT.json")] = None,
    size: Annotated[
        tuple[int, ...], arg(metavar="PIXELS ...", help_behavior_hint="(default: what the model recommends)")
    ] = (),
    flip: FlagCreatePairsOff[bool] = False,
    threads: int = 0,
    runtime: RuntimeChoice = "auto",
) -> int:
    """Measure a model on annotated photos: COCO's ten keypoint figures and the time a photo.

    Args:
        annotations: Annotation file in COCO keypoint format, such as person_keypoints_val2017.json.
        images: Folder of its photos.
        model: A model that comes with the package, or the path of an .onnx or .xml file.
        results: Also write the poses to this file, in COCO's result format.
        size: Scale photos to this long side in pixels. Of several, all are looked at and averaged:
            better, and the times add up.
        flip: Look at the mirrored photo as well: better, and half as fast.
        threads: CPU threads of the network; 0 takes all cores.
        runtime: What runs the network; auto takes the fastest that is installed.
    """
    from strongpose.estimator import StrongPose
    from strongpose.evaluation import evaluate as run
    from strongpose.files import write_whole

    try:
        estimator = StrongPose.from_pretrained(model, size=size or None, flip=flip, threads=threads, runtime=runtime)
        if results is not None:
            results.parent.mkdir(parents=True, exist_ok=True)
        found = run(estimator, annotations, images, _show_progress)
        if results is not None:
            write_whole(results, json.dumps(found.results))
    except ValueError as error:  # the model, the annotations or a photo
        print(f"strongpose: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"strongpose: --results {results}: cannot be written ({error.strerror})", file=sys.stderr)
        return 1
    print(found.figures)
    sides = " + ".join(map(str, estimator.sizes))
    how = f"model {model} with {estimator.runtime.name}, long side {sides}" + (", with mirrored photos" if flip else "")
    print(f"{found.photos} photos, {1000 * found.seconds:.0f} ms a photo (median); {how}")
    if results is not None:
        print(f"results in {results}")
    return 0


def _show_progress(done: int, total: int) -> None:
    """A counter that overwrites itself on a terminal, and a line every hundred photos elsewhere."""
    if sys.stderr.isatty():
        print(f"\r{done}/{total} photos", end="\n" if done == total else "", file=sys.stderr, flush=True)
    elif done % 100 == 0:
        print(f"{done}/{total} photos", file=sys.stderr, flush=True)
