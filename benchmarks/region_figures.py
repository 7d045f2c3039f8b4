"""How well regions match silhouettes: intersection over union, leaks, heads, average precision, intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from faster_coco_eval.core import mask as coco_mask
from silhouettes import Silhouettes

from strongpose.skeleton import Skeleton
from strongpose.skeletons.body_shape import HIPS, SHOULDERS

__all__ = [
    "PersonFigures",
    "above_eyes",
    "average_precision",
    "interval",
    "judge",
    "match",
    "mean",
    "overlap",
    "results_of",
    "truth_of",
]

SIMILAR = 0.5  # OKS from which a pose is that of a person
EYES = ("left_eye", "right_eye")
ARMS = ("left_elbow", "right_elbow", "left_wrist", "right_wrist")


class PersonFigures(NamedTuple):
    """How well the region of one annotated person fits.

    Attributes:
        photo: its number.
        person: number of the person in the photo.
        size: root of the silhouette's share of the photo.
        covered: share of the person's box that boxes of other people cover.
        matched: whether a pose is the person's.
        iou: intersection over union with the silhouette; 0 without a pose.
        leak: share of the region on silhouettes of others only; NaN without a region.
        head: share of the silhouette above the eyes that is in the region; NaN where that is not known.
    """

    photo: int
    person: int
    size: float
    covered: float
    matched: bool
    iou: float
    leak: float
    head: float


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


def judge(
    photo: int, silhouettes: Silhouettes, regions: np.ndarray, matches: np.ndarray, skeleton: Skeleton
) -> list[PersonFigures]:
    """The figures of the M measured people of a photo.

    Args:
        photo: its number.
        silhouettes: of its people.
        regions: (N, H, W) bool, of the poses.
        matches: (N,) int as `match` gives them.
        skeleton: the K keypoints that are annotated.
    """
    result = []
    for i, own in enumerate(silhouettes.masks):
        poses = np.flatnonzero(matches == i)
        region = regions[poses[0]] & ~silhouettes.ignored if len(poses) else np.zeros_like(own)
        above = above_eyes(own, np.reshape(silhouettes.people[i]["keypoints"], (-1, 3)), skeleton)
        result.append(
            PersonFigures(
                photo,
                i,
                float(np.sqrt(own.mean())),
                float(silhouettes.covered[i]),
                len(poses) > 0,
                overlap(region, own),
                _share(region & silhouettes.union & ~own, region),
                _share(region & above, above) if len(poses) else np.nan,
            )
        )
    return result


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two masks; 0 if both are empty."""
    return float((one & other).sum() / max(1, (one | other).sum()))


def above_eyes(silhouette: np.ndarray, keypoints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """The part of a silhouette above the eyes: that of the head.

    Up is from the middle of shoulders or hips to the eyes, if both sides are labelled, else up in the photo.

    Args:
        silhouette: (H, W) bool.
        keypoints: (K, 3) x, y, visibility.
        skeleton: names them.

    Returns:
        (H, W) bool; nothing where no eye is labelled, or an arm is raised above the eyes.
    """
    eyes, arms = (_labelled(names, keypoints, skeleton) for names in (EYES, ARMS))
    if not len(eyes):
        return np.zeros_like(silhouette)
    level = eyes.mean(axis=0)
    pairs = (_labelled(names, keypoints, skeleton) for names in (SHOULDERS, HIPS))
    up = next((level - pair.mean(axis=0) for pair in pairs if len(pair) == 2), np.array([0.0, -1.0]))
    if ((arms - level) @ up > 0).any():
        return np.zeros_like(silhouette)
    rows, columns = np.indices(silhouette.shape, sparse=True)
    return silhouette & ((columns - level[0]) * up[0] + (rows - level[1]) * up[1] > 0)


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


def mean(values: Sequence[float]) -> float:
    """The mean of those that are known; NaN if none is."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else np.nan


def interval(values: Sequence[float], photos: Sequence[int]) -> tuple[float, float]:
    """The 95 % interval of the mean of (P,) values by bootstrap over the (P,) photos they are from."""
    _, of = np.unique(photos, return_inverse=True)
    if not len(of):
        return np.nan, np.nan
    sums, counts = np.bincount(of, values), np.bincount(of)
    drawn = np.random.default_rng(0).integers(len(sums), size=(4000, len(sums)))
    low, high = np.percentile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), (2.5, 97.5))
    return float(low), float(high)


def _share(part: np.ndarray, whole: np.ndarray) -> float:
    return float(part.sum() / whole.sum()) if whole.any() else np.nan


def _labelled(names: Sequence[str], keypoints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """(L, 2) x, y of the keypoints of those names that are labelled."""
    chosen = [k for k, name in enumerate(skeleton.names) if name in names and keypoints[k, 2] > 0]
    return keypoints[chosen, :2]


def _encoded(mask: np.ndarray) -> Any:
    return coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
