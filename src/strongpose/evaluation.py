"""COCO keypoint evaluation: average precision and recall by Object Keypoint Similarity, and time a photo."""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from strongpose.estimator import StrongPose
from strongpose.skeleton import Skeleton

__all__ = ["Evaluation", "EvaluationError", "Figures", "evaluate", "evaluate_results", "load_annotations"]

MAX_DETECTIONS = 20
"""COCO's keypoint task looks at that many people a photo, the best."""


class EvaluationError(ValueError):
    """Annotations or results that cannot be evaluated; the message names the file, the entry and the remedy."""


@dataclass(frozen=True)
class Figures:
    """The ten figures of the COCO keypoint task, 0-1; NaN where the annotations hold no such person.

    Average precision (AP) and recall (AR) are means over the ten OKS thresholds .50, .55 … .95; the
    suffixes name one threshold, or medium (32² to 96² pixels) and large people.
    """

    ap: float
    ap50: float
    ap75: float
    ap_medium: float
    ap_large: float
    ar: float
    ar50: float
    ar75: float
    ar_medium: float
    ar_large: float

    def to_dict(self) -> dict[str, float | None]:
        """A plain dictionary for JSON; NaN becomes None."""
        return {name: None if math.isnan(value) else value for name, value in asdict(self).items()}

    def __str__(self) -> str:
        names = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")
        values = ("–" if math.isnan(value) else f"{value:.3f}" for value in asdict(self).values())
        return "".join(f"{name:>7}" for name in names) + "\n" + "".join(f"{value:>7}" for value in values)


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found.

    Attributes:
        figures: the ten COCO figures.
        results: the poses as COCO keypoint results, at most 20 a photo.
        photos: number of photos looked at.
        seconds: median time a photo, from opening the file to the poses.
    """

    figures: Figures
    results: list[dict[str, Any]]
    photos: int
    seconds: float


def evaluate(
    estimator: StrongPose,
    annotations: str | PathLike[str] | Mapping[str, Any],
    images: str | PathLike[str],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Run an estimator on annotated photos and compare.

    Args:
        estimator: what is evaluated.
        annotations: a COCO keypoint annotation file, or its content.
        images: the folder of its photos.
        progress: called after every photo with the number done and the total.

    Raises:
        EvaluationError: if the annotations are damaged, are about other keypoints than the model's, or
            photos are missing.
        strongpose.images.ImageError: if a photo cannot be opened.
    """
    skeleton = estimator.info.skeleton
    data = load_annotations(annotations, skeleton)
    folder = Path(images)
    paths = {image["id"]: folder / image["file_name"] for image in data["images"]}
    missing = [path for path in paths.values() if not path.is_file()]
    if missing:
        raise EvaluationError(
            f"{len(missing)} of the {len(paths)} annotated photos are missing, the first is {missing[0]}; "
            "check the folder of the photos"
        )
    category = data["categories"][0]["id"]
    results: list[dict[str, Any]] = []
    seconds = []
    for done, (image_id, path) in enumerate(paths.items(), start=1):
        start = time.perf_counter()
        poses = estimator(path)
        seconds.append(time.perf_counter() - start)
        best = np.argsort(-poses.scores, kind="stable")[:MAX_DETECTIONS]
        results += poses[best].to_coco(image_id, category)
        progress(done, len(paths))
    figures = evaluate_results(results, data, skeleton.sigmas)
    return Evaluation(figures, results, len(paths), statistics.median(seconds))


def evaluate_results(
    results: Sequence[Mapping[str, Any]],
    annotations: str | PathLike[str] | Mapping[str, Any],
    sigmas: Sequence[float],
) -> Figures:
    """The ten figures of COCO keypoint results.

    Args:
        results: as `Poses.to_coco` writes them; of each photo the 20 with the highest score count.
        annotations: a COCO keypoint annotation file, or its content.
        sigmas: K tolerances, of the skeleton that results and annotations share.

    Raises:
        EvaluationError: if the annotations are damaged, or a result is about a photo they do not hold.
    """
    from faster_coco_eval import COCO, COCOeval_faster

    data = load_annotations(annotations)
    known = {image["id"] for image in data["images"]}
    unknown = sorted({result["image_id"] for result in results} - known, key=str)
    if unknown:
        raise EvaluationError(f"results are about {len(unknown)} images that are not annotated, the first {unknown[0]}")
    values = 3 * len(sigmas)
    for result in results:
        if len(result["keypoints"]) != values:
            raise EvaluationError(f"expected {values} keypoint values a result, got {len(result['keypoints'])}")
    truth = COCO(_essentials(data, values))
    found = truth.loadRes([dict(result) for result in results])
    run = COCOeval_faster(truth, found, "keypoints", kpt_oks_sigmas=list(sigmas), print_function=lambda *_: None)
    run.params.maxDets = [MAX_DETECTIONS]
    run.evaluate()
    run.accumulate()
    run.summarize()
    return Figures(*(math.nan if value < 0 else float(value) for value in run.stats[:10]))


def load_annotations(
    annotations: str | PathLike[str] | Mapping[str, Any], skeleton: Skeleton | None = None
) -> dict[str, Any]:
    """The content of a COCO keypoint annotation file, checked.

    Args:
        annotations: the file, or its content.
        skeleton: the keypoints that the annotations must be about.

    Returns:
        The content, with only those categories that have keypoints, and their annotations.

    Raises:
        EvaluationError: if the file is missing or damaged, or its keypoints are not the skeleton's.
    """
    if isinstance(annotations, Mapping):
        name, data = "annotations", dict(annotations)
    else:
        name, data = str(annotations), _read_json(Path(annotations))
    for key in ("images", "annotations", "categories"):
        if not isinstance(data.get(key), list):
            raise EvaluationError(f"{name}: expected a list {key!r}, as in COCO's person_keypoints files")
    ids = set()
    for i, image in enumerate(data["images"]):
        if not isinstance(image, dict) or not {"id", "file_name"} <= set(image):
            raise EvaluationError(f"{name}: image {i} needs 'id' and 'file_name'")
        ids.add(image["id"])
    if not ids:
        raise EvaluationError(f"{name}: holds no images")
    categories = [c for c in data["categories"] if isinstance(c, dict) and "id" in c and c.get("keypoints")]
    if not categories:
        raise EvaluationError(f"{name}: no category has 'keypoints'; COCO's person_keypoints files are of this kind")
    if skeleton is not None and tuple(categories[0]["keypoints"]) != skeleton.names:
        raise EvaluationError(
            f"{name}: its keypoints are {', '.join(categories[0]['keypoints'])}, "
            f"but the model's are {', '.join(skeleton.names)}"
        )
    count = {c["id"]: 3 * len(c["keypoints"]) for c in categories}
    people = []
    for i, person in enumerate(data["annotations"]):
        if not isinstance(person, dict) or not {"image_id", "category_id"} <= set(person):
            raise EvaluationError(f"{name}: annotation {i} needs 'image_id' and 'category_id'")
        if person["category_id"] in count:
            _check_person(person, count[person["category_id"]], ids, f"{name}: annotation {i}")
            people.append(person)
    return {**data, "categories": categories, "annotations": people}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise EvaluationError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise EvaluationError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise EvaluationError(f"{path}: not JSON, or cut short ({error}); copy or download it again") from error
    if not isinstance(data, dict):
        raise EvaluationError(f"{path}: expected a JSON object as in COCO's files, got a {type(data).__name__}")
    return data


def _check_person(person: dict[str, Any], values: int, image_ids: set[Any], what: str) -> None:
    """Raise `EvaluationError` if an annotation cannot be evaluated."""
    if person["image_id"] not in image_ids:
        raise EvaluationError(f"{what} is about image {person['image_id']}, which is not among the images")
    if not isinstance(person.get("area"), int | float):
        raise EvaluationError(f"{what} needs a number 'area'")
    box = person.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(v, int | float) for v in box):
        raise EvaluationError(f"{what} needs 'bbox', four numbers x, y, width, height")
    keypoints = person.get("keypoints") or [0] * values  # nobody labelled them
    if not isinstance(keypoints, list) or len(keypoints) != values:
        got = len(keypoints) if isinstance(keypoints, list) else repr(keypoints)
        raise EvaluationError(f"{what} needs {values} keypoint values (x, y, visible), got {got}")
    if not all(isinstance(v, int | float) and math.isfinite(v) for v in keypoints):
        raise EvaluationError(f"{what}: its keypoints are not all numbers")


def _essentials(data: dict[str, Any], values: int) -> dict[str, Any]:
    """What the evaluation reads, copied, since it writes into what it is given."""
    people = []
    for i, person in enumerate(data["annotations"], start=1):
        keypoints = person.get("keypoints") or [0] * values
        if len(keypoints) != values:
            raise EvaluationError(f"expected {values} keypoint values an annotation, got {len(keypoints)}")
        kept = {key: person[key] for key in ("image_id", "category_id", "bbox", "area")}
        labelled = person.get("num_keypoints", sum(v > 0 for v in keypoints[2::3]))
        iscrowd = person.get("iscrowd", 0)
        people.append({**kept, "id": i, "keypoints": keypoints, "num_keypoints": labelled, "iscrowd": iscrowd})
    return {
        "images": [{"id": image["id"]} for image in data["images"]],
        "annotations": people,
        "categories": [{"id": c["id"], "name": c.get("name", "person")} for c in data["categories"]],
    }
