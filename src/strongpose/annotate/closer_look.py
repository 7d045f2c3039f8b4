"""A closer look at a person: crop around a box, enlarge, estimate, choose the pose that fits the box best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strongpose.inference import StrongPose
from strongpose.oks import AREA_SHARE, similarity_to
from strongpose.poses import Poses
from strongpose.skeleton import Skeleton

__all__ = ["AnnotateOptions", "Proposal", "choose_poses", "crop_window", "fit_to_box", "look_closer", "propose"]

_SAME = 0.5  # OKS from which two poses are one person's
_OUTSIDE = 0.1  # of a side of the box; keypoints farther outside are not the person's
_LEAST_SIDE = 4.0  # pixels; nobody can tell keypoints in smaller boxes


@dataclass(frozen=True)
class AnnotateOptions:
    """What counts as sure, and how people are cropped (docs/annotate.md).

    Attributes:
        least_score: poses with a lower score are not kept.
        least_keypoint_score: keypoints with a lower score are not kept.
        least_keypoints: people with fewer sure keypoints are not kept.
        margin: what is cropped around a box on every side, in long sides of the box.
        least_overlap: intersection over union of a pose's extent and the box from which the pose may be theirs.
        detection_score: of the whole photo, from which a detection nobody annotated counts as a person.
        again: look also at regions that an earlier pass or another tool gave up (``keypoint_source`` "ignore").

    Raises:
        ValueError: if a value is out of range; says which.
    """

    least_score: float = 0.35
    least_keypoint_score: float = 0.3
    least_keypoints: int = 4
    margin: float = 0.5
    least_overlap: float = 0.2
    detection_score: float = 0.25
    again: bool = False

    def __post_init__(self) -> None:
        for name in ("least_score", "least_keypoint_score", "least_overlap", "detection_score"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, got {getattr(self, name)}")
        if not 0 <= self.margin <= 10:
            raise ValueError(f"margin must be from 0 to 10 long sides of the box, got {self.margin}")
        if self.least_keypoints < 1:
            raise ValueError(f"least_keypoints must be at least 1, got {self.least_keypoints}")


@dataclass(frozen=True, eq=False)
class Proposal:
    """The pose that fits a box best.

    Attributes:
        keypoints: (K, 3) float32, x, y in photo pixels and score 0-1; 0 outside of the box.
        score: of the pose, 0-1.
    """

    keypoints: np.ndarray
    score: float


def propose(
    estimator: StrongPose,
    photo: np.ndarray,
    boxes: np.ndarray,
    known: np.ndarray,
    options: AnnotateOptions,
    least_overlaps: np.ndarray | None = None,
) -> list[Proposal | None]:
    """For each box, the pose that fits it best when the photo is looked at closely there.

    Args:
        estimator: looks at the crops.
        photo: (H, W, 3) uint8 RGB.
        boxes: (N, 4) x, y, width, height in photo pixels.
        known: (M, K, 3) labelled keypoints x, y, visibility of other people; their poses are not proposed.
        options: how people are cropped, and which poses may be theirs.
        least_overlaps: (N,) in place of the options' ``least_overlap``.

    Returns:
        N proposals; None where no pose fits. No two are the same person.
    """
    found = [look_closer(estimator, photo, box, options.margin) for box in boxes]
    return choose_poses(found, boxes, known, options, estimator.info.skeleton, least_overlaps)


def look_closer(estimator: StrongPose, photo: np.ndarray, box: np.ndarray, margin: float) -> Poses:
    """The poses found in a crop around a box, in photo pixels; no poses where the box is too small or outside.

    Args:
        estimator: its ``size`` is the long side to which the crop is scaled; its threshold does not count, as whom a
            pose belongs to is chosen among people of all scores.
        photo: (H, W, 3) uint8 RGB.
        box: (4,) x, y, width, height in photo pixels.
        margin: what is cropped around the box on every side, in long sides of the box.
    """
    x0, y0, x1, y1 = crop_window(box, margin, (photo.shape[0], photo.shape[1]))
    if min(x1 - x0, y1 - y0) < 1 or max(box[2:]) < _LEAST_SIDE:
        return Poses.empty(estimator.info.skeleton)
    poses = estimator.with_threshold(0)(np.ascontiguousarray(photo[y0:y1, x0:x1]))
    keypoints = poses.keypoints + np.array([x0, y0, 0], dtype=np.float32)
    return Poses(keypoints, poses.scores, poses.skeleton, poses.boxes + np.array([x0, y0, x0, y0], dtype=np.float32))


def crop_window(box: np.ndarray, margin: float, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 (excluded) of the pixels to crop: the box and its margin, cut off at the photo's border.

    Args:
        box: (4,) x, y, width, height in photo pixels.
        margin: in long sides of the box.
        shape: (H, W) of the photo.
    """
    x, y, w, h = (float(v) for v in box)
    around, (height, width) = margin * max(w, h), shape
    x0, x1 = (min(max(v, 0), width) for v in (math.floor(x - around), math.ceil(x + w + around)))
    y0, y1 = (min(max(v, 0), height) for v in (math.floor(y - around), math.ceil(y + h + around)))
    return x0, y0, x1, y1


def choose_poses(
    found: Sequence[Poses],
    boxes: np.ndarray,
    known: np.ndarray,
    options: AnnotateOptions,
    skeleton: Skeleton,
    least_overlaps: np.ndarray | None = None,
) -> list[Proposal | None]:
    """Share poses out among boxes, the best fit first.

    A pose fits a box as well as the product of its score, the intersection over union of its extent and the
    box, and the share of its sure keypoints that lie in the box. Poses of known people, and of those who were
    shared out before (OKS above .5), are left out.

    Args:
        found: for each of N boxes the poses that may be theirs, in photo pixels.
        boxes: (N, 4) x, y, width, height in photo pixels.
        known: (M, K, 3) labelled keypoints x, y, visibility.
        options: which keypoints are sure, and the least overlap.
        skeleton: what the K keypoints are.
        least_overlaps: (N,) in place of the options' ``least_overlap``.
    """
    least = np.full(len(boxes), options.least_overlap) if least_overlaps is None else least_overlaps
    sigmas = np.array(skeleton.sigmas)
    fits: list[tuple[float, int, int]] = []
    for i, (poses, box) in enumerate(zip(found, boxes, strict=True)):
        overlaps, inside = fit_to_box(poses, box, options.least_keypoint_score)
        scores = poses.scores * overlaps * inside
        fits += [(float(scores[j]), i, int(j)) for j in np.flatnonzero((overlaps >= least[i]) & (inside >= 0.5))]
    taken = np.asarray(known, dtype=float)
    chosen: list[Proposal | None] = [None] * len(boxes)
    for _, i, j in sorted(fits, key=lambda fit: (-fit[0], fit[1], fit[2])):
        keypoints = found[i].keypoints[j]
        area = max(AREA_SHARE * float(boxes[i][2] * boxes[i][3]), 1.0)
        if chosen[i] is not None:
            continue
        if (similarity_to(keypoints[:, :2], area, taken[..., :2], taken[..., 2] > 0, sigmas) <= _SAME).all():
            inside_only = keypoints.copy()
            inside_only[~_within(keypoints, boxes[i]), 2] = 0
            chosen[i] = Proposal(inside_only, float(found[i].scores[j]))
            taken = np.concatenate([taken, keypoints[None]])
    return chosen


def fit_to_box(poses: Poses, box: np.ndarray, keypoint_threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """How well each of N poses fits a box.

    Args:
        poses: in photo pixels.
        box: (4,) x, y, width, height in photo pixels.
        keypoint_threshold: the score from which keypoints count.

    Returns:
        (N,) intersections over unions of the poses' extents and the box, and (N,) shares of their sure keypoints
        that lie in it.
    """
    low, high = np.array(box[:2], dtype=float), np.array(box[:2], dtype=float) + box[2:]
    sides = np.minimum(poses.boxes[:, 2:], high) - np.maximum(poses.boxes[:, :2], low)
    shared = np.prod(np.maximum(sides, 0), axis=1)
    areas = np.prod(poses.boxes[:, 2:] - poses.boxes[:, :2], axis=1)
    overlaps = shared / np.maximum(areas + float(box[2] * box[3]) - shared, 1e-6)
    counted = poses.keypoints[..., 2] >= keypoint_threshold
    return overlaps, (_within(poses.keypoints, box) & counted).sum(axis=1) / np.maximum(counted.sum(axis=1), 1)


def _within(keypoints: np.ndarray, box: np.ndarray) -> np.ndarray:
    """(…, K) whether keypoints (…, K, 3) lie in a box (4,) x, y, width, height, or not far outside."""
    size = np.array(box[2:], dtype=float)
    low, high = box[:2] - _OUTSIDE * size, box[:2] + (1 + _OUTSIDE) * size
    return np.asarray(((keypoints[..., :2] >= low) & (keypoints[..., :2] <= high)).all(axis=-1))
