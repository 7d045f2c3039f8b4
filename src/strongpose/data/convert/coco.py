"""COCO keypoint annotation files, and CrowdPose's, which differ in little."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from strongpose.annotations import is_id, is_name, is_number
from strongpose.data.convert.dataset import (
    AREA_SHARE,
    ConversionError,
    category,
    keypoint_rows,
    read_json,
    required,
)
from strongpose.skeletons import load_skeleton

__all__ = ["read_coco", "read_crowdpose"]


def read_coco(path: Path) -> dict[str, Any]:
    """A COCO keypoint annotation file, checked; only its first category with keypoints is kept.

    Source: https://cocodataset.org/#format-data, keypoint detection.

    Raises:
        ConversionError: if the file does not have that format; names the entry.
    """
    data = required(read_json(path), ("images", "annotations", "categories"), f"{path}")
    for key in ("images", "annotations", "categories"):
        if not isinstance(data[key], list):
            raise ConversionError(f"{path}: {key!r} must be a list, got a {type(data[key]).__name__}")
    people = [c for c in data["categories"] if isinstance(c, dict) and "id" in c and c.get("keypoints")]
    if not people:
        raise ConversionError(f"{path}: no category has 'keypoints'; COCO's person_keypoints files are of this kind")
    kept, names = people[0], people[0]["keypoints"]
    if not isinstance(names, list) or not all(map(is_name, names)) or not is_id(kept["id"]):
        raise ConversionError(f"{path}: 'keypoints' of a category must be a list of names, and its 'id' a number")
    count = len(names)
    ids = set()
    for i, image in enumerate(data["images"]):
        required(image, ("id", "file_name", "width", "height"), f"{path}: image {i}")
        sizes = image["width"], image["height"]
        if not is_id(image["id"]) or not is_name(image["file_name"]) or not all(is_number(s) and s > 0 for s in sizes):
            raise ConversionError(f"{path}: image {i} needs a number 'id', a name, and 'width' and 'height' in pixels")
        ids.add(image["id"])
    annotations = []
    for i, annotation in enumerate(data["annotations"]):
        what = f"{path}: annotation {i}"
        annotation = required(annotation, ("image_id", "category_id", "bbox"), what)
        if annotation["category_id"] != kept["id"]:
            continue
        if not is_id(annotation["image_id"]) or annotation["image_id"] not in ids:
            image_id = f"{annotation['image_id']!r:.80}"
            raise ConversionError(f"{what} is about image {image_id}, which is not among the images")
        if not isinstance(annotation.get("num_keypoints", 0), int):
            raise ConversionError(f"{what}: 'num_keypoints' must be a whole number")
        keypoint_rows(annotation["bbox"], 1, 4, f"{what}, bbox")
        keypoint_rows(annotation.get("keypoints") or [0] * (3 * count), count, 3, what)
        annotations.append(annotation)
    return {**data, "annotations": annotations, "categories": [kept]}


def read_crowdpose(path: Path) -> dict[str, Any]:
    """A CrowdPose annotation file: COCO's format with 14 other keypoints, without areas.

    Left shoulder, right shoulder, left elbow … right ankle, head, neck; visibility is COCO's. The area becomes
    0.53 of the box, as in CrowdPose's own evaluation. The keypoint names and the drawing order that the files state
    are replaced: the latter is left over from COCO.

    Source: https://github.com/Jeff-sjtu/CrowdPose, crowdpose-api, cocoeval.py.

    Raises:
        ConversionError: if the file does not have that format; names the entry.
    """
    skeleton = load_skeleton("crowdpose14")
    data = read_coco(path)
    names = tuple(data["categories"][0]["keypoints"])
    if names != skeleton.names:
        raise ConversionError(
            f"{path}: its keypoints are {', '.join(map(str, names))}; CrowdPose's are {', '.join(skeleton.names)}"
        )
    for annotation in data["annotations"]:
        annotation.setdefault("area", round(AREA_SHARE * annotation["bbox"][2] * annotation["bbox"][3], 3))
        annotation.setdefault("iscrowd", 0)
    about = {**category(skeleton.names, skeleton.limbs), "id": data["categories"][0]["id"]}
    return {**data, "categories": [about]}
