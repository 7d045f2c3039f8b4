"""Numbers of poses in text: rounded when written, checked when read."""

from __future__ import annotations

from typing import Any

import numpy as np

from strongpose.skeleton import Skeleton

__all__ = ["keypoint_row", "rounded"]


def rounded(values: np.ndarray, digits: int = 3) -> list[float]:
    """The values of a one-dimensional array, rounded; a thousandth of a pixel is far below what poses are good for."""
    return [round(float(v), digits) for v in values]


def keypoint_row(values: Any, skeleton: Skeleton, what: str) -> np.ndarray:
    """(K, 3) float32 from 3K numbers in any nesting.

    Raises:
        ValueError: if they are no numbers, or not as many; names ``what`` they belong to.
    """
    try:
        row = np.array(values, dtype=np.float32).ravel()
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what}: keypoints must be numbers: {error}") from error
    k = skeleton.num_keypoints
    if row.size != 3 * k:
        raise ValueError(f"{what}: expected {3 * k} keypoint values ({k} times x, y, score), got {row.size}")
    return row.reshape(k, 3)
