"""Pose plotting: the queue of seeds, and people grown from them along the kinematic graph (SP §III-C)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from strongpose.decode.options import DecodeOptions
from strongpose.decode.peaks import Seeds
from strongpose.fields import Fields, cells_to_pixels, pixels_to_cells
from strongpose.skeleton import Skeleton

__all__ = ["Plotted", "Reader", "grow", "plot_poses"]

WAVE = 128
"""Seeds that grow at once: the strongest usually cover everybody, so that later ones need not grow."""

_SEED = 2.0  # priorities above and below every heat
_UNKNOWN = -1.0
_SETTLED = -2.0


class Plotted(NamedTuple):
    """N people as they grew from their seeds.

    Attributes:
        points: (N, K, 2) float32, x, y in pixels. A keypoint that was not found keeps its best guess; one
            that no edge reached stays on the seed.
        scores: (N, K) float32, 0-1; 0 where no edge reached.
        order: (N, K) int, when growth settled each keypoint: 0 is the seed, then 1, 2, …; -1 where no edge reached.
    """

    points: np.ndarray
    scores: np.ndarray
    order: np.ndarray


def plot_poses(fields: Fields, seeds: Seeds, options: DecodeOptions) -> Plotted:
    """Work through the queue of seeds: each that no earlier person owns becomes a person (SP §III-C).

    People do not depend on each other while they grow, so the strongest seeds grow together; then, in
    the queue's order, every seed within ``options.seed_radius`` of the same keypoint of an earlier
    person is skipped.

    Returns:
        The people in the queue's order.
    """
    reader = Reader(fields)
    found = [grow(reader, seeds.keypoints[:0], seeds.points[:0], options)]  # nobody
    waiting = np.arange(len(seeds.keypoints))
    while len(waiting):
        keypoints, places = seeds.keypoints[waiting], seeds.points[waiting]
        grown = grow(reader, keypoints[:WAVE], places[:WAVE], options)
        free = np.ones(len(waiting), dtype=bool)
        people = []
        for i in range(len(grown.points)):
            if free[i]:
                people.append(i)
                away = grown.points[i].take(keypoints, axis=0) - places
                free &= np.einsum("sc,sc->s", away, away) > options.seed_radius**2
        free[:WAVE] = False
        waiting = waiting[free]
        found.append(Plotted(*(part[people] for part in grown)))
    return Plotted(*map(np.concatenate, zip(*found, strict=True)))


class Reader:
    """Reads fields at points: the nearest cell's value, and the point that a cell's vector leads to.

    A vector starts at its own cell's position, not at the point that was looked up; M points are held
    as (2, M) x, y in pixels.

    Attributes:
        skeleton: what the channels mean.
        leaving: (K, D) int, the directed edges that leave each keypoint, padded with -1.
        heads: (K, D) int, the keypoints they lead to, padded with -1.
    """

    def __init__(self, fields: Fields) -> None:
        h, w = fields.size
        self.skeleton = fields.skeleton
        self.leaving, self.heads = _leaving_edges(fields.skeleton)
        self._stride, self._width, self._cells = fields.stride, w, h * w
        self._last = np.array([[w - 1], [h - 1]], dtype=np.float32)
        row, column = np.divmod(np.arange(h * w, dtype=np.float32), np.float32(w))
        self._x, self._y = cells_to_pixels(column, fields.stride), cells_to_pixels(row, fields.stride)
        self._heat, self._offsets, self._displacements = (
            np.ascontiguousarray(maps, dtype=np.float32).reshape(-1)
            for maps in (fields.heatmaps, fields.offsets, fields.displacements)
        )

    def cells(self, points: np.ndarray) -> np.ndarray:
        """(M,) int: the map's cell nearest to each point, as row · w + column."""
        nearest = np.rint(pixels_to_cells(points, self._stride))
        np.maximum(nearest, 0, out=nearest)
        np.minimum(nearest, self._last, out=nearest)
        return (nearest[1] * self._width + nearest[0]).astype(np.int64)

    def heat(self, keypoints: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """(M,) heat of the given keypoints at the given cells."""
        return self._heat.take(keypoints * self._cells + cells)

    def refined(self, keypoints: np.ndarray, points: np.ndarray, steps: int) -> np.ndarray:
        """(2, M) where the short offsets of the given keypoints lead to in so many steps."""
        for _ in range(steps):
            points = self._ends(self._offsets, keypoints, self.cells(points))
        return points

    def displaced(self, edges: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """(2, M) where the displacements of the given directed edges lead to."""
        return self._ends(self._displacements, edges, cells)

    def _ends(self, vectors: np.ndarray, channels: np.ndarray, cells: np.ndarray) -> np.ndarray:
        x = channels * (2 * self._cells) + cells
        ends = np.empty((2, len(cells)), dtype=np.float32)
        np.add(vectors.take(x), self._x.take(cells), out=ends[0])
        np.add(vectors.take(x + self._cells), self._y.take(cells), out=ends[1])
        return ends


@lru_cache(maxsize=16)
def _leaving_edges(skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    tails, heads = skeleton.directed_edges.T
    found = [np.flatnonzero(tails == k) for k in range(skeleton.num_keypoints)]
    leaving = np.full((len(found), max(1, *map(len, found))), -1)
    for k, edges in enumerate(found):
        leaving[k, : len(edges)] = edges
    return leaving, np.where(leaving >= 0, np.append(heads, -1)[leaving], -1)


def grow(reader: Reader, keypoints: np.ndarray, seeds: np.ndarray, options: DecodeOptions) -> Plotted:
    """Grow one person from every seed, all at once, along all directed edges of the graph (SP §III-C).

    In each of K rounds every person settles the surest keypoint that was reached and is not settled yet
    (the first of equally sure ones) and looks from there along the edges to the others: the displacement
    leads near the neighbour and the neighbour's short offsets refine the point. Each keypoint keeps the
    surest of the points offered to it. A keypoint's score is its heat h_k(q) (SP §III-D) times
    1 / (1 + (miss / tolerance)²), where miss is how far the displacement back ends from where the keypoint
    was reached from: a miss says that the keypoint is somebody else's.

    Args:
        reader: the fields.
        keypoints: (S,) int, which keypoint each seed is.
        seeds: (S, 2) float32, x, y in pixels.
        options: ``refinements``, ``return_tolerance``, ``disk_radius``, ``sure`` and ``through_unsure`` are used.

    Returns:
        S people in the order of the seeds.
    """
    k, edge_count = reader.skeleton.num_keypoints, len(reader.skeleton.edges)
    person = np.arange(len(keypoints))
    points = np.repeat(seeds.T[:, :, None].astype(np.float32), k, axis=2)  # (2, S, K)
    scores = np.full((len(keypoints), k), _UNKNOWN, dtype=np.float32)
    scores[person, keypoints] = reader.heat(keypoints, reader.cells(points[:, :, 0]))
    priorities = scores.copy()
    priorities[person, keypoints] = _SEED
    least, share = np.float32(options.disk_radius**2), np.float32(options.return_tolerance**2)
    order = np.full((len(keypoints), k), -1)
    for turn in range(k):
        current = priorities.argmax(axis=1)
        reached = priorities[person, current] > _UNKNOWN
        order[person[reached], current[reached]] = turn
        priorities[person, current] = _SETTLED
        heads = reader.heads[current]  # (S, D)
        wanted = reached[:, None] & (heads >= 0) & (priorities[person[:, None], heads] > _SETTLED)
        if not options.through_unsure:
            wanted &= ((scores[person, current] >= options.sure) | (current == keypoints))[:, None]
        row, way = np.nonzero(wanted)
        if len(row) == 0:
            continue
        tail, head, edge = current[row], heads[row, way], reader.leaving[current[row], way]
        start = points[:, row, tail]
        end = reader.refined(head, reader.displaced(edge, reader.cells(start)), options.refinements)
        cells = reader.cells(end)
        missed = reader.displaced((edge + edge_count) % (2 * edge_count), cells) - start
        allowed = np.maximum(share * _squared(end - start), least)
        score = reader.heat(head, cells) / (1 + _squared(missed) / allowed)
        better = score > scores[row, head]
        row, head, score = row[better], head[better], score[better]
        points[:, row, head] = end[:, better]
        scores[row, head] = priorities[row, head] = score
    return Plotted(points.transpose(1, 2, 0), np.maximum(scores, 0), order)


def _squared(vectors: np.ndarray) -> np.ndarray:
    """(M,) squared lengths of (2, M) vectors."""
    return np.square(vectors[0]) + np.square(vectors[1])
