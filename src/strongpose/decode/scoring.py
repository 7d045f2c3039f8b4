"""Score people by their keypoints (SP §III-D)."""

from __future__ import annotations

import numpy as np

from strongpose.decode.suppression import keypoint_nms

__all__ = ["KEYPOINT_THRESHOLD", "expected_similarities", "mean_after_nms", "quadratic_mean"]

KEYPOINT_THRESHOLD = 0.1
"""Score from which a keypoint counts in the area of its person."""


def expected_similarities(scores: np.ndarray, areas: np.ndarray, sigmas: np.ndarray, error: float) -> np.ndarray:
    """Expected-OKS: what each keypoint should add to the person's Object Keypoint Similarity (SP §III-D).

    A keypoint that is where it should be but for a normally distributed error e has the similarity
    E[exp(−e² / 2v)] = v / (v + error²), where v = area · (2 sigma)² is the square of its tolerance: the
    same error costs small people and precise keypoints more.

    Args:
        scores: (N, K) keypoint scores, how probable it is that they are right.
        areas: (N,) of the people, square pixels.
        sigmas: (K,) COCO's tolerances.
        error: standard deviation along x and y in pixels; 0 gives back the scores.

    Returns:
        (N, K) expected similarities, 0-1.
    """
    tolerance = areas[:, None] * np.square(2 * sigmas)
    return scores * (tolerance / (tolerance + error**2))


def quadratic_mean(scores: np.ndarray) -> np.ndarray:
    """The root of the mean of the squared keypoint scores: what is sure counts most.

    Args:
        scores: (N, K) keypoint scores.

    Returns:
        (N,) scores of the people.
    """
    return np.sqrt(np.square(scores).mean(axis=1))


def mean_after_nms(points: np.ndarray, scores: np.ndarray, radius: float) -> np.ndarray:
    """Eq. (1) of SP §III-D: the mean of the keypoint scores after keypoint NMS; suppressed ones count 0.

    Args:
        points: (N, K, 2) x, y in pixels.
        scores: (N, K) keypoint scores; the sum of a person's says how strong the person is.
        radius: r in pixels, see `keypoint_nms`.

    Returns:
        (N,) sums of the scores that are not suppressed, over K.
    """
    order = np.argsort(-scores.sum(axis=1), kind="stable")
    result = np.empty(len(scores), dtype=scores.dtype)
    result[order] = np.where(keypoint_nms(points[order], radius), scores[order], 0).mean(axis=1)
    return result
