"""PoseTrack18 and PoseTrack21: one COCO-like file for each video."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from strongpose._util.json_files import read_json
from strongpose._util.lines import Say, unheard
from strongpose.data.convert.dataset import (
    data_set,
    describe_person,
    describe_region,
    keypoint_rows,
    photo_size,
    required,
)
from strongpose.exceptions import ConversionError
from strongpose.images.folders import is_hidden

__all__ = ["read_posetrack"]

_KEPT = ("track_id", "person_id")


def read_posetrack(path: Path, images: Path | None, say: Say = unheard) -> dict[str, Any]:
    """One annotation file, or a folder of them, as one data set.

    17 keypoints are listed: nose, head bottom, head top, left ear, right ear, left shoulder … right ankle; the ears
    are never labelled. Visibility is 0 or 1 there; 1 becomes COCO's 2. Frames that are not labelled are left out.
    Regions to ignore become annotations with ``iscrowd`` 1. track_id and person_id stay. A person without keypoints,
    or with a box of the head alone, becomes one that nobody labelled.

    Source: https://github.com/anDoer/PoseTrack21, doc/dataset_structure.md ("the same format … in PoseTrack18").

    Args:
        path: the file or folder.
        images: the folder to which the files' "images/train/…" are relative.
        say: told how many people in frames that are not labelled are left out.

    Raises:
        ConversionError: if a file does not have that format, or a photo is missing; names the entry.
    """
    files = sorted(p for p in path.glob("*.json") if not is_hidden(p)) if path.is_dir() else [path]
    if not files:
        raise ConversionError(f"{path}: holds no .json files")
    photos: list[dict[str, Any]] = []
    people: list[dict[str, Any]] = []
    names: list[str] | None = None
    seen: dict[Any, Path] = {}
    left_out = 0
    for file in files:
        data = required(read_json(file), ("images", "annotations", "categories"), f"{file}")
        found = required((data["categories"] or [None])[0], ("keypoints",), f"{file}: category 0")["keypoints"]
        if names is not None and found != names:
            raise ConversionError(f"{file}: its keypoints are not those of {files[0]}")
        names = found
        kept: dict[Any, bool] = {}
        for i, image in enumerate(data["images"]):
            what = f"{file}: image {i}"
            image = required(image, ("id", "file_name"), what)
            if image["id"] in seen:
                raise ConversionError(f"{what}: image id {image['id']} is in {seen[image['id']]} already")
            seen[image["id"]] = file
            kept[image["id"]] = bool(image.get("is_labeled", True))
            if not kept[image["id"]]:
                continue
            width, height = photo_size(images, image["file_name"], what)
            photos.append({"id": image["id"], "file_name": image["file_name"], "width": width, "height": height})
            people += _regions(image, len(names), what)
        labelled = list(_people(file, data["annotations"], kept, len(names)))
        people += labelled
        left_out += len(data["annotations"]) - len(labelled)
    assert names is not None
    if left_out:
        say(f"{path}: left out {left_out} annotations of frames that are not labelled")
    return data_set(photos, people, names)


def _people(file: Path, annotations: list[Any], kept: dict[Any, bool], count: int) -> Iterator[dict[str, Any]]:
    """The people in frames that are kept."""
    for i, annotation in enumerate(annotations):
        what = f"{file}: annotation {i}"
        annotation = required(annotation, ("image_id",), what)
        if annotation["image_id"] not in kept:
            raise ConversionError(
                f"{what} is about image {annotation['image_id']!r:.80}, which is not among the file's images; ids must "
                "be written in the same way"
            )
        if not kept[annotation["image_id"]]:
            continue
        keypoints = keypoint_rows(annotation.get("keypoints") or np.zeros(3 * count), count, 3, what)
        keypoints[:, 2] = np.where(keypoints[:, 2] > 0, 2, 0)
        box = annotation.get("bbox") or None
        if box is None and not keypoints.any():
            box = annotation.get("bbox_head") or None
            if box is None:
                raise ConversionError(f"{what} has neither keypoints nor a box")
        if box is not None:
            keypoint_rows(box, 1, 4, f"{what}, bbox")
        more = {key: annotation[key] for key in _KEPT if key in annotation}
        yield describe_person(annotation["image_id"], keypoints, box, more)


def _regions(image: dict[str, Any], count: int, what: str) -> Iterator[dict[str, Any]]:
    xs, ys = image.get("ignore_regions_x") or [], image.get("ignore_regions_y") or []
    if len(xs) != len(ys):
        raise ConversionError(f"{what}: {len(xs)} ignore_regions_x but {len(ys)} ignore_regions_y")
    for x, y in zip(xs, ys, strict=True):
        if len(x) != len(y):
            raise ConversionError(f"{what}: an ignore region has {len(x)} x but {len(y)} y")
        if len(x) >= 3:
            yield describe_region(image["id"], keypoint_rows([*zip(x, y, strict=True)], len(x), 2, what), count)
