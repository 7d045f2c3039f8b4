"""Reading files of keypoint results in COCO's format, which others may have written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from strongpose._util.json_files import is_id, is_number, read_json
from strongpose.exceptions import EvaluationError
from strongpose.skeleton import Skeleton

__all__ = ["read_results"]


def read_results(path: Path, data: Mapping[str, Any], skeleton: Skeleton) -> list[dict[str, Any]]:
    """Results in COCO's keypoint format.

    Args:
        path: the file.
        data: the content of the annotation file that they are about (`strongpose.annotations.load_annotations`).
        skeleton: its K keypoints.

    Raises:
        strongpose.exceptions.JsonError: if the file cannot be read.
        EvaluationError: if a result lacks something, has not 3 K numbers as keypoints, or is about a photo or
            category that is not annotated; names the file and the entry.
    """
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
