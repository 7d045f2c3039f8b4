"""Where a person's head is, which has keypoints in the face only: for body regions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from strongpose.skeleton import Skeleton
from strongpose.skeletons.body_shape import BODY, FACE, HIPS, SHOULDERS

__all__ = ["Head", "head_of"]

_TINY = 1e-3


class Head(NamedTuple):
    """A thick line.

    Attributes:
        face: (2,) x, y of the middle of the face.
        crown: (2,) x, y of the middle of the upper head.
        radius: half the line's width.
    """

    face: np.ndarray
    crown: np.ndarray
    radius: float


def head_of(points: np.ndarray, known: np.ndarray, skeleton: Skeleton, trunk: float) -> Head | None:
    """The head of a person, from the face up, away from shoulders or hips, as the body heat map's targets draw it.

    Args:
        points: (K, 2) x, y in pixels.
        known: (K,) bool, which of them count.
        skeleton: names the keypoints.
        trunk: length of the person's trunk in pixels.

    Returns:
        In pixels; None with fewer than two keypoints of the face.
    """
    face = _known(FACE, known, skeleton)
    if len(face) < 2:
        return None
    middle = points[face].mean(axis=0)
    below = _known(SHOULDERS, known, skeleton) or _known(HIPS, known, skeleton)
    up = np.array([0.0, -1.0])
    if below:
        away = middle - points[below].mean(axis=0)
        length = float(np.linalg.norm(away))
        up = away / length if length > _TINY else up
    return Head(middle, middle + BODY.above * trunk * up, BODY.crown * trunk)


def _known(names: tuple[str, ...], known: np.ndarray, skeleton: Skeleton) -> list[int]:
    """The keypoints of those names that count."""
    return [k for k, name in enumerate(skeleton.names) if name in names and known[k]]
