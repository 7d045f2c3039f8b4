"""Object Keypoint Similarity (OKS), COCO's measure of how alike two poses are, and the size of people it needs."""

from __future__ import annotations

import numpy as np

__all__ = [
    "AREA_SHARE",
    "keypoint_corners",
    "keypoint_similarities",
    "person_areas",
    "similarity_to",
    "weighted_similarity",
]

AREA_SHARE = 0.53
"""A person's area as a share of the box (the mean over COCO's annotations)."""

_TINY = np.finfo(np.float32).tiny


def keypoint_similarities(
    squared_distances: np.ndarray,
    areas: np.ndarray | float,
    sigmas: np.ndarray,
    slack: np.ndarray | float = 0.0,
) -> np.ndarray:
    """The similarity of keypoints some distance apart, 1 where they meet.

    Args:
        squared_distances: (..., K) square pixels.
        areas: (...) of the people, square pixels; broadcast.
        sigmas: (K,) COCO's tolerances.
        slack: more tolerance, as a share of the person's size, the root of the area; broadcast to (..., K).

    Returns:
        (..., K) exp(−d² / (2 · area · ((2 sigma)² + slack²))), 0-1.
    """
    tolerances = np.square(2 * sigmas) + slack**2
    return np.exp(-squared_distances / (2 * np.asarray(areas)[..., None] * tolerances))


def weighted_similarity(similarities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Object Keypoint Similarity from the similarities of the keypoints.

    Args:
        similarities: (..., K).
        weights: (..., K) how much each counts; COCO counts all labelled keypoints alike. Broadcast.

    Returns:
        (...) weighted means; 0 where all weights are 0.
    """
    return (weights * similarities).sum(axis=-1) / np.maximum(weights.sum(axis=-1), _TINY)


def similarity_to(
    points: np.ndarray, area: float, others: np.ndarray, weights: np.ndarray, sigmas: np.ndarray
) -> np.ndarray:
    """Object Keypoint Similarity of people to one person.

    Args:
        points: (K, 2) the person, x, y in pixels.
        area: the person's area in square pixels.
        others: (N, K, 2) x, y in pixels.
        weights: (N, K) how much each of the others' keypoints counts.
        sigmas: (K,) COCO's tolerances.

    Returns:
        (N,) 0-1; 0 where all weights are 0.
    """
    squared = np.square(others - points).sum(axis=-1)
    return weighted_similarity(keypoint_similarities(squared, area, sigmas), weights)


def keypoint_corners(points: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The boxes around the known keypoints of people.

    Args:
        points: (N, K, 2) x, y in pixels.
        known: (N, K) bool.

    Returns:
        (N, 2) x, y of the upper left corners and (N, 2) of the lower right ones; inf and -inf where no keypoint
        is known.
    """
    known = known[..., None]
    return np.where(known, points, np.inf).min(axis=1), np.where(known, points, -np.inf).max(axis=1)


def person_areas(points: np.ndarray, scores: np.ndarray, threshold: float, least: float) -> np.ndarray:
    """The areas of people as COCO's share of the boxes around their keypoints.

    Args:
        points: (N, K, 2) x, y in pixels.
        scores: (N, K).
        threshold: score from which a keypoint counts.
        least: square pixels.

    Returns:
        (N,) square pixels, at least ``least``.
    """
    low, high = keypoint_corners(points, scores >= threshold)
    return np.maximum(AREA_SHARE * np.maximum(high - low, 0).prod(axis=-1), least)
