"""Averaging the fields of one photo that was seen at several sizes and mirrored, in one frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from strongpose.fields import Fields, cell_count, cells_to_pixels, pixels_to_cells
from strongpose.images import FittedImage

__all__ = ["average", "interpolation"]

_LEAST = np.float32(1e-9)  # weight of a cell without heat: vectors are defined everywhere


def average(seen: Sequence[tuple[Sequence[Fields], FittedImage]], frame: FittedImage) -> Fields:
    """The mean of fields of one photo, in one frame.

    Fields of other sizes are sampled bilinearly where the frame's cells lie in them, at exact fractions of a
    cell. Heat is averaged as it is. A vector says where a keypoint is, so it is the points that vectors lead
    to that are averaged, each weighted by the heat of the keypoint that its cell must be near (the tail of a
    displacement): neither a size at which the keypoint is not seen nor a cell outside of the disk pulls
    them away, and where all lead to the same spot of the photo the mean does, exactly.

    Args:
        seen: network inputs of the photo and the fields found in each; those of a mirrored input are
            given mirrored back (`Fields.mirrored`).
        frame: the input whose frame and cells the result has.

    Returns:
        The fields in pixels of ``frame``. A disk found at another size covers the same part of the photo here.
    """
    first = seen[0][0][0]
    skeleton, stride, k = first.skeleton, first.stride, first.skeleton.num_keypoints
    tails = np.concatenate([np.arange(k), skeleton.directed_edges[:, 0]])  # of the offsets, then the displacements
    count = sum(len(found) for found, _ in seen)
    sums = [_to_frame(_sum(found, tails), tails, fitted, frame, stride) for found, fitted in seen]
    weights, body, moments = _parts(sum(sums[1:], start=sums[0]), len(tails))
    vectors = moments / weights[tails][:, None]
    return Fields(np.maximum(weights / count - _LEAST, 0), vectors[:k], vectors[k:], body / count, stride, skeleton)


def interpolation(positions: np.ndarray, count: int) -> np.ndarray:
    """The matrix that samples a line of values linearly.

    Args:
        positions: (M,) fractional indices; those outside of the line get the value of its nearest end.
        count: n, the number of values.

    Returns:
        (M, n) float32: times the (n,) values, the M samples.
    """
    inside = np.clip(positions, 0, count - 1)
    low = np.minimum(inside.astype(np.int64), max(count - 2, 0))
    matrix = np.zeros((len(positions), count), dtype=np.float32)
    row = np.arange(len(positions))
    matrix[row, low] = 1 - (inside - low)
    matrix[row, np.minimum(low + 1, count - 1)] += inside - low
    return matrix


def _sum(found: Sequence[Fields], tails: np.ndarray) -> np.ndarray:
    """(K + 1 + 2V, h, w): sums of the K weights, of the body, and of the V weighted vectors, their moments."""
    k, (h, w) = len(found[0].heatmaps), found[0].size
    total = np.zeros((k + 1 + 2 * len(tails), h, w), dtype=np.float32)
    weights, body, moments = _parts(total, len(tails))
    for fields in found:
        weight = fields.heatmaps + _LEAST
        weights += weight
        body += fields.body
        moments += np.concatenate([fields.offsets, fields.displacements]) * weight[tails][:, None]
    return total


def _parts(maps: np.ndarray, vectors: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Views of the weights (K, h, w), the body (h, w) and the moments (V, 2, h, w) in the maps of `_sum`."""
    k = len(maps) - 1 - 2 * vectors
    return maps[:k], maps[k], maps[k + 1 :].reshape(vectors, 2, *maps.shape[1:])


def _to_frame(maps: np.ndarray, tails: np.ndarray, fitted: FittedImage, frame: FittedImage, stride: int) -> np.ndarray:
    """The maps of `_sum` of fields found in ``fitted``, sampled at the cells of ``frame`` and in its pixels.

    A moment is about its own cell. For the sampling it is made one about the frame's origin, and then one
    about the frame's cell: V(x) = q − x at all cells of ``fitted`` becomes q − x at all cells of ``frame``.
    """
    if fitted is frame:
        return maps
    old, new = _cell_pixels(fitted, stride), _cell_pixels(frame, stride)
    cells = [pixels_to_cells(_moved(new[axis], frame, fitted, axis), stride) for axis in (0, 1)]
    columns, rows = (interpolation(cells[axis], len(old[axis])) for axis in (0, 1))

    weights, _, moments = _parts(maps, len(tails))
    moments *= (frame.scale / fitted.scale).astype(np.float32)[:, None, None]
    moments[:, 0] += weights[tails] * _moved(old[0], fitted, frame, 0)
    moments[:, 1] += weights[tails] * _moved(old[1], fitted, frame, 1)[:, None]
    maps = np.matmul(rows, maps)
    maps = (maps.reshape(-1, maps.shape[2]) @ columns.T).reshape(len(maps), len(rows), len(columns))
    weights, _, moments = _parts(maps, len(tails))
    moments[:, 0] -= weights[tails] * new[0]
    moments[:, 1] -= weights[tails] * new[1][:, None]
    return maps


def _cell_pixels(fitted: FittedImage, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Where an input's cells lie: x of the columns and y of the rows, float32 pixels."""
    h, w = fitted.pixels.shape[:2]
    across, down = (np.arange(cell_count(side, stride), dtype=np.float32) for side in (w, h))
    return cells_to_pixels(across, stride), cells_to_pixels(down, stride)


def _moved(places: np.ndarray, source: FittedImage, target: FittedImage, axis: int) -> np.ndarray:
    """(M,) float32 pixels along one axis (0 is x) of ``source``, as pixels of ``target``."""
    points = np.zeros((len(places), 2), dtype=np.float32)
    points[:, axis] = places
    return target.to_input(source.to_photo(points))[:, axis]
