"""Settle keypoints: move them to where the Hough votes around them meet, by mean shift."""

from __future__ import annotations

import numpy as np

from strongpose.fields import Fields, cells_to_pixels, pixels_to_cells

__all__ = ["ITERATIONS", "settle_points"]

ITERATIONS = 3
"""Steps of the mean shift; more gain nothing."""

_TINY = np.finfo(np.float32).tiny


def settle_points(
    fields: Fields, points: np.ndarray, widths: np.ndarray, disk_radius: float, vote_threshold: float
) -> np.ndarray:
    """Move every keypoint to the nearest mode of the votes that the cells around it cast (SP §III-C).

    Growth follows the vector of one cell; the mean of all votes, weighted by their heat and by a Gaussian
    around the present position, is more exact. It is taken `ITERATIONS` times.

    Args:
        fields: the fields of one image.
        points: (N, K, 2) x, y in pixels.
        widths: (N,) pixels, standard deviation of the Gaussian for each person.
        disk_radius: R in pixels; cells farther away, rounded to whole cells, do not count.
        vote_threshold: cells with less heat cast no vote, and a keypoint stays where it is if the weights
            around it do not add up to it.

    Returns:
        (N, K, 2) float32 x, y in pixels.
    """
    n, k = points.shape[:2]
    h, w = fields.size
    reach = int(pixels_to_cells(disk_radius, fields.stride) + 0.5)
    down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    near = np.rint(pixels_to_cells(points, fields.stride)).astype(np.int64)
    column, row = near[..., :1] + right, near[..., 1:] + down  # (N, K, cells)
    inside = (column >= 0) & (column < w) & (row >= 0) & (row < h)
    column, row = column.clip(0, w - 1), row.clip(0, h - 1)
    keypoint = np.arange(k)[:, None]
    heat = fields.heatmaps[keypoint, row, column]
    heat = np.where(inside & (heat >= vote_threshold), heat, np.float32(0))
    x = cells_to_pixels(column, fields.stride) + fields.offsets[keypoint, 0, row, column]
    y = cells_to_pixels(row, fields.stride) + fields.offsets[keypoint, 1, row, column]
    sharpness = (-0.5 / np.square(widths)).astype(np.float32).reshape(n, 1, 1)
    at_x, at_y = (points[..., i, None].astype(np.float32) for i in (0, 1))
    x, y = x.astype(np.float32) - at_x, y.astype(np.float32) - at_y  # small numbers sum exactly enough
    move_x, move_y = np.zeros_like(at_x), np.zeros_like(at_y)
    for _ in range(ITERATIONS):
        weights = heat * np.exp(sharpness * (np.square(x - move_x) + np.square(y - move_y)))
        total = weights.sum(axis=-1, keepdims=True)
        enough = total >= max(vote_threshold, float(_TINY))
        total = np.maximum(total, _TINY)
        move_x = np.where(enough, (weights * x).sum(axis=-1, keepdims=True) / total, move_x)
        move_y = np.where(enough, (weights * y).sum(axis=-1, keepdims=True) / total, move_y)
    return np.concatenate([at_x + move_x, at_y + move_y], axis=-1)
