"""One person's annotation: checked, and completed by what follows from the rest of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from strongpose._util.json_files import is_number
from strongpose.exceptions import AnnotationError
from strongpose.oks import AREA_SHARE

__all__ = ["checked_person", "has_area"]

_NO_AREA = 0.01  # share of the box: a smaller area is none; shapes of people in COCO take .15 and more


def checked_person(person: Mapping[str, Any], count: int, what: str, filled: Counter[str]) -> dict[str, Any]:
    """An annotation with everything that an evaluation or training reads.

    Args:
        person: the annotation.
        count: K, of keypoints.
        what: what messages call it.
        filled: counts, by kind, what was taken in another way than it is written.

    Returns:
        A copy with "keypoints" (3·K numbers), "num_keypoints", "bbox", "area" and "iscrowd".

    Raises:
        AnnotationError: if that cannot be had.
    """
    keypoints = _keypoints(person, count, what, filled)
    crowd = person.get("iscrowd")
    if crowd not in (None, 0, 1):
        raise AnnotationError(f"{what}: 'iscrowd' must be 0 or 1")
    labelled = sum(v > 0 for v in keypoints[2::3])
    box = person.get("bbox")
    if box is not None and (not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box))):
        raise AnnotationError(f"{what} needs 'bbox', four numbers x, y, width, height")
    if labelled and (box is None or min(box[2:]) <= 0):
        xs, ys = ([p for p, v in zip(keypoints[axis::3], keypoints[2::3], strict=True) if v > 0] for axis in (0, 1))
        around = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
        if box is None or min(around[2:]) > 0:
            box = around
            filled["box"] += 1
    if box is None:
        raise AnnotationError(f"{what} needs 'bbox', four numbers x, y, width, height")
    area = person.get("area")
    if area is not None and (not is_number(area) or area < 0):
        raise AnnotationError(f"{what} needs a number 'area' of 0 or more")
    if area is None or not (crowd or has_area({"area": area, "bbox": box})):
        area = AREA_SHARE * max(0.0, box[2]) * max(0.0, box[3])
        filled["area"] += bool(labelled and not crowd and area)
    filled["count"] += person.get("num_keypoints", labelled) != labelled
    complete = {
        "keypoints": keypoints,
        "num_keypoints": labelled,
        "bbox": box,
        "area": area,
        "iscrowd": int(crowd or 0),
    }
    return {**person, **complete}


def has_area(person: Mapping[str, Any]) -> bool:
    """Whether an annotation with a right box states an area that can be one: more than a hundredth of the box."""
    area, (_, _, width, height) = person.get("area"), person["bbox"]
    return is_number(area) and area > _NO_AREA * max(0.0, width) * max(0.0, height)


def _keypoints(person: Mapping[str, Any], count: int, what: str, filled: Counter[str]) -> list[float]:
    """3·K numbers; what cannot be labelled, as it lies at 0 0 or at negative places by both axes, is not."""
    given: Any = person.get("keypoints") or [0] * (3 * count)  # nobody labelled them
    if isinstance(given, list) and all(isinstance(row, list) and len(row) == 3 for row in given):
        given = [value for row in given for value in row]
    if not isinstance(given, list) or len(given) != 3 * count:
        got = len(given) if isinstance(given, list) else f"a {type(given).__name__}"
        raise AnnotationError(f"{what} needs {3 * count} keypoint values (x, y, visible), got {got}")
    values: list[float] = []
    for x, y, v in zip(given[::3], given[1::3], given[2::3], strict=True):
        if v is None or (is_number(v) and v <= 0):
            values += [x if is_number(x) else 0, y if is_number(y) else 0, 0 if v is None else v]
        elif not all(map(is_number, (x, y, v))):
            raise AnnotationError(f"{what}: its keypoints are not all numbers; unlabelled ones are 0 0 0")
        elif x == y == 0 or (x < 0 and y < 0 and x == y):
            filled["nowhere"] += 1
            values += [0, 0, 0]
        else:
            values += [x, y, v]
    return values
