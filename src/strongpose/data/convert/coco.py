"""COCO keypoint annotation files, and CrowdPose's, which differ in little."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from strongpose._util.json_files import is_number
from strongpose._util.lines import Say, unheard
from strongpose.annotations import read_annotations
from strongpose.data.convert.dataset import category
from strongpose.exceptions import ConversionError
from strongpose.skeletons import load_skeleton

__all__ = ["read_coco", "read_crowdpose"]


def read_coco(path: Path, say: Say = unheard) -> dict[str, Any]:
    """A COCO keypoint annotation file, checked, with one category: `strongpose.annotations.read_annotations`.

    Source: https://cocodataset.org/#format-data, keypoint detection.

    Args:
        path: the file.
        say: told what is left out or filled in.

    Raises:
        strongpose.exceptions.AnnotationError: if the file does not have that format; names the entry.
        ConversionError: if it does not state the size of a photo.
    """
    data = read_annotations(path, say=say)
    data["categories"] = [{key: value for key, value in data["categories"][0].items() if key != "ids"}]
    numbers = [person["id"] for person in data["annotations"] if isinstance(person.get("id"), int)]
    for number, person in enumerate(
        (p for p in data["annotations"] if "id" not in p), start=1 + max(numbers, default=0)
    ):
        person["id"] = number
    for i, image in enumerate(data["images"]):
        sizes = image.get("width"), image.get("height")
        if not all(is_number(side) and side > 0 for side in sizes):
            raise ConversionError(f"{path}: image {i} needs 'width' and 'height' in pixels, it has {sizes!r:.60}")
    return data


def read_crowdpose(path: Path, say: Say = unheard) -> dict[str, Any]:
    """A CrowdPose annotation file: COCO's format with 14 other keypoints, without areas.

    Left shoulder, right shoulder, left elbow … right ankle, head, neck; visibility is COCO's. The area becomes
    0.53 of the box, as in CrowdPose's own evaluation. The keypoint names and the drawing order that the files state
    are replaced: the latter is left over from COCO.

    Source: https://github.com/Jeff-sjtu/CrowdPose, crowdpose-api, cocoeval.py.

    Args:
        path: the file.
        say: told what is left out or filled in.

    Raises:
        strongpose.exceptions.AnnotationError: if the file does not have that format; names the entry.
        ConversionError: if it has other keypoints.
    """
    skeleton = load_skeleton("crowdpose14")
    data = read_coco(path, say)
    names = tuple(data["categories"][0]["keypoints"])
    if names != skeleton.names:
        raise ConversionError(
            f"{path}: its keypoints are {', '.join(map(str, names))}; CrowdPose's are {', '.join(skeleton.names)}"
        )
    about = {**category(skeleton.names, skeleton.limbs), "id": data["categories"][0]["id"]}
    return {**data, "categories": [about]}
