"""The poses found in one photo at several sizes, made one set: every person at the size that suits best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from strongpose.decode.scoring import KEYPOINT_THRESHOLD
from strongpose.images import FittedImage
from strongpose.oks import person_areas, similarity_to
from strongpose.poses import Poses

__all__ = ["SMALLEST", "merge"]

SMALLEST = 100
"""Pixels of the input, the long side of the box: smaller people are left to larger sizes, which see more of them."""

_SAME = 0.4
"""OKS above which poses found at different sizes are one person's."""


def merge(found: Sequence[tuple[Poses, FittedImage]]) -> Poses:
    """The people found at several sizes, each once.

    A network knows people of the sizes it was trained on: those who fill the photo fall apart at a large size,
    and small ones are missed at a small size. So each size is decoded by itself, people who are small there are left to
    the larger sizes (as in SNIP: B. Singh, L. Davis, CVPR 2018), and of two poses from different sizes that resemble
    each other the one with the higher score stays.

    Args:
        found: the poses at each size, in photo pixels, and the network input they were found in, ascending by size.

    Returns:
        In photo pixels, best first.

    Raises:
        ValueError: if nothing is given.
    """
    if not found:
        raise ValueError("expected the poses of at least one size, got none")
    kept = [_large(poses, fitted) for poses, fitted in found[:-1]] + [found[-1][0]]
    if len(kept) == 1:
        return kept[0]
    poses = _concatenate(kept)
    sources = np.repeat(np.arange(len(kept)), [len(one) for one in kept])
    order = np.argsort(-poses.scores, kind="stable")
    poses, sources = poses[order], sources[order]
    return poses[_first_of_each(poses, sources)]


def _large(poses: Poses, fitted: FittedImage) -> Poses:
    """Those who are large enough in the network's input."""
    sides = (poses.boxes[:, 2:] - poses.boxes[:, :2]) * fitted.scale
    return poses[sides.max(axis=1, initial=0) >= SMALLEST]


def _concatenate(several: Sequence[Poses]) -> Poses:
    keypoints, scores, boxes = (
        np.concatenate([getattr(poses, name) for poses in several]) for name in ("keypoints", "scores", "boxes")
    )
    return Poses(keypoints, scores, several[0].skeleton, boxes)


def _first_of_each(poses: Poses, sources: np.ndarray) -> np.ndarray:
    """(N,) bool, False for poses that resemble a better one from another source (N,)."""
    points, scores = poses.keypoints[..., :2], poses.keypoints[..., 2]
    areas = person_areas(points, scores, KEYPOINT_THRESHOLD, least=1)
    sigmas = np.array(poses.skeleton.sigmas, dtype=np.float32)
    stays = np.ones(len(poses), dtype=bool)
    for i in range(len(poses)):
        if stays[i]:
            others = np.flatnonzero(stays & (sources != sources[i]) & (np.arange(len(poses)) > i))
            alike = similarity_to(points[i], areas[i], points[others], scores[others], sigmas)
            stays[others[alike > _SAME]] = False
    return stays
