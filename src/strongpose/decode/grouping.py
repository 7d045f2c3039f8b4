"""Group keypoints into people, grown from a queue of seeds along the kinematic graph ("pose plotting", SP §III-C)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from strongpose.decode.options import DecodeOptions
from strongpose.decode.peaks import Seeds
from strongpose.fields import Fields, cells_to_pixels, pixels_to_cells
from strongpose.skeleton import Skeleton

__all__ = ["FieldSampler", "GroupedPoses", "group_poses", "grow"]

BATCH = 128
"""Seeds that grow at once: the strongest usually cover everybody, so that later ones need not grow."""

_SEED = np.inf  # priorities above and below every heat
_UNKNOWN = -1.0
_FIXED = -2.0


class GroupedPoses(NamedTuple):
    """N people as they grew from their seeds.

    Attributes:
        points: (N, K, 2) float32, x, y in pixels. A keypoint that was not found keeps its best guess; one
            that no edge reached stays on the seed.
        scores: (N, K) float32, 0-1; 0 where no edge reached.
        order: (N, K) int, when growth fixed each keypoint: 0 is the seed, then 1, 2, …; -1 where no edge reached.
        parents: (N, K) int, the keypoint from which growth reached each; -1 for seeds and where no edge reached.
    """

    points: np.ndarray
    scores: np.ndarray
    order: np.ndarray
    parents: np.ndarray


def group_poses(fields: Fields, seeds: Seeds, options: DecodeOptions) -> GroupedPoses:
    """Work through the queue of seeds: each that no earlier person covers becomes a person (SP §III-C).

    People do not depend on each other while they grow, so the strongest seeds grow together; then, in
    the queue's order, every seed within ``options.nms_radius`` of the same keypoint of an earlier
    person is skipped.

    Returns:
        The people in the queue's order.
    """
    sampler = FieldSampler(fields)
    found: list[GroupedPoses] = []
    waiting = np.arange(len(seeds.keypoints))
    while len(waiting) or not found:
        batch, rest = waiting[:BATCH], waiting[BATCH:]
        grown = grow(sampler, seeds.keypoints[batch], seeds.points[batch], options)
        covers = _covers(grown.points, seeds.keypoints[batch], seeds.points[batch], options.nms_radius)
        covered = np.zeros(len(batch), dtype=bool)
        people = []
        for i in range(len(batch)):
            if not covered[i]:
                people.append(i)
                covered |= covers[i]
        found.append(GroupedPoses(*(part[people] for part in grown)))
        covers = _covers(found[-1].points, seeds.keypoints[rest], seeds.points[rest], options.nms_radius)
        waiting = rest[~covers.any(axis=0)]
    return GroupedPoses(*map(np.concatenate, zip(*found, strict=True)))


def _covers(points: np.ndarray, keypoints: np.ndarray, places: np.ndarray, radius: float) -> np.ndarray:
    """(N, S) bool: people with (N, K, 2) points whose same keypoint lies within the radius of a seed."""
    x = points[..., 0].take(keypoints, axis=1) - places[:, 0]
    y = points[..., 1].take(keypoints, axis=1) - places[:, 1]
    return x * x + y * y <= radius**2


class FieldSampler:
    """Samples fields at points: the nearest cell's value, and the point that a cell's vector leads to.

    A vector starts at its own cell's position, not at the point that was looked up; M points are held
    as (2, M) x, y in pixels, and a cell is known by its index row · w + column.

    Attributes:
        skeleton: what the channels mean.
    """

    def __init__(self, fields: Fields) -> None:
        h, w = fields.size
        self.skeleton = fields.skeleton
        self._stride, self._width, self._cells = fields.stride, np.float32(w), h * w
        self._last = np.array([[w - 1], [h - 1]], dtype=np.float32)
        row, column = np.ogrid[:h, :w]
        positions = np.empty((2, h, w), dtype=np.float32)
        positions[0], positions[1] = cells_to_pixels(column, fields.stride), cells_to_pixels(row, fields.stride)
        self._positions = positions.reshape(2, -1)
        self._planes = np.array([[0], [h * w]])
        self._heat, self._offsets, self._displacements = (
            np.ascontiguousarray(maps, dtype=np.float32).reshape(-1)
            for maps in (fields.heatmaps, fields.offsets, fields.displacements)
        )

    def nearest(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The map's cell nearest to each of (2, M) points: (M,) index and (2, M) position."""
        near = pixels_to_cells(points, self._stride)
        np.rint(near, out=near)
        np.maximum(near, 0, out=near)
        np.minimum(near, self._last, out=near)
        cells = near[1] * self._width
        cells += near[0]
        return cells.astype(np.intp), cells_to_pixels(near, self._stride)

    def heat(self, keypoints: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """(M,) heat of the given keypoints at the given cells."""
        return self._heat.take(keypoints * self._cells + cells)

    def refined(self, keypoints: np.ndarray, points: np.ndarray, steps: int) -> np.ndarray:
        """(2, M) where the short offsets of the given keypoints lead to in so many steps."""
        for _ in range(steps):
            points = self._ends(self._offsets, keypoints, *self.nearest(points))
        return points

    def displaced(self, edges: np.ndarray, cells: np.ndarray, positions: np.ndarray | None = None) -> np.ndarray:
        """(2, M) where the displacements of the given directed edges lead to from cells (at positions, if known)."""
        if positions is None:
            positions = self._positions.take(cells, axis=1)
        return self._ends(self._displacements, edges, cells, positions)

    def _ends(self, vectors: np.ndarray, channels: np.ndarray, cells: np.ndarray, positions: np.ndarray) -> np.ndarray:
        x = channels * (2 * self._cells)
        x += cells
        ends = vectors.take(x + self._planes)
        ends += positions
        return ends


class _Outgoing(NamedTuple):
    """The directed edges that leave each keypoint, padded to the same number D.

    Attributes:
        edges: (K, D) int, which edges; anything where padded.
        heads: (K, D) int, the keypoints they lead to; K where padded.
        back: (2E,) int, the directed edge opposite to each.
    """

    edges: np.ndarray
    heads: np.ndarray
    back: np.ndarray


@lru_cache(maxsize=16)
def _outgoing_edges(skeleton: Skeleton) -> _Outgoing:
    k = skeleton.num_keypoints
    tails, heads = skeleton.directed_edges.reshape(-1, 2).T
    found = [np.flatnonzero(tails == tail) for tail in range(k)]
    outgoing = np.zeros((k, max(1, *map(len, found))), dtype=np.intp)
    padded_heads = np.full_like(outgoing, k)
    for tail, edges in enumerate(found):
        outgoing[tail, : len(edges)] = edges
        padded_heads[tail, : len(edges)] = heads[edges]
    return _Outgoing(outgoing, padded_heads, back=np.roll(np.arange(len(tails)), len(tails) // 2))


def grow(sampler: FieldSampler, keypoints: np.ndarray, seeds: np.ndarray, options: DecodeOptions) -> GroupedPoses:
    """Grow one person from every seed, all at once, along all directed edges of the graph (SP §III-C).

    In each of K rounds every person fixes the surest keypoint that was reached and is not fixed yet
    (the first of equally sure ones) and looks from there along the edges to the others: the displacement
    leads near the neighbour and the neighbour's short offsets refine the point. Each keypoint keeps the
    surest of the points offered to it. A keypoint's score is its heat h_k(q) (SP §III-D) times
    1 / (1 + (error / tolerance)²), where the forward-backward error is how far the displacement back ends from
    where the keypoint was reached from: it says that the keypoint is somebody else's.

    Args:
        sampler: the fields.
        keypoints: (S,) int, which keypoint each seed is.
        seeds: (S, 2) float32, x, y in pixels.
        options: ``refinements``, ``backward_tolerance`` and ``disk_radius`` are used.

    Returns:
        S people in the order of the seeds.
    """
    k = sampler.skeleton.num_keypoints
    outgoing = _outgoing_edges(sampler.skeleton)
    most = outgoing.heads.shape[1]
    least, share = np.float32(options.disk_radius**2), np.float32(options.backward_tolerance**2)

    # What is known of keypoint k of person s stands at s · (K + 1) + k; entry K belongs to the padding of edges.
    shape = len(keypoints), k + 1
    first = np.arange(len(keypoints)) * (k + 1)
    first_of_each = first[:, None]
    seed = first + keypoints
    points = np.repeat(seeds.T.astype(np.float32), k + 1, axis=1)
    x, y = points
    cells = np.repeat(sampler.nearest(seeds.T)[0], k + 1)
    scores = np.full(shape, _UNKNOWN, dtype=np.float32).reshape(-1)
    order = np.full(shape, -1).reshape(-1)
    parents = np.full(shape, -1).reshape(-1)  # until the end, the places where they stand
    by_person = np.full(shape, _UNKNOWN, dtype=np.float32)
    by_person[:, k] = _FIXED
    priorities = by_person.reshape(-1)
    priorities[seed] = _SEED
    for turn in range(k):
        current = by_person.argmax(axis=1)
        fixed = first + current
        priority = priorities.take(fixed)
        scores[fixed] = priority
        order[fixed] = turn
        priorities[fixed] = _FIXED
        neighbours = outgoing.heads.take(current, axis=0)  # (S, D)
        heads = neighbours + first_of_each
        rivals = priorities.take(heads)
        wanted = rivals > _FIXED
        wanted &= (priority >= 0)[:, None]
        picked = np.flatnonzero(wanted)
        if len(picked) == 0:
            continue
        head, edge = heads.take(picked), outgoing.edges.take(current, axis=0).take(picked)
        person = picked // most
        tail = fixed.take(person)
        keypoint = neighbours.take(picked)
        start = points.take(tail, axis=1)
        end = sampler.refined(keypoint, sampler.displaced(edge, cells.take(tail)), options.refinements)
        cell, position = sampler.nearest(end)
        missed = sampler.displaced(outgoing.back.take(edge), cell, position)
        missed -= start
        start -= end
        allowed = np.maximum(share * _squared(start), least)
        score = sampler.heat(keypoint, cell) / (1 + _squared(missed) / allowed)
        better = np.flatnonzero(score > rivals.take(picked))
        head = head.take(better)
        priorities[head] = score.take(better)
        cells[head] = cell.take(better)
        parents[head] = tail.take(better)
        end = end.take(better, axis=1)
        x[head], y[head] = end[0], end[1]
    order[scores == _UNKNOWN] = -1
    scores[seed] = sampler.heat(keypoints, cells[seed])
    return GroupedPoses(
        points.reshape(2, *shape)[:, :, :k].transpose(1, 2, 0),
        np.maximum(scores.reshape(shape)[:, :k], 0),
        order.reshape(shape)[:, :k],
        np.maximum(parents.reshape(shape) - first_of_each, -1)[:, :k],
    )


def _squared(vectors: np.ndarray) -> np.ndarray:
    """(M,) squared lengths of (2, M) vectors, which are lost."""
    vectors *= vectors
    return vectors[0] + vectors[1]
