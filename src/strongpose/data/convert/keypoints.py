"""Other keypoints: a COCO-format data set with the keypoints of another skeleton."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from strongpose._util.lines import Say, unheard
from strongpose.data.convert.dataset import category
from strongpose.exceptions import ConversionError
from strongpose.skeleton import Skeleton
from strongpose.skeletons.sides_by_name import usual_spelling

__all__ = ["with_skeleton"]

_SHOULDERS = ("left_shoulder", "right_shoulder")


def with_skeleton(
    data: dict[str, Any], skeleton: Skeleton, neck_from_shoulders: bool = False, say: Say = unheard
) -> dict[str, Any]:
    """The data set with a skeleton's keypoints, taken by their names, in any usual spelling.

    Keypoints that the data lack are unlabelled. A box and an area stay as they are.

    Args:
        data: COCO keypoint annotations with one category, as the converters of this package return them.
        skeleton: the keypoints to have.
        neck_from_shoulders: let a keypoint "neck" that the data lack lie midway between the shoulders, where both
            are labelled; it is visible where both are. An estimate, no annotation.
        say: told which keypoints of the data are left out, and which of the skeleton they lack.

    Raises:
        ConversionError: if the data share no keypoint with the skeleton, or a neck cannot be had.
    """
    names = data["categories"][0]["keypoints"]
    places = _places(names, dict.fromkeys((*skeleton.names, *_SHOULDERS)))
    order = [places.get(name, -1) for name in skeleton.names]
    if max(order) < 0:
        raise ConversionError(
            f"the data have none of the keypoints of skeleton {skeleton.name!r}: they have {', '.join(names)}"
        )
    neck = -1
    if neck_from_shoulders:
        if "neck" not in skeleton.names or not set(_SHOULDERS) <= set(places):
            raise ConversionError(
                f"a neck from the shoulders needs a keypoint 'neck' in the skeleton, which has "
                f"{', '.join(skeleton.names)}, and both shoulders in the data, which have {', '.join(names)}"
            )
        neck = skeleton.names.index("neck") if "neck" not in places else -1
    _say_differences(names, skeleton, order, neck, say)

    def changed(person: dict[str, Any]) -> dict[str, Any]:
        rows = np.array(person.get("keypoints") or [0] * (3 * len(names)), dtype=np.float64).reshape(-1, 3)
        rows = np.concatenate([rows, np.zeros((1, 3))])  # -1 in the order is this last one
        taken = rows[order]
        if neck >= 0:
            left, right = (rows[places[shoulder]] for shoulder in _SHOULDERS)
            if left[2] > 0 and right[2] > 0:
                taken[neck] = [*(left + right)[:2] / 2, min(left[2], right[2])]
        values = [int(v) if v == int(v) else round(float(v), 3) for v in taken.ravel()]
        return {**person, "keypoints": values, "num_keypoints": int((taken[:, 2] > 0).sum())}

    kept = {**data["categories"][0], **category(skeleton.names, skeleton.limbs), "id": data["categories"][0]["id"]}
    return {**data, "annotations": [changed(person) for person in data["annotations"]], "categories": [kept]}


def _places(names: Sequence[str], wanted: Iterable[str]) -> dict[str, int]:
    """Where the wanted names are among others, written in the same way or in another usual one."""
    places = {name: names.index(name) for name in wanted if name in names}
    alike: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        if i not in places.values():
            alike.setdefault(usual_spelling(name), []).append(i)
    for name in wanted:
        found = alike.get(usual_spelling(name), [])
        if name not in places and len(found) == 1:
            places[name] = found[0]
    return places


def _say_differences(names: Sequence[str], skeleton: Skeleton, order: Sequence[int], neck: int, say: Say) -> None:
    """Say which keypoints of the data are left out, and which of the skeleton have no labels."""
    left_out = [name for i, name in enumerate(names) if i not in order]
    lacking = [name for k, name in enumerate(skeleton.names) if order[k] < 0 and k != neck]
    notes = [
        f"{what}: {', '.join(which)}"
        for what, which in (
            ("keypoints of the data left out", left_out),
            (f"keypoints of skeleton {skeleton.name!r} that they lack, unlabelled", lacking),
        )
        if which
    ]
    if notes:
        say("; ".join(notes))
