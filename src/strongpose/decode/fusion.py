"""Fuse the body heat map into the keypoints' scores (SP §III)."""

from __future__ import annotations

import numpy as np

from strongpose.fields import Fields, pixels_to_cells

__all__ = ["fuse_body", "limb_heat"]

_SAMPLES = 7  # along a limb, its ends included
_TINY = 1e-6


def fuse_body(fields: Fields, points: np.ndarray, scores: np.ndarray, weight: float) -> np.ndarray:
    """Lower the scores of keypoints whose limbs do not lie on a body.

    Args:
        fields: of one image.
        points: (N, K, 2) x, y in pixels of the network's input.
        scores: (N, K), 0-1.
        weight: how much; 0 leaves the scores as they are.

    Returns:
        (N, K) scores times b to the power of ``weight``. b is the mean body heat along the limbs that end in
        the keypoint, each limb weighted by how sure its two ends are; 1 for keypoints without limbs.
    """
    limbs = np.array(fields.skeleton.limbs, dtype=np.int64).reshape(-1, 2)
    heat = limb_heat(fields, points)
    sure = np.sqrt(scores[:, limbs].prod(axis=2)) + _TINY  # (N, L)
    ends = (limbs[:, :, None] == np.arange(scores.shape[1])).any(axis=1).astype(np.float32)  # (L, K)
    weights = sure @ ends
    body = np.where(weights > 0, (sure * heat) @ ends / np.maximum(weights, _TINY), 1)
    return scores * (np.clip(body, 0, 1) ** weight).astype(np.float32)


def limb_heat(fields: Fields, points: np.ndarray) -> np.ndarray:
    """(N, L) mean body heat along each limb of the skeleton, for (N, K, 2) points; outside is the border's heat."""
    start, end = np.moveaxis(points[:, np.array(fields.skeleton.limbs, dtype=np.int64).reshape(-1, 2)], 2, 0)
    share = np.linspace(0, 1, _SAMPLES, dtype=np.float32)[:, None]
    along = start[:, :, None] * (1 - share) + end[:, :, None] * share  # (N, L, samples, 2)
    h, w = fields.size
    cells = np.rint(pixels_to_cells(along, fields.stride))
    columns, rows = np.clip(cells, 0, [w - 1, h - 1]).astype(np.int64).transpose(3, 0, 1, 2)
    return fields.body[rows, columns].mean(axis=2)
