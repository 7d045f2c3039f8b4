"""Suppress duplicates: non-maximum suppression of keypoints, and of people by OKS, hard and soft (SP §III-D)."""

from __future__ import annotations

import numpy as np

__all__ = ["hard_suppression", "person_areas", "similarity_to", "soft_suppression", "unclaimed_keypoints"]

AREA_SHARE = 0.53
"""A person's area as a share of the box (the mean over COCO's annotations)."""

_TINY = np.finfo(np.float32).tiny
_BLOCK = 16  # people compared at a time


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


def unclaimed_keypoints(points: np.ndarray, radius: float) -> np.ndarray:
    """Keypoint NMS: say which keypoints no stronger person has at the same place (SP §III-D, Eq. (1)).

    Args:
        points: (N, K, 2) x, y in pixels, the strongest person first.
        radius: r, the distance in pixels up to which the same keypoint of a stronger person claims one.

    Returns:
        (N, K) bool.
    """
    x, y = np.ascontiguousarray(points[..., 0]), np.ascontiguousarray(points[..., 1])
    free = np.ones(points.shape[:2], dtype=bool)
    for first in range(0, len(points), _BLOCK):
        block = slice(first, first + _BLOCK)
        near = np.square(x[block, None] - x[: first + _BLOCK])
        near += np.square(y[block, None] - y[: first + _BLOCK])  # (block, stronger people and block, K)
        stronger = np.arange(near.shape[1]) < np.arange(first, first + len(near))[:, None]
        free[block] = ~((near <= radius**2) & stronger[..., None]).any(axis=1)
    return free
