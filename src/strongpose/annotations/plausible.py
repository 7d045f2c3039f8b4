"""Whether annotations can mean pixels of their photos: what a file as a whole gives away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from strongpose._util.json_files import is_number
from strongpose._util.lines import Say
from strongpose.exceptions import AnnotationError

__all__ = ["check_units"]

_SMALL = 8  # pixels: nobody is annotated with keypoints in a photo that is not larger
_BEYOND = 2.0  # pixels by which a box reaches out of its photo, or a keypoint out of its box, without being noticed
_FAR = 0.1  # of a side, by which boxes of whole people may reach out of their photo


def check_units(people: Sequence[Mapping[str, Any]], images: Sequence[Mapping[str, Any]], name: str, say: Say) -> None:
    """Refuse normalised coordinates in place of pixels and corners in place of boxes; tell what may be percents.

    Args:
        people: annotations as `checked_person` returns them.
        images: of the file.
        name: what messages call the file.
        say: told of doubts.

    Raises:
        AnnotationError: if keypoints or boxes cannot be pixels.
    """
    sizes: dict[Any, tuple[Any, Any]] = {image["id"]: (image.get("width"), image.get("height")) for image in images}
    labelled = [p for p in people if p["num_keypoints"] and not p["iscrowd"]]
    known = [p for p in labelled if all(is_number(s) and s > _SMALL for s in sizes[p["image_id"]])]
    if not known:
        return
    most = np.array([_farthest(p) for p in known])
    counts = np.array([p["num_keypoints"] for p in known])
    unit = (most <= 1) & (counts >= 3)
    if unit.any() or ((most <= 1).all() and counts.sum() > 1):
        which = known[int(np.argmax(unit))]
        raise AnnotationError(
            f"{name}: the keypoints of annotation {which.get('id', '?')!r:.80} lie within 0 to {_farthest(which):g}: "
            "they look like normalised coordinates (0 to 1); COCO's are pixels"
        )
    boxes = np.array([p["bbox"] for p in known], dtype=np.float64)
    if (boxes[:, :2] + boxes[:, 2:] <= 1.5).all() and (most > _SMALL).all():
        raise AnnotationError(
            f"{name}: its boxes lie within 0 to 1.5: they look like normalised coordinates (0 to 1); COCO's are pixels"
        )
    extent = np.array([sizes[p["image_id"]] for p in known], dtype=np.float64)
    outside = ((boxes[:, :2] + boxes[:, 2:]) > extent + _BEYOND).any(1)
    if outside.any() and (boxes[:, 2:] > boxes[:, :2]).all() and all(map(_fits_corners, known)):
        raise AnnotationError(
            f"{name}: {outside.sum()} boxes reach out of their photos, and all fit as corners x0, y0, x1, y1; "
            "COCO's are x, y, width, height"
        )
    far = ((boxes[:, :2] + boxes[:, 2:]) > extent * (1 + _FAR)).any(1)
    if far.any():
        say(f"boxes that reach far out of their photos: {far.sum()}")
    photos = {p["image_id"] for p in known}
    if most.max() <= 100 and len(photos) > 1 and extent.min() > 200:
        say(f"all keypoints of {len(photos)} photos lie within 0 to {most.max():g} pixels; are they percents?")


def _farthest(person: Mapping[str, Any]) -> float:
    """The largest coordinate of labelled keypoints in pixels."""
    values = person["keypoints"]
    return max(max(x, y) for x, y, v in zip(values[::3], values[1::3], values[2::3], strict=True) if v > 0)


def _fits_corners(person: Mapping[str, Any]) -> bool:
    """Whether the labelled keypoints lie between the box's numbers taken as corners."""
    rows = np.array(person["keypoints"], dtype=np.float64).reshape(-1, 3)
    points = rows[rows[:, 2] > 0, :2]
    low, high = np.array(person["bbox"][:2]), np.array(person["bbox"][2:])
    return bool(((points >= low - _BEYOND) & (points <= high + _BEYOND)).all())
