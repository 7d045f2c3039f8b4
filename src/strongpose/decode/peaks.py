"""Find seeds: Hough voting, Gaussian filter, local maxima (SP §III-C)."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from strongpose.decode.options import DecodeOptions
from strongpose.fields import Fields, cells_to_pixels, pixels_to_cells

__all__ = ["Seeds", "filter_votes", "find_seeds", "hough_votes", "local_maxima", "vote_centroids"]

_EARLIER = ((-1, -1), (-1, 0), (-1, 1), (0, -1))  # the neighbours that come first in reading order
_MARGIN = 3  # radius of the Gaussian's kernel in cells
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
    votes = hough_votes(fields.heatmaps, fields.offsets, fields.stride, options.vote_threshold)
    heights = filter_votes(votes, fields.stride, options.disk_radius, options.filter_sigma)
    cells = local_maxima(heights, options.seed_threshold)
    if options.body_threshold > 0:
        cells = cells[fields.body[cells[:, 1], cells[:, 2]] >= options.body_threshold]
    height = heights[tuple(cells.T)]
    order = np.argsort(-height, kind="stable")[: options.max_seeds]
    points = cells_to_pixels(vote_centroids(votes, cells[order]), fields.stride)
    return Seeds(cells[order, 0], points, height[order])


def hough_votes(heatmaps: np.ndarray, offsets: np.ndarray, stride: int, threshold: float) -> np.ndarray:
    """Let every cell vote for the point that its offset leads to.

    Args:
        heatmaps: (K, h, w) float, 0-1.
        offsets: (K, 2, h, w) float, x, y in pixels from the cell's own position.
        stride: pixels per cell.
        threshold: cells with less heat do not vote.

    Returns:
        (K, h, w) float32, the heat that arrives at each cell: a vote is shared bilinearly among the four
        cells around its point. What falls outside of the map is lost.
    """
    k, h, w = heatmaps.shape
    keypoint, row, column = np.nonzero(heatmaps >= max(threshold, float(_TINY)))
    heat = heatmaps[keypoint, row, column]
    x = column + pixels_to_cells(offsets[keypoint, 0, row, column], stride)
    y = row + pixels_to_cells(offsets[keypoint, 1, row, column], stride)
    near = (x > -1) & (x < w) & (y > -1) & (y < h)
    if not near.all():
        keypoint, heat, x, y = keypoint[near], heat[near], x[near], y[near]
    left, top = np.floor(x), np.floor(y)
    right_share, low_share = x - left, y - top
    down = w + 2  # the maps have a margin of one cell
    corner = keypoint * (h + 2) * down + (top.astype(np.int64) + 1) * down + left.astype(np.int64) + 1
    low = heat * low_share
    high = heat - low
    votes = np.bincount(
        np.concatenate([corner, corner + 1, corner + down, corner + down + 1]),
        np.concatenate([high * (1 - right_share), high * right_share, low * (1 - right_share), low * right_share]),
        minlength=k * (h + 2) * down,
    )
    return votes.reshape(k, h + 2, down)[:, 1:-1, 1:-1].astype(np.float32)


def filter_votes(votes: np.ndarray, stride: int, disk_radius: float, sigma: float) -> np.ndarray:
    """Smooth (K, h, w) votes with a Gaussian of ``sigma`` cells.

    The unit of the result is a perfect keypoint: a whole disk of cells of heat 1 that all point at the
    position of one cell gives about 1 there.
    """
    mass = np.pi * (disk_radius / stride) ** 2
    kernel = cv2.getGaussianKernel(2 * _MARGIN + 1, sigma)
    smooth = cv2.sepFilter2D(_sheet(votes), -1, kernel, kernel, borderType=cv2.BORDER_CONSTANT)
    return _maps(smooth, votes.shape) / np.float32(mass * kernel.max() ** 2)


def local_maxima(maps: np.ndarray, threshold: float) -> np.ndarray:
    """Cells that are higher than their eight neighbours, in every map on its own.

    Among equal neighbours the first in reading order wins, so two equal cells are one maximum.

    Args:
        maps: (K, h, w) float32, not negative.
        threshold: lower cells, and cells of height 0, are no maxima.

    Returns:
        (M, 3) int: map, row, column of each maximum, in this order.
    """
    kernel = np.ones((3, 3), np.uint8)
    highest = _maps(cv2.dilate(_sheet(maps), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0), maps.shape)
    channel, row, column = np.nonzero((maps == highest) & (maps >= max(threshold, float(_TINY))))
    framed = np.pad(maps, ((0, 0), (1, 1), (1, 1)))
    height = maps[channel, row, column]
    first = np.ones(len(row), dtype=bool)
    for dy, dx in _EARLIER:
        first &= framed[channel, row + 1 + dy, column + 1 + dx] < height
    return np.stack([channel[first], row[first], column[first]], axis=1)


def vote_centroids(votes: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """The centres of the votes in the 3×3 cells around maxima; exact where all votes meet in one point.

    Args:
        votes: (K, h, w) float32.
        cells: (M, 3) int rows of map, row, column.

    Returns:
        (M, 2) float32 x, y in cells; the cell itself where there is no vote.
    """
    framed = np.pad(votes, ((0, 0), (1, 1), (1, 1)))
    channel, row, column = cells.T
    down, right = np.mgrid[-1:2, -1:2].reshape(2, 9, 1)
    near = framed[channel, row + 1 + down, column + 1 + right]  # (9, M)
    total = np.maximum(near.sum(axis=0), _TINY)
    x, y = column + (near * right).sum(axis=0) / total, row + (near * down).sum(axis=0) / total
    return np.stack([x, y], axis=1).astype(np.float32)


def _sheet(maps: np.ndarray) -> np.ndarray:
    """All maps in one picture, one below the other and so far apart that filters do not mix them.

    OpenCV limits the channels of a picture, skeletons do not limit K.
    """
    return np.pad(maps, ((0, 0), (_MARGIN, _MARGIN), (0, 0))).reshape(-1, maps.shape[2])


def _maps(sheet: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The (K, h, w) maps in a `_sheet`."""
    k, h, w = shape
    return sheet.reshape(k, h + 2 * _MARGIN, w)[:, _MARGIN:-_MARGIN]
