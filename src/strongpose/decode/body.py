"""Body regions: which part of a photo each person covers, from the body heat map (SP §III, Fig. 1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from strongpose.decode.drawn_body import draw_body, signed_distance
from strongpose.decode.holes import enclosed
from strongpose.decode.windows import Window, window_around
from strongpose.fields import Fields
from strongpose.images import FittedImage
from strongpose.poses import Poses

__all__ = ["BodyRegion", "BodyRegions", "body_regions"]

# What counts how much for a pixel to be a person's, in log odds. Fitted by logistic regression to silhouettes of people
# whom the network had not seen; then _HEAT, _BODY and _HEAD, which the fit gives as .7, .05 and .25, were raised as far
# as that cost little IoU or few heads (region_weights.py of commit fb3fb1e, which is no longer kept).
_HEAT = 0.8  # of the log odds of the body heat map
_AWAY = 5.0  # for every trunk length outside of the drawn body, and against it inside
_BODY = 0.5  # for every pixel
_HEAD = 1.5  # instead of _BODY, where the head is the nearest part

_FAINTEST = 0.005  # least body heat that is believed, and the same below 1
_FARTHEST = 0.9  # trunk lengths outside of the keypoints, beyond which nothing is a person's
_NOBODY = -1
_OUT_OF_SIGHT = 1e6  # pixels, beyond which it does not matter where a keypoint is; squares stay finite
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
    fields: Fields,
    poses: Poses,
    fitted: FittedImage,
    keypoint_threshold: float = 0.1,
) -> BodyRegions:
    """Share the body heat map out among people, by the body that the keypoints of each let expect.

    A pixel is a person's where two things together make that more likely than not: the log odds of its body heat, and
    how deep inside or far outside it lies of the body drawn from the keypoints (`strongpose.decode.drawn_body`),
    in trunk lengths. So a region follows the body heat map, holds the limbs even where that is faint, and does not
    wander off to somebody who was not found. Of several people, a pixel goes to the one outside of whose drawn body it
    lies least, or inside deepest; distances outside are divided by the person's score and depths inside multiplied by
    it, so that a weak duplicate takes nothing from the person it resembles. Heat and distances are computed for cells
    and up-sampled bilinearly. Holes that a region encloses, and that are nobody else's, are filled.

    Args:
        fields: of the network input ``fitted``.
        poses: the people, in photo pixels.
        fitted: the photo as the network saw it.
        keypoint_threshold: score from which a keypoint counts.

    Returns:
        One region per person, in the order of ``poses``; empty for people with fewer than two sure
        keypoints, and for those who lose every pixel to others.
    """
    height, width = fitted.photo_size
    instance_map = np.full((height, width), _NOBODY, dtype=np.int16)
    nearest = np.full((height, width), np.inf, dtype=np.float32)
    bboxes = np.zeros((len(poses), 4), dtype=np.int64)
    points = np.clip(fitted.to_input(poses.keypoints[..., :2]), -_OUT_OF_SIGHT, _OUT_OF_SIGHT)
    known = poses.keypoints[..., 2] >= keypoint_threshold
    heat = np.clip(fields.body, _FAINTEST, 1 - _FAINTEST)
    log_odds = np.log(heat / (1 - heat))
    windows: dict[int, Window] = {}
    for i in range(len(poses)):
        body = draw_body(points[i], known[i], poses.skeleton)
        window = None if body is None else window_around(points[i, known[i]], _FARTHEST * body.scale, fields, fitted)
        if body is None or window is None:
            continue
        windows[i] = window
        away, in_head = signed_distance(body, *window.cells(fields.stride))
        away /= body.scale
        evidence = _HEAT * log_odds[window.rows, window.columns] - _AWAY * away
        evidence += np.where(in_head, _HEAD, _BODY)
        inside = window.enlarged(evidence, fields.stride, fitted) > 0
        score = max(float(poses.scores[i]), _TINY)
        away = window.enlarged(np.where(away > 0, away / score, away * score), fields.stride, fitted)
        view = nearest[window.photo_rows, window.photo_columns]
        inside &= away < view
        view[inside] = away[inside]
        instance_map[window.photo_rows, window.photo_columns][inside] = i
    for i, window in windows.items():
        bboxes[i] = _fill(instance_map[window.photo_rows, window.photo_columns], i)
        if bboxes[i, 2]:
            bboxes[i, :2] += (window.photo_columns.start, window.photo_rows.start)
    return BodyRegions(instance_map, bboxes)


def _fill(instance_map: np.ndarray, person: int) -> np.ndarray:
    """Give a person the holes inside the region that are nobody's, in place; returns the region's bbox."""
    mask = instance_map == person
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return np.zeros(4, dtype=np.int64)
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    instance_map[box][enclosed(mask[box]) & (instance_map[box] == _NOBODY)] = person
    return np.array([columns[0], rows[0], columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0]])
