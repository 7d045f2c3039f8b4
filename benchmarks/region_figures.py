"""How well regions match annotated silhouettes: intersection over union, leaks, average precision, intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from faster_coco_eval.core import mask as coco_mask

from strongpose.annotations.segmentation import Region, read_box, read_region

__all__ = ["PersonFigures", "Silhouettes", "average_precision", "interval", "judge", "match", "overlap"]
__all__ += ["read_silhouettes", "results_of", "truth_of"]

SIMILAR = 0.5  # OKS from which a pose is that of a person


@dataclass(frozen=True, eq=False)
class Silhouettes:
    """The people of a photo of (H, W) pixels.

    Attributes:
        people: annotations of those with labelled keypoints who are no crowd, the M with a silhouette first.
        masks: (M, H, W) bool, the silhouettes of the first M of them: who is measured.
        union: (H, W) bool, what silhouettes cover, also those of people without keypoints; no crowds.
        ignored: (H, W) bool, crowds and people whose silhouette is not known, as far as no silhouette covers them.
        others: annotations that average precision ignores, with the (H, W) bool of each.
    """

    people: list[Mapping[str, Any]]
    masks: np.ndarray
    union: np.ndarray
    ignored: np.ndarray
    others: list[tuple[Mapping[str, Any], np.ndarray]]


class PersonFigures(NamedTuple):
    """How well the region of one annotated person fits.

    Attributes:
        photo: its number.
        matched: whether a pose is the person's.
        iou: intersection over union with the silhouette; 0 without a pose.
        leak: share of the region on silhouettes of others only; NaN without a region.
    """

    photo: int
    matched: bool
    iou: float
    leak: float


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
    union = _any([mask for _, mask in known], size)
    more = [person for person, _ in unknown if person["num_keypoints"] and not person["iscrowd"]]
    return Silhouettes(
        [*(person for person, _ in measured), *more],
        np.array([mask for _, mask in measured], dtype=bool).reshape(-1, *size),
        union,
        _any([mask for _, mask in unknown], size) & ~union,
        [(person, mask) for person, mask in known if not person["num_keypoints"]] + unknown,
    )


def match(similarities: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Which person each pose is of: the best poses choose first, the most similar person who is left, at OKS .5.

    Args:
        similarities: (N, M) OKS of poses to people.
        scores: (N,).

    Returns:
        (N,) int, -1 for nobody.
    """
    result, free = np.full(len(scores), -1), similarities.copy()
    for n in np.argsort(-scores, kind="stable") if free.shape[1] else ():
        person = int(free[n].argmax())
        if free[n, person] >= SIMILAR:
            result[n] = person
            free[:, person] = 0
    return result


def judge(photo: int, silhouettes: Silhouettes, regions: np.ndarray, matches: np.ndarray) -> list[PersonFigures]:
    """The figures of the M measured people of a photo.

    Args:
        photo: its number.
        silhouettes: of its people.
        regions: (N, H, W) bool, of the poses.
        matches: (N,) int as `match` gives them.
    """
    result = []
    for i, own in enumerate(silhouettes.masks):
        poses = np.flatnonzero(matches == i)
        region = regions[poses[0]] & ~silhouettes.ignored if len(poses) else np.zeros_like(own)
        leak = (region & silhouettes.union & ~own).sum() / region.sum() if region.any() else np.nan
        result.append(PersonFigures(photo, len(poses) > 0, overlap(region, own), float(leak)))
    return result


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two masks; 0 if both are empty."""
    return float((one & other).sum() / max(1, (one | other).sum()))


def truth_of(photo: int, silhouettes: Silhouettes) -> list[dict[str, Any]]:
    """COCO annotations of a photo: people without keypoints and those whose silhouette is not known count as crowds."""
    measured = [(person, mask, 0) for person, mask in zip(silhouettes.people, silhouettes.masks, strict=False)]
    return [
        {
            "image_id": photo,
            "category_id": 1,
            "segmentation": _encoded(mask),
            "bbox": list(person["bbox"]),
            "area": float(mask.sum()),
            "iscrowd": ignored,
        }
        for person, mask, ignored in [*measured, *((person, mask, 1) for person, mask in silhouettes.others)]
    ]


def results_of(photo: int, regions: np.ndarray, scores: np.ndarray) -> list[dict[str, Any]]:
    """COCO results of (N, H, W) regions and their scores; boxes are those around the regions."""
    encoded = [_encoded(region) for region in regions]
    return [
        {
            "image_id": photo,
            "category_id": 1,
            "segmentation": segmentation,
            "bbox": coco_mask.toBbox(segmentation).tolist(),
            "score": float(score),
        }
        for segmentation, score in zip(encoded, scores, strict=True)
    ]


def average_precision(
    truth: Sequence[dict[str, Any]], results: Sequence[dict[str, Any]], of: str
) -> tuple[float, float, float]:
    """COCO's AP, AP50 and AP75; NaN if nobody is to be found.

    Args:
        truth: as `truth_of` gives it.
        results: as `results_of` gives them.
        of: "segm" for masks, "bbox" for boxes.
    """
    sizes = {entry["image_id"]: entry["segmentation"]["size"] for entry in (*truth, *results)}
    content = {
        "images": [{"id": i, "height": height, "width": width} for i, (height, width) in sizes.items()],
        "annotations": [{**person, "id": i} for i, person in enumerate(truth, start=1)],
        "categories": [{"id": 1, "name": "person"}],
    }
    known = COCO(content)
    found = known.loadRes([dict(result) for result in results]) if results else COCO({**content, "annotations": []})
    run = COCOeval_faster(known, found, of, print_function=lambda *_: None)
    run.evaluate()
    run.accumulate()
    run.summarize()
    ap, ap50, ap75 = (float(value) if value >= 0 else np.nan for value in run.stats[:3])
    return ap, ap50, ap75


def interval(values: Sequence[float], photos: Sequence[int]) -> tuple[float, float]:
    """The 95 % interval of the mean of (P,) values by bootstrap over the (P,) photos they are from."""
    _, of = np.unique(photos, return_inverse=True)
    if not len(of):
        return np.nan, np.nan
    sums, counts = np.bincount(of, values), np.bincount(of)
    drawn = np.random.default_rng(0).integers(len(sums), size=(4000, len(sums)))
    low, high = np.percentile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), (2.5, 97.5))
    return float(low), float(high)


def _encoded(mask: np.ndarray) -> Any:
    return coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))


def _any(masks: Sequence[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool."""
    return np.any([np.zeros(size, dtype=bool), *masks], axis=0)


def _filled(region: Region, size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: the pixels inside, by COCO's own rule."""
    if region.mask is not None:
        return region.mask.astype(bool)
    outlines = [polygon.ravel().tolist() for polygon in region.polygons]
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(outlines, *size))).astype(bool)
