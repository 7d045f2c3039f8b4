"""The annotated people of one photo, and how similar detections are to them (OKS as pycocotools computes it)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from strongpose.oks import keypoint_similarities, weighted_similarity

__all__ = ["People", "object_similarities", "similarities_to_people"]


@dataclass(frozen=True, eq=False)
class People:
    """The M annotated people of one photo.

    Attributes:
        keypoints: (M, K, 3) float64, x, y in photo pixels, visibility (0: not labelled).
        areas: (M,) float64, square pixels.
        boxes: (M, 4) float64, x0, y0, x1, y1 in photo pixels.
        ignored: (M,) bool, crowds and people without labelled keypoints.
    """

    keypoints: np.ndarray
    areas: np.ndarray
    boxes: np.ndarray
    ignored: np.ndarray

    @classmethod
    def from_coco(cls, annotations: Sequence[Mapping[str, Any]], num_keypoints: int) -> People:
        """The people in the COCO annotations of one photo, as `strongpose.annotations.load_annotations` checks them."""
        rows = [a.get("keypoints") or [0] * (3 * num_keypoints) for a in annotations]
        keypoints = np.array(rows, dtype=np.float64).reshape(-1, num_keypoints, 3)
        boxes = np.array([a["bbox"] for a in annotations], dtype=np.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        labelled = (keypoints[..., 2] > 0).sum(axis=1)
        crowd = np.array([a.get("iscrowd", 0) for a in annotations], dtype=bool)
        none = np.array([not a.get("num_keypoints", n) for a, n in zip(annotations, labelled, strict=True)], dtype=bool)
        areas = np.array([a["area"] for a in annotations], dtype=np.float64)
        return cls(keypoints, areas, boxes, crowd | none)


def similarities_to_people(points: np.ndarray, people: People, sigmas: np.ndarray) -> np.ndarray:
    """How close each keypoint is to the same keypoint of each person.

    Args:
        points: (N, K, 2) x, y in photo pixels.
        people: M annotated people.
        sigmas: (K,) tolerances.

    Returns:
        (N, M, K) as `strongpose.oks.keypoint_similarities`, meaningful where the person's keypoint is labelled.
    """
    squared = ((points[:, None] - people.keypoints[None, ..., :2]) ** 2).sum(axis=-1)
    return keypoint_similarities(squared, _areas(people), sigmas)


def object_similarities(points: np.ndarray, people: People, sigmas: np.ndarray) -> np.ndarray:
    """Object Keypoint Similarity (OKS) as pycocotools computes it.

    The mean similarity of the labelled keypoints. With a person who has none, every keypoint is compared
    with the person's box, enlarged by its size on every side: inside, its distance is 0.

    Args:
        points: (N, K, 2) x, y in photo pixels.
        people: M annotated people.
        sigmas: (K,) tolerances.

    Returns:
        (N, M) 0-1.
    """
    labelled = people.keypoints[..., 2] > 0
    oks = weighted_similarity(similarities_to_people(points, people, sigmas), labelled)
    corners = people.boxes.reshape(-1, 2, 2)
    size = corners[:, 1] - corners[:, 0]
    low, high = corners[:, 0] - size, corners[:, 1] + size
    outside = np.maximum(0, low[:, None] - points[:, None]) + np.maximum(0, points[:, None] - high[:, None])
    in_box = keypoint_similarities((outside**2).sum(axis=-1), _areas(people), sigmas).mean(axis=-1)
    return np.where(labelled.any(axis=-1), oks, in_box)


def _areas(people: People) -> np.ndarray:
    """(M,) square pixels, never 0, as in pycocotools."""
    return people.areas + np.spacing(1)
