"""COCO-format data sets in the making: the parts that every converter puts together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from strongpose.exceptions import ConversionError, ImageError
from strongpose.images import read_size
from strongpose.oks import AREA_SHARE
from strongpose.skeleton import Skeleton

__all__ = [
    "category",
    "data_set",
    "describe_person",
    "describe_region",
    "keypoint_rows",
    "photo_size",
    "required",
]


def required(entry: Any, keys: Iterable[str], what: str) -> dict[str, Any]:
    """The entry, if it is a dictionary that holds the keys.

    Raises:
        ConversionError: if not; ``what`` says which entry of which file it is.
    """
    missing = [key for key in keys if not isinstance(entry, dict) or key not in entry]
    if missing:
        got = sorted(entry) if isinstance(entry, dict) else type(entry).__name__
        raise ConversionError(f"{what} needs {', '.join(map(repr, missing))}; it has {got}")
    return dict(entry)


def keypoint_rows(values: Any, count: int, columns: int, what: str) -> np.ndarray:
    """(count, columns) float64 from numbers in any nesting.

    Raises:
        ConversionError: if they are not so many finite numbers.
    """
    try:
        rows = np.array(values, dtype=np.float64).ravel()
    except (TypeError, ValueError, OverflowError) as error:
        raise ConversionError(f"{what}: keypoints must be numbers ({error})") from error
    if rows.size != count * columns:
        raise ConversionError(
            f"{what}: expected {count * columns} keypoint values ({count} × {columns}), got {rows.size}"
        )
    if not np.isfinite(rows).all():
        raise ConversionError(f"{what}: {int((~np.isfinite(rows)).sum())} keypoint values are not finite numbers")
    return rows.reshape(count, columns)


def photo_size(images: Path | None, name: str, what: str) -> tuple[int, int]:
    """(width, height) of a photo in pixels, as it is meant to be seen (`strongpose.images.read_size`).

    Raises:
        ConversionError: if the folder is not given, or the photo is missing or damaged.
    """
    if images is None:
        raise ConversionError(f"{what}: this format does not hold the photos' sizes; name their folder with --images")
    if not (images / name).exists():
        raise ConversionError(f"{what}: no photo {images / name}; check the folder of the photos")
    try:
        return read_size(images / name)
    except ImageError as error:
        raise ConversionError(f"{what}: {error}") from error


def describe_person(
    image_id: Any,
    keypoints: np.ndarray,
    box: Sequence[float] | None = None,
    more: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A COCO keypoint annotation (`data_set` numbers it).

    Args:
        image_id: of the photo.
        keypoints: (K, 3) x, y in pixels and COCO's visibility; of unlabelled ones (0) x and y become 0.
        box: x, y, width, height; left out, the box around the labelled keypoints, which is smaller than the person.
        more: further fields, which may replace ``area`` (.53 of the box) and ``iscrowd`` (0).
    """
    labelled = keypoints[:, 2] > 0
    keypoints = np.where(labelled[:, None], keypoints, 0)
    if box is None:
        points = keypoints[labelled, :2] if labelled.any() else np.zeros((1, 2))
        box = [*points.min(0), *np.ptp(points, axis=0)]
    box = [round(float(v), 3) for v in box]
    return {
        "image_id": image_id,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": box,
        "area": round(AREA_SHARE * box[2] * box[3], 3),
        "keypoints": [int(v) if v == int(v) else round(float(v), 3) for v in keypoints.ravel()],
        "num_keypoints": int(labelled.sum()),
        **(more or {}),
    }


def describe_region(image_id: Any, polygon: np.ndarray, keypoints: int) -> dict[str, Any]:
    """A COCO annotation of a (P, 2) polygon in which nobody knows who is there: ``iscrowd`` 1."""
    (x, y), (w, h) = polygon.min(0), np.ptp(polygon, axis=0)
    xs, ys = polygon.T
    area = 0.5 * abs(float(xs @ np.roll(ys, -1) - ys @ np.roll(xs, -1)))
    outline = [[round(float(v), 3) for v in polygon.ravel()]]
    return describe_person(
        image_id,
        np.zeros((keypoints, 3)),
        [x, y, w, h],
        {"iscrowd": 1, "area": round(area, 3), "segmentation": outline},
    )


def category(names: Sequence[str], limbs: Iterable[Sequence[int]] = ()) -> dict[str, Any]:
    """COCO's category of people; its ``skeleton`` counts keypoints from 1."""
    limbs = [[a + 1, b + 1] for a, b in limbs]
    return {"id": 1, "name": "person", "supercategory": "person", "keypoints": list(names), "skeleton": limbs}


def data_set(
    images: list[dict[str, Any]], people: Iterable[dict[str, Any]], keypoints: Sequence[str] | Skeleton
) -> dict[str, Any]:
    """The content of a COCO keypoint annotation file; the people are numbered from 1."""
    about = category(keypoints.names, keypoints.limbs) if isinstance(keypoints, Skeleton) else category(keypoints)
    return {
        "images": images,
        "annotations": [{"id": number, **person} for number, person in enumerate(people, start=1)],
        "categories": [about],
    }
