"""Body regions: which part of a photo each person covers, from the body heat map (SP §III, Fig. 1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from strongpose.decode.head import head_of
from strongpose.decode.holes import enclosed
from strongpose.fields import Fields, cells_to_pixels, pixels_to_cells
from strongpose.images import FittedImage
from strongpose.oks import keypoint_corners
from strongpose.poses import Poses
from strongpose.skeletons.body_shape import BODY, BOX

__all__ = ["REACH", "BodyRegion", "BodyRegions", "body_regions"]

REACH = 0.4
"""Distance from the nearest limb that takes a body heat of 1, as a share of the person's scale."""

_IN_HEAD = 0.05  # of the distance from the head's middle line in what counts as distance within the head
_NOBODY = -1
_TINY = 1e-6


@dataclass(frozen=True, eq=False)
class BodyRegion:
    """The part of a photo that one person covers.

    Attributes:
        mask: (H, W) bool, in photo pixels.
        bbox: (4,) int, COCO's x, y, width, height in photo pixels: the first column and row of the
            mask, and how many it spans; zeros if the mask is empty.
        area: number of pixels in the mask.
    """

    mask: np.ndarray
    bbox: np.ndarray
    area: int

    def to_coco(self) -> dict[str, Any]:
        """COCO's ``segmentation`` (run-length encoding, counts as text), ``bbox`` and ``area``."""
        from faster_coco_eval.core import mask

        encoded = mask.encode(np.asfortranarray(self.mask, dtype=np.uint8))
        counts = encoded["counts"]
        return {
            "segmentation": {
                "size": [int(side) for side in self.mask.shape],
                "counts": counts.decode("ascii") if isinstance(counts, bytes) else counts,
            },
            "bbox": [int(v) for v in self.bbox],
            "area": self.area,
        }


@dataclass(frozen=True, eq=False)
class BodyRegions:
    """The body regions of the N people in one photo, in the order of their poses.

    ``len(regions)`` is the number of people, ``regions[i]`` and iteration give one `BodyRegion`. No pixel
    belongs to two people.

    Attributes:
        instance_map: (H, W) int16, the person each photo pixel belongs to, -1 where there is nobody.
        bboxes: (N, 4) int, COCO's x, y, width, height in photo pixels; zeros where a region is empty.
    """

    instance_map: np.ndarray
    bboxes: np.ndarray

    def __len__(self) -> int:
        return len(self.bboxes)

    def __getitem__(self, index: int) -> BodyRegion:
        """The region of person ``index``.

        Raises:
            IndexError: if there is no such person.
        """
        bbox = self.bboxes[index]
        mask = self.instance_map == range(len(self))[index]
        return BodyRegion(mask, bbox, int(np.count_nonzero(mask)))

    def __iter__(self) -> Iterator[BodyRegion]:
        return (self[i] for i in range(len(self)))


def body_regions(
    fields: Fields, poses: Poses, fitted: FittedImage, reach: float = REACH, keypoint_threshold: float = 0.1
) -> BodyRegions:
    """Share the body heat map out among people: the farther from a person's limbs, the more heat it takes.

    A pixel may be a person's where its body heat is at least its distance from the person's nearest limb
    over ``reach``; distances count in the person's scale, the root of the area of the box around the sure
    keypoints, or half its long side if that is more; inside the head (`strongpose.decode.head`), which has keypoints in
    the face only, they are small. So a region follows the body heat map, holds the limbs
    even where that is faint, and does not wander off to somebody who was not found. Of several people, a
    pixel goes to the one whose distance over score is least: a weak duplicate takes nothing from the person
    it resembles. Heat and distances are computed for cells and up-sampled bilinearly. Holes that a region
    encloses, and that are nobody else's, are filled.

    Args:
        fields: of the network input ``fitted``.
        poses: the people, in photo pixels.
        fitted: the photo as the network saw it.
        reach: distance in scales that takes a body heat of 1.
        keypoint_threshold: score from which a keypoint counts.

    Returns:
        One region per person, in the order of ``poses``; empty for people with fewer than two sure
        keypoints, and for those who lose every pixel to others.
    """
    height, width = fitted.photo_size
    instance_map = np.full((height, width), _NOBODY, dtype=np.int16)
    nearest = np.full((height, width), np.inf, dtype=np.float32)
    bboxes = np.zeros((len(poses), 4), dtype=np.int64)
    points = fitted.to_input(poses.keypoints[..., :2])
    known = poses.keypoints[..., 2] >= keypoint_threshold
    low, high = keypoint_corners(points, known)
    extent = np.maximum(high - low, 0).astype(np.float64)
    scales = np.maximum(np.sqrt(extent.prod(axis=1)), 0.5 * extent.max(axis=1))
    limbs = np.array(poses.skeleton.limbs).reshape(-1, 2)
    windows: dict[int, _Window] = {}
    for i in range(len(poses)):
        scale = float(scales[i])
        head = head_of(points[i], known[i], poses.skeleton, BOX * scale)
        margin = reach * scale if head is None else max(reach * scale, head.radius + BODY.above * BOX * scale)
        window = _window(points[i, known[i]], margin, fields, fitted) if scale > 0 else None
        if window is None:
            continue
        windows[i] = window
        ends = limbs[known[i][limbs].all(axis=1)]
        alone = np.setdiff1d(np.flatnonzero(known[i]), ends)
        ends = np.concatenate([ends, np.stack([alone, alone], axis=1)])
        away = _distances(points[i, ends[:, 0]], points[i, ends[:, 1]], window, fields.stride) / scale
        if head is not None:
            from_line = _distances(head.face[None], head.crown[None], window, fields.stride)
            away = np.minimum(away, np.maximum(from_line - head.radius, _IN_HEAD * from_line) / scale)
        away = window.enlarged(away, fields.stride, fitted)
        heat = window.enlarged(fields.body[window.rows, window.columns], fields.stride, fitted)
        inside = away <= reach * heat
        away /= max(float(poses.scores[i]), _TINY)
        view = nearest[window.photo_rows, window.photo_columns]
        inside &= away < view
        view[inside] = away[inside]
        instance_map[window.photo_rows, window.photo_columns][inside] = i
    for i, window in windows.items():
        bboxes[i] = _fill(instance_map[window.photo_rows, window.photo_columns], i)
        if bboxes[i, 2]:
            bboxes[i, :2] += (window.photo_columns.start, window.photo_rows.start)
    return BodyRegions(instance_map, bboxes)


@dataclass(frozen=True)
class _Window:
    """The cells around a person, and the photo pixels between them."""

    rows: slice
    columns: slice
    photo_rows: slice
    photo_columns: slice

    def enlarged(self, cells: np.ndarray, stride: int, fitted: FittedImage) -> np.ndarray:
        """The window's (h, w) cells, up-sampled bilinearly to its photo pixels."""
        rows = np.arange(self.photo_rows.start, self.photo_rows.stop)
        columns = np.arange(self.photo_columns.start, self.photo_columns.stop)
        scale_x, scale_y = fitted.scale
        y = pixels_to_cells((rows + 0.5) * scale_y - 0.5, stride) - self.rows.start
        x = pixels_to_cells((columns + 0.5) * scale_x - 0.5, stride) - self.columns.start
        return _interpolated(_interpolated(cells.astype(np.float32).T, x).T, y)


def _interpolated(rows: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(P, W), between which of (H, W) rows lie the places (P,), linearly; the first or last row beyond them."""
    at = np.clip(at, 0, len(rows) - 1)
    before = np.minimum(at.astype(np.intp), max(len(rows) - 2, 0))
    start = rows.take(before, axis=0)
    step = rows.take(np.minimum(before + 1, len(rows) - 1), axis=0)
    step -= start
    step *= (at - before).astype(np.float32)[:, None]
    start += step
    return start


def _window(points: np.ndarray, margin: float, fields: Fields, fitted: FittedImage) -> _Window | None:
    """The window of (M, 2) input pixels and a margin around them; None if it lies outside of the photo."""
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    photo = np.array(fitted.photo_size[::-1])
    first = np.clip(np.floor(fitted.to_photo(low)), 0, photo).astype(int)
    last = np.clip(np.ceil(fitted.to_photo(high)) + 1, 0, photo).astype(int)
    if (first >= last).any():
        return None
    cells = np.array(fields.size[::-1])
    unit = float(cells_to_pixels(1, fields.stride))
    start = np.clip(np.floor(low / unit) - 1, 0, cells - 1).astype(int)
    stop = np.clip(np.ceil(high / unit) + 2, 1, cells).astype(int)
    return _Window(
        slice(int(start[1]), int(stop[1])),
        slice(int(start[0]), int(stop[0])),
        slice(int(first[1]), int(last[1])),
        slice(int(first[0]), int(last[0])),
    )


def _distances(starts: np.ndarray, ends: np.ndarray, window: _Window, stride: int) -> np.ndarray:
    """(h, w) input pixels from each cell of the window to the nearest of L limbs, (L, 2) starts and ends."""
    x = cells_to_pixels(np.arange(window.columns.start, window.columns.stop, dtype=np.float32), stride)
    y = cells_to_pixels(np.arange(window.rows.start, window.rows.stop, dtype=np.float32), stride)
    limb = ends - starts
    dx = x[None, None, :] - starts[:, 0, None, None]  # (L, 1, w)
    dy = y[None, :, None] - starts[:, 1, None, None]  # (L, h, 1)
    length = np.maximum(np.square(limb).sum(axis=1), 1e-6)
    share = limb / length[:, None]
    along = np.clip(dx * share[:, 0, None, None] + dy * share[:, 1, None, None], 0, 1)  # (L, h, w)
    squared = np.square(dx - along * limb[:, 0, None, None]) + np.square(dy - along * limb[:, 1, None, None])
    return np.sqrt(squared.min(axis=0))


def _fill(instance_map: np.ndarray, person: int) -> np.ndarray:
    """Give a person the holes inside the region that are nobody's, in place; returns the region's bbox."""
    mask = instance_map == person
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return np.zeros(4, dtype=np.int64)
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    instance_map[box][enclosed(mask[box]) & (instance_map[box] == _NOBODY)] = person
    return np.array([columns[0], rows[0], columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0]])
