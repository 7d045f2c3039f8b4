"""Suppress duplicates: non-maximum suppression of keypoints, and of people by OKS, hard and soft (SP §III-D)."""

from __future__ import annotations

import numpy as np

from strongpose.oks import similarity_to

__all__ = ["hard_suppression", "keypoint_nms", "soft_suppression"]

_BLOCK = 16  # people compared at a time


def hard_suppression(
    points: np.ndarray, scores: np.ndarray, areas: np.ndarray, sigmas: np.ndarray, similarity: float
) -> np.ndarray:
    """Drop whoever resembles a stronger person whom nobody dropped.

    Args:
        points: (N, K, 2) x, y in pixels, the strongest person first.
        scores: (N, K) keypoint scores; a person's surest keypoints decide what they resemble.
        areas: (N,) square pixels.
        sigmas: (K,) COCO's tolerances.
        similarity: OKS above which a person is a duplicate.

    Returns:
        (M,) ascending indices of the people who stay.
    """
    stays = np.ones(len(points), dtype=bool)
    for i in range(len(points) - 1):
        if stays[i]:
            rest = slice(i + 1, None)
            stays[rest] &= similarity_to(points[i], areas[i], points[rest], scores[rest], sigmas) <= similarity
    return np.flatnonzero(stays)


def soft_suppression(
    points: np.ndarray,
    scores: np.ndarray,
    ranks: np.ndarray,
    areas: np.ndarray,
    sigmas: np.ndarray,
    width: float,
) -> np.ndarray:
    """Lower the scores of people who resemble stronger ones by exp(−OKS² / width), the strongest first.

    Args:
        points: (N, K, 2) x, y in pixels.
        scores: (N, K) keypoint scores.
        ranks: (N,) scores of the people.
        areas: (N,) square pixels.
        sigmas: (K,) COCO's tolerances.
        width: of the Gaussian.

    Returns:
        (N,) new scores of the people, in the order given.
    """
    ranks = ranks.copy()
    waiting = np.arange(len(points))
    while len(waiting) > 1:
        best = waiting[ranks[waiting].argmax()]
        waiting = waiting[waiting != best]
        alike = similarity_to(points[best], areas[best], points[waiting], scores[waiting], sigmas)
        ranks[waiting] *= np.exp(-np.square(alike) / width).astype(ranks.dtype)
    return ranks


def keypoint_nms(points: np.ndarray, radius: float) -> np.ndarray:
    """Keypoint NMS: keep the keypoints that no stronger person has at the same place (SP §III-D, Eq. (1)).

    Args:
        points: (N, K, 2) x, y in pixels, the strongest person first.
        radius: r in pixels, up to which a keypoint suppresses the same keypoint of weaker people, also if it is
            suppressed itself.

    Returns:
        (N, K) bool, False where suppressed.
    """
    x, y = np.ascontiguousarray(points[..., 0]), np.ascontiguousarray(points[..., 1])
    kept = np.ones(points.shape[:2], dtype=bool)
    for first in range(0, len(points), _BLOCK):
        block = slice(first, first + _BLOCK)
        near = np.square(x[block, None] - x[: first + _BLOCK])
        near += np.square(y[block, None] - y[: first + _BLOCK])  # (block, stronger people and block, K)
        stronger = np.arange(near.shape[1]) < np.arange(first, first + len(near))[:, None]
        kept[block] = ~((near <= radius**2) & stronger[..., None]).any(axis=1)
    return kept
