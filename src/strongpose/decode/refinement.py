"""Refine keypoints: move them to where the Hough votes around them meet, by mean shift."""

from __future__ import annotations

import numpy as np

from strongpose.fields import Fields, cells_to_pixels, pixels_to_cells

__all__ = ["ITERATIONS", "refine_points"]

ITERATIONS = 3
"""Steps of the mean shift; more gain nothing."""

_TINY = np.finfo(np.float32).tiny


def refine_points(
    fields: Fields, points: np.ndarray, widths: np.ndarray, disk_radius: float, vote_threshold: float
) -> np.ndarray:
    """Move every keypoint to the nearest mode of the votes that the cells around it cast (SP §III-C).

    Growth follows the vector of one cell; the mean of all votes, weighted by their heat and by a Gaussian
    around the present position, is more exact. It is taken `ITERATIONS` times.

    Args:
        fields: the fields of one image.
        points: (N, K, 2) x, y in pixels.
        widths: (N,) pixels, standard deviation of the Gaussian for each person.
        disk_radius: R in pixels, half the side, rounded to whole cells, of the window of cells that count; at
            the border of the map it is moved inside.
        vote_threshold: cells with less heat cast no vote, and a keypoint stays where it is if the weights
            around it do not add up to it.

    Returns:
        (N, K, 2) float32 x, y in pixels.
    """
    k, h, w = fields.heatmaps.shape
    cells = 2 * int(pixels_to_cells(disk_radius, fields.stride) + 0.5) + 1
    across, down = min(cells, w), min(cells, h)
    near = np.rint(pixels_to_cells(points, fields.stride)).astype(np.intp) - cells // 2
    left, top = near[..., 0].clip(0, w - across), near[..., 1].clip(0, h - down)  # the window stays inside the map
    row, column = np.divmod(np.arange(down * across), across)
    place = ((np.arange(k) * h + top) * w + left)[..., None] + (row * w + column)  # (N, K, cells), flat
    heat = _flat(fields.heatmaps).take(place)
    heat *= heat >= vote_threshold
    place += (np.arange(k) * (h * w))[:, None]
    offsets = _flat(fields.offsets)
    x, y = offsets.take(place), offsets.take(place + h * w)
    at = points.astype(np.float32)
    x += (cells_to_pixels(left, fields.stride) - at[..., 0])[..., None]  # small numbers sum exactly enough
    y += (cells_to_pixels(top, fields.stride) - at[..., 1])[..., None]
    x += cells_to_pixels(column.astype(np.float32), fields.stride)
    y += cells_to_pixels(row.astype(np.float32), fields.stride)
    sharpness = (-0.5 / np.square(widths)).astype(np.float32)[:, None, None]
    least = max(vote_threshold, float(_TINY))
    move = np.zeros_like(at)
    for _ in range(ITERATIONS):
        weights = np.square(x - move[..., :1])
        weights += np.square(y - move[..., 1:])
        weights *= sharpness
        np.exp(weights, out=weights)
        weights *= heat
        total = weights.sum(axis=-1)
        mean = np.stack([np.einsum("nkc,nkc->nk", weights, v) for v in (x, y)], axis=-1)
        np.divide(mean, total[..., None], out=move, where=(total >= least)[..., None])
    return at + move


def _flat(maps: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(maps, dtype=np.float32).reshape(-1)
