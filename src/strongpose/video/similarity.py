"""How alike poses are from frame to frame, and how large people are."""

from __future__ import annotations

import numpy as np

from strongpose.oks import AREA_SHARE, keypoint_corners, keypoint_similarities, weighted_similarity
from strongpose.poses import Poses

__all__ = ["person_sizes", "pose_similarities"]

_SURE = 0.1  # score from which a keypoint tells how large a person is
_THIN = 0.4  # a person's size is no less a share of the longer side, also in profile or lying straight


def person_sizes(poses: Poses) -> np.ndarray:
    """(N,) sizes of people in pixels, the root of their area; at least 1.

    The area is COCO's share of the box around the keypoints that are sure, and no less than if the box were
    as wide as somebody seen from the front.
    """
    points, scores = poses.keypoints[..., :2].astype(np.float64), poses.keypoints[..., 2]
    low, high = keypoint_corners(points, scores >= np.minimum(_SURE, scores.max(axis=1, keepdims=True)))
    extent = high - low
    areas = AREA_SHARE * extent.prod(axis=1)
    return np.maximum.reduce([np.sqrt(areas), _THIN * extent.max(axis=1), np.ones(len(poses))])


def pose_similarities(
    expected: np.ndarray,
    expected_sizes: np.ndarray,
    found: np.ndarray,
    found_sizes: np.ndarray,
    sigmas: tuple[float, ...],
    slack: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Object Keypoint Similarity of M people to N others, keypoints weighted by both scores.

    Args:
        expected: (M, K, 3) x, y in pixels, score.
        expected_sizes: (M,) pixels, root of the area.
        found: (N, K, 3).
        found_sizes: (N,).
        sigmas: K tolerances of COCO.
        slack: (M,) more tolerance for all keypoints of a person, in sizes.

    Returns:
        (M, N) 0-1, for the mean of both sizes.
    """
    squared = np.square(expected[:, None, :, :2] - found[None, :, :, :2]).sum(axis=-1)
    sizes = (expected_sizes[:, None] + found_sizes[None, :]) / 2
    slack = np.broadcast_to(slack, len(expected))[:, None, None]
    similarities = keypoint_similarities(squared, np.square(sizes), np.asarray(sigmas), slack)
    return weighted_similarity(similarities, np.sqrt(np.maximum(expected[:, None, :, 2] * found[None, :, :, 2], 0)))
