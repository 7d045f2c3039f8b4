"""The annotated silhouettes of a photo, and who of its people is measured by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from strongpose.annotations.segmentation import Region, read_box, read_region

__all__ = ["Silhouettes", "read_silhouettes"]


@dataclass(frozen=True, eq=False)
class Silhouettes:
    """The people of a photo of (H, W) pixels.

    Attributes:
        people: annotations of those with labelled keypoints who are no crowd, the M with a silhouette first.
        masks: (M, H, W) bool, the silhouettes of the first M of them: who is measured.
        union: (H, W) bool, what silhouettes cover, also those of people without keypoints; no crowds.
        ignored: (H, W) bool, crowds and people whose silhouette is not known, as far as no silhouette covers them.
        others: annotations that average precision ignores, with the (H, W) bool of each.
        covered: (M,) share of each measured person's box that boxes of other people cover, crowds left out.
    """

    people: list[Mapping[str, Any]]
    masks: np.ndarray
    union: np.ndarray
    ignored: np.ndarray
    others: list[tuple[Mapping[str, Any], np.ndarray]]
    covered: np.ndarray


def read_silhouettes(annotations: Sequence[Mapping[str, Any]], size: tuple[int, int]) -> Silhouettes:
    """The silhouettes of one photo.

    Args:
        annotations: of the photo, as `strongpose.annotations.load_annotations` checks them.
        size: (h, w) of the photo in pixels.

    Raises:
        ValueError: if a segmentation is damaged.
    """
    height, width = size
    known, unknown = [], []
    for person in annotations:
        region = read_region(person, width, height)
        mask = _filled(region or read_box(person["bbox"]), size)
        (unknown if region is None or person["iscrowd"] else known).append((person, mask))
    measured = [(person, mask) for person, mask in known if person["num_keypoints"]]
    others = [(person, mask) for person, mask in known if not person["num_keypoints"]] + unknown
    union = _any([mask for _, mask in known], size)
    more = [person for person, _ in unknown if person["num_keypoints"] and not person["iscrowd"]]
    boxes = [_filled(read_box(person["bbox"]), size) for person, _ in measured]
    beside = [_filled(read_box(person["bbox"]), size) for person, _ in others if not person["iscrowd"]]
    covered = [_covered(box, _any([*boxes[:i], *boxes[i + 1 :], *beside], size)) for i, box in enumerate(boxes)]
    return Silhouettes(
        [*(person for person, _ in measured), *more],
        np.array([mask for _, mask in measured], dtype=bool).reshape(-1, *size),
        union,
        _any([mask for _, mask in unknown], size) & ~union,
        others,
        np.array(covered),
    )


def _covered(box: np.ndarray, others: np.ndarray) -> float:
    return float((box & others).sum() / max(1, box.sum()))


def _any(masks: Sequence[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool."""
    return np.any([np.zeros(size, dtype=bool), *masks], axis=0)


def _filled(region: Region, size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: the pixels inside, by COCO's own rule."""
    if region.mask is not None:
        return region.mask.astype(bool)
    from faster_coco_eval.core import mask

    outlines = [polygon.ravel().tolist() for polygon in region.polygons]
    return mask.decode(mask.merge(mask.frPyObjects(outlines, *size))).astype(bool)
