"""``strongpose errors``: what goes wrong on annotated photos, sorted into kinds, with pictures of the worst."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import FlagCreatePairsOff, Positional, arg

from strongpose.runtime import RuntimeChoice

if TYPE_CHECKING:
    import numpy as np

    from strongpose.skeleton import Skeleton

__all__ = ["errors"]


def errors(
    annotations: Annotated[Positional[Path], arg(metavar="ANNOTATIONS.json")],
    /,
    images: Annotated[Path, arg(metavar="FOLDER")],
    out: Annotated[Path, arg(metavar="FOLDER")],
    results: Annotated[Path | None, arg(metavar="RESULTS.json")] = None,
    model: Annotated[str, arg(metavar="NAME|PATH")] = "base",
    threshold: float = 0.25,
    size: Annotated[int | None, arg(metavar="PIXELS")] = None,
    flip: FlagCreatePairsOff[bool] = False,
    threads: int = 0,
    runtime: RuntimeChoice = "auto",
) -> int:
    """Sort what goes wrong on annotated photos into kinds, say what each costs, and show the worst.

    Prints tables, and writes report.json and a contact sheet of each kind of error.

    Args:
        annotations: Annotation file in COCO keypoint format, such as person_keypoints_val2017.json.
        images: Folder of its photos.
        out: Folder for report.json and the contact sheets.
        results: Look at these poses, in COCO's result format as evaluate --results writes it; left out, run the model.
        model: A model that comes with the package, or the path of an .onnx or .xml file; it also says what
            the keypoints are.
        threshold: Score from which people count as shown.
        size: Scale photos to this long side in pixels. Left out, what the model recommends.
        flip: Look at the mirrored photo as well.
        threads: CPU threads of the network; 0 takes all cores.
        runtime: What runs the network; auto takes the fastest that is installed.
    """
    from strongpose._util.atomic_write import write_atomically
    from strongpose._util.terminal import Progress, say
    from strongpose.annotations import load_annotations, photo_paths
    from strongpose.evaluation import evaluate
    from strongpose.evaluation.diagnosis import format_report
    from strongpose.inference import StrongPose

    try:
        estimator = StrongPose.from_pretrained(model, size=size, flip=flip, threads=threads, runtime=runtime)
        skeleton = estimator.info.skeleton
        data = load_annotations(annotations, skeleton, say)
        paths = photo_paths(data, images, annotations, say)
        if results is None:
            found, origin = evaluate(estimator, data, images, Progress("photos")).results, f"model {model}"
        else:
            found, origin = _read_results(results, data, skeleton), f"results {results}"
        out.mkdir(parents=True, exist_ok=True)
        report = _report(data, found, paths, out, skeleton, threshold)
        about = {"annotations": str(annotations), "detections": origin}
        write_atomically(out / "report.json", json.dumps({**about, **report}, indent=1) + "\n")
    except ValueError as error:  # the model, the annotations, the results or a photo
        print(f"strongpose: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"strongpose: --out {out}: cannot be written ({error.strerror})", file=sys.stderr)
        return 1
    print(format_report(report))
    print(f"\n{origin}; report.json and the sheets are in {out}")
    return 0


def _report(
    data: dict[str, Any],
    results: list[dict[str, Any]],
    paths: dict[Any, Path],
    out: Path,
    skeleton: Skeleton,
    threshold: float,
) -> dict[str, Any]:
    """Write the contact sheets; returns the report."""
    from strongpose._util.atomic_write import write_atomically
    from strongpose.evaluation.diagnosis import describe_people, make_report, sort_data_set
    from strongpose.evaluation.diagnosis.sheets import draw_sheets
    from strongpose.images import open_image

    photos = sort_data_set(data, results, skeleton)
    people = [person for photo in photos for person in describe_people(photo, open_image(paths[photo.image_id]))]
    report = make_report(photos, people, data, skeleton, threshold)
    for name, sheet in draw_sheets(photos, lambda image_id: open_image(paths[image_id]), skeleton, threshold):
        write_atomically(out / f"{name}.jpg", _jpeg(sheet))
    return report


def _read_results(path: Path, data: dict[str, Any], skeleton: Skeleton) -> list[dict[str, Any]]:
    """COCO keypoint results, checked; an `EvaluationError` names the file and the entry."""
    from strongpose._util.json_files import is_id, is_number, read_json
    from strongpose.exceptions import EvaluationError

    results = read_json(path)
    if not isinstance(results, list):
        raise EvaluationError(f"{path}: expected a list of results, got a {type(results).__name__}")
    known, category = {image["id"] for image in data["images"]}, data["categories"][0]
    values = 3 * skeleton.num_keypoints
    for i, result in enumerate(results):
        if not isinstance(result, dict) or not {"image_id", "category_id", "keypoints", "score"} <= set(result):
            raise EvaluationError(f"{path}: result {i} needs 'image_id', 'category_id', 'keypoints' and 'score'")
        if not is_id(result["image_id"]) or result["image_id"] not in known:
            image_id = f"{result['image_id']!r:.80}"
            raise EvaluationError(f"{path}: result {i} is about image {image_id}, which is not annotated")
        if result["category_id"] not in category.get("ids", [category["id"]]):
            got = f"{result['category_id']!r:.80}"
            raise EvaluationError(f"{path}: result {i} is of category {got}, expected {category['id']!r:.80}")
        keypoints = result["keypoints"]
        fits = isinstance(keypoints, list) and len(keypoints) == values
        if not fits or not all(map(is_number, [*keypoints, result["score"]])):
            raise EvaluationError(f"{path}: result {i} needs {values} finite keypoint values (x, y, score) and a score")
    return results


def _jpeg(picture: np.ndarray) -> bytes:
    """(H, W, 3) uint8 RGB as the bytes of a JPEG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=90)
    return file.getvalue()
