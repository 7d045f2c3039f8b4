"""Other keypoints: a COCO-format data set with the keypoints of another skeleton."""

from __future__ import annotations

from typing import Any

import numpy as np

from strongpose.data.convert.dataset import ConversionError, category
from strongpose.skeleton import Skeleton

__all__ = ["with_skeleton"]

_SHOULDERS = ("left_shoulder", "right_shoulder")


def with_skeleton(data: dict[str, Any], skeleton: Skeleton, neck_from_shoulders: bool = False) -> dict[str, Any]:
    """The data set with a skeleton's keypoints, taken by their names.

    Keypoints that the data lack are unlabelled. A box and an area stay as they are.

    Args:
        data: COCO keypoint annotations with one category, as the converters of this package return them.
        skeleton: the keypoints to have.
        neck_from_shoulders: let a keypoint "neck" that the data lack lie midway between the shoulders, where both
            are labelled; it is visible where both are. An estimate, no annotation.

    Raises:
        ConversionError: if the data share no keypoint with the skeleton, or a neck cannot be had.
    """
    names = data["categories"][0]["keypoints"]
    order = [names.index(name) if name in names else -1 for name in skeleton.names]
    if max(order) < 0:
        raise ConversionError(
            f"the data have none of the keypoints of skeleton {skeleton.name!r}: they have {', '.join(names)}"
        )
    neck = -1
    if neck_from_shoulders:
        if "neck" not in skeleton.names or not set(_SHOULDERS) <= set(names):
            raise ConversionError(
                f"a neck from the shoulders needs a keypoint 'neck' in the skeleton, which has "
                f"{', '.join(skeleton.names)}, and both shoulders in the data, which have {', '.join(names)}"
            )
        neck = skeleton.names.index("neck") if "neck" not in names else -1

    def changed(person: dict[str, Any]) -> dict[str, Any]:
        rows = np.array(person.get("keypoints") or [0] * (3 * len(names)), dtype=np.float64).reshape(-1, 3)
        rows = np.concatenate([rows, np.zeros((1, 3))])  # -1 in the order is this last one
        taken = rows[order]
        if neck >= 0:
            left, right = (rows[names.index(shoulder)] for shoulder in _SHOULDERS)
            if left[2] > 0 and right[2] > 0:
                taken[neck] = [*(left + right)[:2] / 2, min(left[2], right[2])]
        values = [int(v) if v == int(v) else round(float(v), 3) for v in taken.ravel()]
        return {**person, "keypoints": values, "num_keypoints": int((taken[:, 2] > 0).sum())}

    kept = {**data["categories"][0], **category(skeleton.names, skeleton.limbs), "id": data["categories"][0]["id"]}
    return {**data, "annotations": [changed(person) for person in data["annotations"]], "categories": [kept]}
