"""Keypoints for annotated people who have none: crop around the box, enlarge, estimate, choose the pose that fits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from strongpose.decode.suppression import AREA_SHARE, similarity_to
from strongpose.estimator import StrongPose
from strongpose.images import ImageError
from strongpose.poses import Poses
from strongpose.skeleton import Skeleton

__all__ = [
    "AnnotateOptions",
    "Annotated",
    "Proposal",
    "choose_poses",
    "complete_annotations",
    "crop_window",
    "look_closer",
    "propose",
]

_SAME = 0.5  # OKS from which two poses are one person's
_OUTSIDE = 0.1  # of a side of the box; keypoints farther outside are not the person's
_LEAST_SIDE = 4.0  # pixels; nobody can tell keypoints in smaller boxes
_NEW = "strongpose"


@dataclass(frozen=True)
class AnnotateOptions:
    """What counts as sure, and how people are cropped. docs/annotate.md says how the defaults were chosen.

    Attributes:
        least_score: poses with a lower score are not kept.
        least_keypoint_score: keypoints with a lower score are not kept.
        least_keypoints: people with fewer sure keypoints are not kept.
        margin: what is cropped around a box on every side, in long sides of the box.
        least_overlap: intersection over union of a pose's extent and the box from which the pose may be theirs.
        detection_score: of the whole photo, from which a detection nobody annotated counts as a person.

    Raises:
        ValueError: if a value is out of range; says which.
    """

    least_score: float = 0.35
    least_keypoint_score: float = 0.3
    least_keypoints: int = 4
    margin: float = 0.5
    least_overlap: float = 0.2
    detection_score: float = 0.25

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
        overlap: intersection over union of its extent and the box.
    """

    keypoints: np.ndarray
    score: float
    overlap: float


@dataclass(frozen=True, eq=False)
class Annotated:
    """A completed data set.

    Attributes:
        data: the content of the new annotation file.
        counts: how many people are from each source.
        errors: what is wrong with photos that could not be opened, or have another size than the file says;
            their annotations are as they were.
    """

    data: dict[str, Any]
    counts: dict[str, int]
    errors: list[ImageError]


def complete_annotations(
    estimator: StrongPose,
    data: Mapping[str, Any],
    open_photo: Callable[[str], np.ndarray],
    options: AnnotateOptions | None = None,
    detector: StrongPose | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Annotated:
    """Complete a data set: keypoints for people without them (SP §III-E calls them undefined annotations).

    People with keypoints and crowds are kept as they are and only told their ``keypoint_source``: what they
    say, "human", or "ignore". People without keypoints get those of the pose found in their box, and
    "strongpose"; where none is sure they become regions to ignore: "ignore" and ``iscrowd`` 1, which training
    masks out of its losses. ``data`` is not changed.

    Args:
        estimator: looks at the crops.
        data: the content of a COCO keypoint annotation file, checked by `load_annotations`.
        open_photo: (H, W, 3) uint8 RGB of an image's ``file_name``.
        options: what counts as sure.
        detector: looks at whole photos for people whom nobody annotated; left out, they stay unknown.
        progress: called after every photo with the number done and the total.

    Raises:
        strongpose.runtime.ModelError: if the network cannot be run.
    """
    options = options or AnnotateOptions()
    category = next(c for c in data["categories"] if isinstance(c, Mapping) and c.get("keypoints"))
    skeleton = estimator.info.skeleton
    people: dict[Any, list[int]] = {image["id"]: [] for image in data["images"]}
    result = list(data["annotations"])
    for i, person in enumerate(result):
        if person["category_id"] == category["id"]:
            people[person["image_id"]].append(i)
    next_id = 1 + max((p["id"] for p in result if isinstance(p.get("id"), int)), default=0)
    errors: list[ImageError] = []
    for done, image in enumerate(data["images"], start=1):
        indices = people[image["id"]]
        here = [result[i] for i in indices]
        try:
            if detector is not None or any(_is_undefined(person) for person in here):
                photo = _open_as_annotated(image, open_photo)
                here = here + (_unknown_people(detector(photo), here, image["id"], options) if detector else [])
                here = _complete(estimator, photo, here, skeleton, options)
        except ImageError as error:
            errors.append(error)
            progress(done, len(data["images"]))
            continue
        for i, person in zip(indices, here, strict=False):
            result[i] = _sourced(person)
        for person in here[len(indices) :]:
            result.append({**person, "id": next_id, "category_id": category["id"]})
            next_id += 1
        progress(done, len(data["images"]))
    sources = [str(p["keypoint_source"]) for p in result if p.get("keypoint_source")]
    counts = {source: sources.count(source) for source in sorted(set(sources))}
    return Annotated({**data, "annotations": result}, counts, errors)


def propose(
    estimator: StrongPose,
    photo: np.ndarray,
    boxes: np.ndarray,
    known: np.ndarray,
    options: AnnotateOptions,
) -> list[Proposal | None]:
    """For each box, the pose that fits it best when the photo is looked at closely there.

    Args:
        estimator: looks at the crops.
        photo: (H, W, 3) uint8 RGB.
        boxes: (N, 4) x, y, width, height in photo pixels.
        known: (M, K, 3) labelled keypoints x, y, visibility of other people; their poses are not proposed.
        options: how people are cropped, and which poses may be theirs.

    Returns:
        N proposals; None where no pose fits. No two are the same person.
    """
    found = [look_closer(estimator, photo, box, options.margin) for box in boxes]
    return choose_poses(found, boxes, known, options, estimator.info.skeleton)


def look_closer(estimator: StrongPose, photo: np.ndarray, box: np.ndarray, margin: float) -> Poses:
    """The poses found in a crop around a box, in photo pixels; no poses where the box is too small or outside.

    Args:
        estimator: its ``size`` is the long side to which the crop is scaled.
        photo: (H, W, 3) uint8 RGB.
        box: (4,) x, y, width, height in photo pixels.
        margin: what is cropped around the box on every side, in long sides of the box.
    """
    x0, y0, x1, y1 = crop_window(box, margin, (photo.shape[0], photo.shape[1]))
    if min(x1 - x0, y1 - y0) < 1 or max(box[2:]) < _LEAST_SIDE:
        return Poses.empty(estimator.info.skeleton)
    poses = estimator(np.ascontiguousarray(photo[y0:y1, x0:x1]))
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
    found: Sequence[Poses], boxes: np.ndarray, known: np.ndarray, options: AnnotateOptions, skeleton: Skeleton
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
    """
    sigmas = np.array(skeleton.sigmas)
    fits: list[tuple[float, int, int, float]] = []
    for i, (poses, box) in enumerate(zip(found, boxes, strict=True)):
        overlaps, inside = _fit(poses, box, options.least_keypoint_score)
        scores = poses.scores * overlaps * inside
        fits += [
            (float(scores[j]), i, int(j), float(overlaps[j]))
            for j in np.flatnonzero((overlaps >= options.least_overlap) & (inside >= 0.5))
        ]
    taken = np.asarray(known, dtype=float)
    chosen: list[Proposal | None] = [None] * len(boxes)
    for _, i, j, overlap in sorted(fits, key=lambda fit: (-fit[0], fit[1], fit[2])):
        keypoints = found[i].keypoints[j]
        area = max(AREA_SHARE * float(boxes[i][2] * boxes[i][3]), 1.0)
        if chosen[i] is not None:
            continue
        if (similarity_to(keypoints[:, :2], area, taken[..., :2], taken[..., 2] > 0, sigmas) <= _SAME).all():
            inside_only = keypoints.copy()
            inside_only[~_within(keypoints, boxes[i]), 2] = 0
            chosen[i] = Proposal(inside_only, float(found[i].scores[j]), overlap)
            taken = np.concatenate([taken, keypoints[None]])
    return chosen


def _fit(poses: Poses, box: np.ndarray, sure: float) -> tuple[np.ndarray, np.ndarray]:
    """(N,) overlaps of the extents of poses with a box, and (N,) shares of their sure keypoints in it."""
    low, high = np.array(box[:2], dtype=float), np.array(box[:2], dtype=float) + box[2:]
    sides = np.minimum(poses.boxes[:, 2:], high) - np.maximum(poses.boxes[:, :2], low)
    shared = np.prod(np.maximum(sides, 0), axis=1)
    areas = np.prod(poses.boxes[:, 2:] - poses.boxes[:, :2], axis=1)
    overlaps = shared / np.maximum(areas + float(box[2] * box[3]) - shared, 1e-6)
    counted = poses.keypoints[..., 2] >= sure
    return overlaps, (_within(poses.keypoints, box) & counted).sum(axis=1) / np.maximum(counted.sum(axis=1), 1)


def _within(keypoints: np.ndarray, box: np.ndarray) -> np.ndarray:
    """(…, K) whether keypoints (…, K, 3) lie in a box (4,) x, y, width, height, or not far outside."""
    size = np.array(box[2:], dtype=float)
    low, high = box[:2] - _OUTSIDE * size, box[:2] + (1 + _OUTSIDE) * size
    return np.asarray(((keypoints[..., :2] >= low) & (keypoints[..., :2] <= high)).all(axis=-1))


def _open_as_annotated(image: Mapping[str, Any], open_photo: Callable[[str], np.ndarray]) -> np.ndarray:
    """The photo of an image; an `ImageError` where boxes are about pixels of a photo of another size."""
    photo = open_photo(image["file_name"])
    height, width = photo.shape[:2]
    stated = image.get("width", width), image.get("height", height)
    if stated != (width, height):
        raise ImageError(
            f"{image['file_name']}: has {width}×{height} pixels, but is annotated as one of "
            f"{stated[0]!r:.20}×{stated[1]!r:.20}; take the photos that were annotated"
        )
    return photo


def _is_undefined(person: Mapping[str, Any]) -> bool:
    return not person.get("iscrowd") and not _has_keypoints(person)


def _has_keypoints(person: Mapping[str, Any]) -> bool:
    return any(v > 0 for v in (person.get("keypoints") or [])[2::3])


def _sourced(person: Mapping[str, Any]) -> dict[str, Any]:
    """A given annotation that says where it is from."""
    source = "human" if _has_keypoints(person) and not person.get("iscrowd") else "ignore"
    return {**person, "keypoint_source": person.get("keypoint_source", source)}


def _complete(
    estimator: StrongPose,
    photo: np.ndarray,
    people: Sequence[Mapping[str, Any]],
    skeleton: Skeleton,
    options: AnnotateOptions,
) -> list[dict[str, Any]]:
    """The people of a photo, those without keypoints with the ones found or as regions to ignore."""
    k = skeleton.num_keypoints
    undefined = [i for i, person in enumerate(people) if _is_undefined(person)]
    boxes = np.array([people[i]["bbox"] for i in undefined], dtype=float).reshape(-1, 4)
    labelled = [p["keypoints"] for p in people if _has_keypoints(p) and not p.get("iscrowd")]
    known = np.array(labelled, dtype=float).reshape(-1, k, 3)
    proposals = propose(estimator, photo, boxes, known, options)
    result = [dict(person) for person in people]
    for i, proposal in zip(undefined, proposals, strict=True):
        result[i] |= _labels(proposal, options, k)
    return result


def _labels(proposal: Proposal | None, options: AnnotateOptions, k: int) -> dict[str, Any]:
    """What an annotation says of its keypoints: those that are sure, or that the person is to be ignored."""
    ignored = {"keypoints": [0] * (3 * k), "num_keypoints": 0, "iscrowd": 1, "keypoint_source": "ignore"}
    if proposal is None or proposal.score < options.least_score:
        return ignored
    sure = proposal.keypoints[:, 2] >= options.least_keypoint_score
    if sure.sum() < options.least_keypoints:
        return ignored
    keypoints: list[float] = []
    for (x, y, _), kept in zip(proposal.keypoints.tolist(), sure, strict=True):
        keypoints += [round(x, 1), round(y, 1), 2] if kept else [0, 0, 0]
    return {
        "keypoints": keypoints,
        "num_keypoints": int(sure.sum()),
        "iscrowd": 0,
        "keypoint_source": _NEW,
        "keypoint_score": round(proposal.score, 4),
    }


def _unknown_people(
    poses: Poses, people: Sequence[Mapping[str, Any]], image_id: Any, options: AnnotateOptions
) -> list[dict[str, Any]]:
    """Annotations without keypoints of detections that match no annotated person."""
    new = []
    for pose in poses[poses.scores >= options.detection_score]:
        one = Poses(pose.keypoints[None], np.array([pose.score]), pose.skeleton, pose.box[None])
        fits = [_fit(one, np.array(person["bbox"], dtype=float), options.least_keypoint_score) for person in people]
        # a crowd's box holds its people; a labelled person's pose fills the box
        if any(
            i[0] >= 0.5 and (o[0] >= options.least_overlap or p.get("iscrowd"))
            for p, (o, i) in zip(people, fits, strict=True)
        ):
            continue
        x0, y0, x1, y1 = (float(v) for v in pose.box)
        box = [round(v, 1) for v in (x0, y0, x1 - x0, y1 - y0)]
        new.append({"image_id": image_id, "bbox": box, "area": round(AREA_SHARE * box[2] * box[3], 1), "iscrowd": 0})
    return new
