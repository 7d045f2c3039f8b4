"""Object Keypoint Similarity (OKS), COCO's measure of how alike two poses are, and the size of people it needs."""

from __future__ import annotations

import numpy as np

__all__ = ["AREA_SHARE", "person_areas", "similarity_to"]

AREA_SHARE = 0.53
"""A person's area as a share of the box (the mean over COCO's annotations)."""

_TINY = np.finfo(np.float32).tiny


def person_areas(points: np.ndarray, scores: np.ndarray, sure: float, least: float) -> np.ndarray:
    """(N,) areas in square pixels, from the boxes of the keypoints that score ``sure`` or more; at least ``least``.

    Args:
        points: (N, K, 2) x, y in pixels.
        scores: (N, K).
        sure: score from which a keypoint counts.
        least: square pixels.
    """
    known = (scores >= sure)[..., None]
    extent = np.where(known, points, -np.inf).max(axis=1) - np.where(known, points, np.inf).min(axis=1)
    return np.maximum(AREA_SHARE * np.maximum(extent, 0).prod(axis=-1), least)


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
        (N,) weighted mean of exp(−d² / (2 · area · (2 sigma)²)), 0-1; 0 where all weights are 0.
    """
    squared = np.square(others - points).sum(axis=-1)
    near = np.exp(-squared / (2 * area * np.square(2 * sigmas)))
    return (weights * near).sum(axis=1) / np.maximum(weights.sum(axis=1), _TINY)
