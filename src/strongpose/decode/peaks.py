"""Find seeds: Hough voting, Gaussian filter, local maxima (SP §III-C)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from strongpose.decode.options import DecodeOptions
from strongpose.fields import Fields, cells_to_pixels, pixels_to_cells

__all__ = [
    "MARGIN",
    "MAX_SEEDS",
    "Seeds",
    "filter_votes",
    "find_seeds",
    "hough_votes",
    "local_maxima",
    "vote_centroids",
]

MARGIN = 3
"""Framed maps, (K, h + 6, w + 6), have this many cells of zeros on every side: as many as the Gaussian reaches.

So the rows of all maps lie behind each other in memory without disturbing each other, and the neighbours of a
cell are looked up without a test for borders.
"""

MAX_SEEDS = 1000
"""The number of strongest seeds looked at, so that noise cannot take unbounded time and memory."""

_TINY = np.finfo(np.float32).tiny


class Seeds(NamedTuple):
    """S keypoints from which people may grow, strongest first.

    Attributes:
        keypoints: (S,) int, which of the K keypoints a seed is.
        points: (S, 2) float32, x, y in pixels.
        heights: (S,) float32, how strong a seed is; 1 is a whole disk of certain, agreeing cells.
    """

    keypoints: np.ndarray
    points: np.ndarray
    heights: np.ndarray


def find_seeds(fields: Fields, options: DecodeOptions) -> Seeds:
    """The queue: local maxima of all K filtered Hough maps, strongest first (SP §III-C).

    Equal heights keep the order keypoint, row, column.

    Args:
        fields: the fields of one image.
        options: those about votes, seeds, filter, disks and the body are used.
    """
    offsets = fields.offsets if options.voting else np.zeros_like(fields.offsets)
    votes = hough_votes(fields.heatmaps, offsets, fields.stride, options.vote_threshold)
    heights = filter_votes(votes, fields.stride, options.disk_radius, options.filter_sigma)
    cells = local_maxima(heights, options.seed_threshold)
    if options.body_threshold > 0:
        _, row, column = _places(cells, heights.shape)
        cells = cells[fields.body[row, column] >= options.body_threshold]
    height = heights.take(cells)
    order = np.argsort(-height, kind="stable")[:MAX_SEEDS]
    cells = cells.take(order)
    points = cells_to_pixels(vote_centroids(votes, cells), fields.stride)
    return Seeds(_places(cells, heights.shape)[0], points, height.take(order))


def hough_votes(heatmaps: np.ndarray, offsets: np.ndarray, stride: int, threshold: float) -> np.ndarray:
    """Let every cell vote for the point that its offset leads to.

    Args:
        heatmaps: (K, h, w) float, 0-1.
        offsets: (K, 2, h, w) float, x, y in pixels from the cell's own position.
        stride: pixels per cell.
        threshold: cells with less heat do not vote.

    Returns:
        Framed (K, h + 6, w + 6) float32, the heat that arrives at each cell: a vote is shared bilinearly
        among the four cells around its point. What falls outside of the map is lost.
    """
    k, h, w = heatmaps.shape
    framed = k, h + 2 * MARGIN, w + 2 * MARGIN
    heat, vectors = heatmaps.reshape(-1), offsets.reshape(-1)
    voters = np.flatnonzero(heat >= max(threshold, float(_TINY)))
    heat = heat.take(voters)
    keypoint = voters // (h * w)
    line = voters // w  # row + keypoint · h
    vector = voters + keypoint * (h * w)
    x = voters - line * w + pixels_to_cells(vectors.take(vector), stride)
    y = line - keypoint * h + pixels_to_cells(vectors.take(vector + h * w), stride)
    near = (x > -1) & (x < w) & (y > -1) & (y < h)
    if not near.all():
        keypoint, heat, x, y = keypoint[near], heat[near], x[near], y[near]
    left, top = np.floor(x), np.floor(y)
    right_share, low_share = x - left, y - top
    low = heat * low_share
    high = heat - low
    low_right, high_right = low * right_share, high * right_share
    down = framed[2]
    corner = ((keypoint * framed[1] + top + MARGIN) * down + left + MARGIN).astype(np.intp)
    votes = np.bincount(
        np.concatenate([corner, corner + 1, corner + down, corner + down + 1]),
        np.concatenate([high - high_right, high_right, low - low_right, low_right]),
        minlength=k * framed[1] * down,
    )
    return _framed(votes.astype(np.float32).reshape(framed))


def filter_votes(votes: np.ndarray, stride: int, disk_radius: float, sigma: float) -> np.ndarray:
    """Smooth framed votes with a Gaussian of ``sigma`` cells.

    The unit of the result, framed as well, is a perfect keypoint: a whole disk of cells of heat 1 that all
    point at the position of one cell gives about 1 there.
    """
    mass = np.pi * (disk_radius / stride) ** 2
    weights = (np.exp(-0.5 * (np.arange(MARGIN + 1) / sigma) ** 2) / np.sqrt(mass)).astype(np.float32)
    rows = votes.reshape(-1, votes.shape[2])
    voted = np.flatnonzero(np.einsum("ij->i", rows) > 0)  # most rows are empty
    flat = rows.take(voted, axis=0).reshape(-1)
    wide = weights[0] * flat
    for i in range(1, MARGIN + 1):
        wide[i:-i] += weights[i] * (flat[: -2 * i] + flat[2 * i :])
    wide = wide.reshape(-1, rows.shape[1])
    smooth = np.zeros_like(rows)
    smooth[voted] = weights[0] * wide
    for i in range(1, MARGIN + 1):
        share = weights[i] * wide
        smooth[voted - i] += share
        smooth[voted + i] += share
    return _framed(smooth.reshape(votes.shape))


def local_maxima(maps: np.ndarray, threshold: float) -> np.ndarray:
    """Cells that are higher than their eight neighbours, in every map on its own.

    Among equal neighbours the first in reading order wins, so two equal cells are one maximum.

    Args:
        maps: framed (K, h + 6, w + 6) float32, not negative.
        threshold: lower cells, and cells of height 0, are no maxima.

    Returns:
        (M,) ascending indices into the flattened framed maps.
    """
    down = maps.shape[2]
    cells = np.flatnonzero(maps >= max(threshold, float(_TINY)))
    heights = maps.take(cells)
    earlier = np.array([[-down - 1], [-down], [-down + 1], [-1]])  # the neighbours that come first in reading order
    lower_before = (maps.take(cells + earlier) < heights).all(axis=0)
    lower_behind = (maps.take(cells - earlier) <= heights).all(axis=0)
    return cells[lower_before & lower_behind]


def vote_centroids(votes: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """The centres of the votes in the 3×3 cells around maxima; exact where all votes meet in one point.

    Args:
        votes: framed (K, h + 6, w + 6) float32.
        cells: (M,) indices into the flattened framed votes.

    Returns:
        (M, 2) float32 x, y in cells of the map without its frame; the cell itself where there is no vote.
    """
    down = votes.shape[2]
    around = np.arange(-1, 2)[:, None] * down + np.arange(-1, 2)
    near = votes.take(cells + around[..., None])  # (3 rows, 3 columns, M)
    rows, columns = near.sum(axis=1), near.sum(axis=0)
    total = np.maximum(rows.sum(axis=0), _TINY)
    _, row, column = _places(cells, votes.shape)
    x, y = column + (columns[2] - columns[0]) / total, row + (rows[2] - rows[0]) / total
    return np.stack([x, y], axis=1).astype(np.float32)


def _places(cells: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Map, row and column, without the frame, of indices into flattened framed maps."""
    _, height, width = shape
    line, keypoint = cells // width, cells // (height * width)
    return keypoint, line - keypoint * height - MARGIN, cells - line * width - MARGIN


def _framed(maps: np.ndarray) -> np.ndarray:
    """The framed maps themselves, with zeros written into the frame."""
    maps[:, :MARGIN] = maps[:, -MARGIN:] = 0
    maps[:, :, :MARGIN] = maps[:, :, -MARGIN:] = 0
    return maps
