"""COCO keypoint evaluation: average precision and recall by Object Keypoint Similarity, and time a photo."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any

from strongpose._util.json_files import is_id, is_number
from strongpose._util.lines import counted
from strongpose._util.tables import table
from strongpose.annotations import load_annotations, photo_paths
from strongpose.evaluation.results_log import MAX_DETECTIONS, find_poses
from strongpose.exceptions import EvaluationError
from strongpose.inference import StrongPose

__all__ = ["Evaluation", "Metrics", "evaluate", "evaluate_results"]


@dataclass(frozen=True)
class Metrics:
    """The ten metrics of the COCO keypoint task, 0-1; NaN where the annotations hold no such person.

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
        values = ["–" if math.isnan(value) else f"{value:.3f}" for value in asdict(self).values()]
        return table(names, [values])


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found.

    Attributes:
        metrics: the ten COCO metrics.
        results: the poses as COCO keypoint results, at most 20 a photo.
        photos: number of photos looked at.
        seconds: median time a photo, from opening the file to the poses.
    """

    metrics: Metrics
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
        estimator: what is evaluated; its threshold does not count (`find_poses`).
        annotations: a COCO keypoint annotation file, or its content.
        images: the folder of its photos.
        progress: called after every photo with the number done and the total.

    Raises:
        strongpose.exceptions.AnnotationError: if the annotations are damaged, are about other keypoints than the
            model's, or photos are missing or have another size than is annotated.
        strongpose.exceptions.ImageError: if a photo cannot be opened.
    """
    skeleton = estimator.info.skeleton
    data = load_annotations(annotations, skeleton)
    paths = photo_paths(data, images, "annotations" if isinstance(annotations, Mapping) else annotations)
    results, seconds = find_poses(estimator, paths, data["categories"][0]["id"], progress)
    metrics = evaluate_results(results, data, skeleton.sigmas)
    return Evaluation(metrics, results, len(paths), statistics.median(seconds))


def evaluate_results(
    results: Sequence[Mapping[str, Any]],
    annotations: str | PathLike[str] | Mapping[str, Any],
    sigmas: Sequence[float],
) -> Metrics:
    """The ten metrics of COCO keypoint results.

    Args:
        results: as `Poses.to_coco` writes them; of each photo the 20 with the highest score count.
        annotations: a COCO keypoint annotation file, or its content.
        sigmas: K tolerances, of the skeleton that results and annotations share.

    Raises:
        strongpose.exceptions.AnnotationError: if the annotations are damaged.
        EvaluationError: if the results are damaged, or about photos, people or keypoints that the annotations lack.
    """
    from faster_coco_eval import COCO, COCOeval_faster

    data = load_annotations(annotations)
    category, values = data["categories"][0], 3 * len(sigmas)
    if 3 * len(category["keypoints"]) != values:
        raise EvaluationError(
            f"the annotations have {len(category['keypoints'])} keypoints, but {len(sigmas)} tolerances"
        )
    numbers = {image["id"]: number for number, image in enumerate(data["images"], start=1)}
    for i, result in enumerate(results):
        needed = {"image_id", "category_id", "keypoints", "score"}
        if not isinstance(result, Mapping) or not needed <= set(result) or not is_id(result["image_id"]):
            raise EvaluationError(f"result {i} needs 'image_id', 'category_id', 'keypoints' and 'score'")
        if not all(map(is_number, (*result["keypoints"], result["score"]))):
            raise EvaluationError(f"result {i}: its keypoints and score are not all numbers")
    unknown = sorted({result["image_id"] for result in results} - numbers.keys(), key=str)
    if unknown:
        images = counted(len(unknown), "image that is", "images that are")
        raise EvaluationError(f"results are about {images} not annotated, the first {unknown[0]}")
    for i, result in enumerate(results):
        if len(result["keypoints"]) != values:
            raise EvaluationError(f"expected {values} keypoint values a result, got {len(result['keypoints'])}")
        if result["category_id"] not in category.get("ids", [category["id"]]):
            got = f"{result['category_id']!r:.80}"
            raise EvaluationError(f"result {i} is of category {got}, expected {category['id']!r:.80}")
    content = _essentials(data, numbers)
    truth = COCO(content)
    nobody = COCO({**content, "annotations": []})  # older releases cannot load an empty list
    found = [{**result, "image_id": numbers[result["image_id"]], "category_id": 1} for result in results]
    run = COCOeval_faster(
        truth,
        truth.loadRes(found) if found else nobody,
        "keypoints",
        kpt_oks_sigmas=list(sigmas),
        print_function=lambda *_: None,
    )
    run.params.maxDets = [MAX_DETECTIONS]
    run.evaluate()
    run.accumulate()
    run.summarize()
    return Metrics(*(math.nan if value < 0 else float(value) for value in run.stats[:10]))


def _essentials(data: dict[str, Any], numbers: Mapping[Any, int]) -> dict[str, Any]:
    """What the evaluation reads, copied, since it writes into what it is given; its ids must be small numbers."""
    kept = ("bbox", "area", "keypoints", "num_keypoints", "iscrowd")
    people = [
        {"id": i, "category_id": 1, "image_id": numbers[person["image_id"]], **{key: person[key] for key in kept}}
        for i, person in enumerate(data["annotations"], start=1)
    ]
    return {
        "images": [{"id": number} for number in numbers.values()],
        "annotations": people,
        "categories": [{"id": 1, "name": "person"}],
    }
