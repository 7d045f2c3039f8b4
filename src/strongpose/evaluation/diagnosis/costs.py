"""What each kind of error costs: the average precision if that kind alone were corrected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from strongpose.evaluation.coco import Metrics, evaluate_results
from strongpose.evaluation.diagnosis.classification import FOUND, DetectionKind, KeypointKind, PhotoErrors
from strongpose.evaluation.diagnosis.groups import Person
from strongpose.skeleton import Skeleton

__all__ = ["Cost", "costs", "group_metrics", "present_metrics"]

_Detections = list[tuple[np.ndarray, float]]  # (K, 3) keypoints and score of each


@dataclass(frozen=True)
class Cost:
    """A kind of error, and the metrics if that kind alone were corrected."""

    name: str
    metrics: Metrics


def costs(photos: Sequence[PhotoErrors], data: Mapping[str, Any], skeleton: Skeleton) -> list[Cost]:
    """The metrics with one kind of error corrected at a time; each is the most that correcting it can give.

    - Keypoints: all that are of the kind, of all matched detections, are put on the annotated point.
    - Merged people: those swaps that belong to a merged detection are.
    - Missed people: their annotated pose is added, with the median score of the detections that have an
      OKS of at least .5.
    - False positives: these detections are left out, whatever their score.
    - Duplicates: of a person's detections only the one with the highest OKS stays, with the highest score.
    - Scores: every detection's score becomes its OKS; to be first, it is matched by OKS, and those without a
      person of their own score 0.

    Args:
        photos: the classified errors.
        data: the annotations they were classified by.
        skeleton: what the keypoints are.

    Returns:
        One for each kind, the costliest (by AP) first.
    """
    wrong = (KeypointKind.JITTER, KeypointKind.INVERSION, KeypointKind.SWAP, KeypointKind.MISS)
    score = _usual_score(photos)
    corrected: list[tuple[str, Callable[[PhotoErrors], _Detections]]] = [
        ("jitter", lambda p: _with_keypoints(p, wrong[:1])),
        ("inversions", lambda p: _with_keypoints(p, wrong[1:2])),
        ("swaps", lambda p: _with_keypoints(p, wrong[2:3])),
        ("merged people", lambda p: _with_keypoints(p, wrong[2:3], p.merged_with >= 0)),
        ("misses", lambda p: _with_keypoints(p, wrong[3:])),
        ("all four kinds of keypoint errors", lambda p: _with_keypoints(p, wrong)),
        ("missed people", lambda p: _with_missed(p, score)),
        ("false positives", _without_false),
        ("duplicates", _without_duplicates),
        ("scores", _with_best_scores),
    ]
    found = [Cost(name, _metrics(photos, corrected_of, data, skeleton)) for name, corrected_of in corrected]
    return sorted(found, key=lambda cost: -np.nan_to_num(cost.metrics.ap))


def present_metrics(photos: Sequence[PhotoErrors], data: Mapping[str, Any], skeleton: Skeleton) -> Metrics:
    """The metrics of the detections as they are."""
    return _metrics(photos, _detections, data, skeleton)


def group_metrics(people: Sequence[Person], data: Mapping[str, Any], skeleton: Skeleton) -> Metrics:
    """The metrics of some people and the detections that are meant for them; false positives belong to no group."""
    members: dict[Any, list[int]] = {}
    photos: dict[Any, PhotoErrors] = {}
    for person in people:
        members.setdefault(person.photo.image_id, []).append(person.index)
        photos[person.photo.image_id] = person.photo
    annotations, seen = [], dict.fromkeys(members, 0)
    for annotation in data["annotations"]:
        image_id = annotation["image_id"]
        if image_id in members:
            if seen[image_id] in members[image_id]:
                annotations.append(annotation)
            seen[image_id] += 1
    results = []
    for image_id, photo in photos.items():
        theirs = np.isin(photo.persons, members[image_id])
        own = [d for d, is_theirs in zip(_detections(photo), theirs, strict=True) if is_theirs]
        results += _results(image_id, own, data)
    return evaluate_results(results, {**data, "annotations": annotations}, skeleton.sigmas)


def _metrics(
    photos: Sequence[PhotoErrors],
    mend: Callable[[PhotoErrors], _Detections],
    data: Mapping[str, Any],
    skeleton: Skeleton,
) -> Metrics:
    results = [result for photo in photos for result in _results(photo.image_id, mend(photo), data)]
    return evaluate_results(results, data, skeleton.sigmas)


def _results(image_id: int | str, detections: _Detections, data: Mapping[str, Any]) -> list[dict[str, Any]]:
    category = data["categories"][0]["id"]
    return [
        {"image_id": image_id, "category_id": category, "keypoints": points.ravel().tolist(), "score": score}
        for points, score in detections
    ]


def _detections(photo: PhotoErrors) -> _Detections:
    return [(points, float(score)) for points, score in zip(photo.keypoints, photo.scores, strict=True)]


def _with_keypoints(photo: PhotoErrors, kinds: Sequence[KeypointKind], people: np.ndarray | bool = True) -> _Detections:
    keypoints = photo.keypoints.copy()
    for person in np.flatnonzero((photo.detections >= 0) & people):
        wrong = np.isin(photo.keypoint_kinds[person], kinds)
        keypoints[photo.detections[person], wrong, :2] = photo.people.keypoints[person, wrong, :2]
    return [(points, float(score)) for points, score in zip(keypoints, photo.scores, strict=True)]


def _with_missed(photo: PhotoErrors, score: float) -> _Detections:
    missed = np.flatnonzero((photo.detections < 0) & ~photo.people.ignored)
    return [*_detections(photo), *((photo.people.keypoints[person], score) for person in missed)]


def _without_false(photo: PhotoErrors) -> _Detections:
    return [d for d, kind in zip(_detections(photo), photo.kinds, strict=True) if kind != DetectionKind.FALSE]


def _without_duplicates(photo: PhotoErrors) -> _Detections:
    found = _detections(photo)
    for person in np.flatnonzero(photo.detections >= 0):
        meant = np.flatnonzero((photo.persons == person) & (photo.kinds != DetectionKind.IGNORED))
        best = meant[photo.oks[meant, person].argmax()]
        found[photo.detections[person]] = (photo.keypoints[best], float(photo.scores[meant].max()))
    return [d for d, kind in zip(found, photo.kinds, strict=True) if kind != DetectionKind.DUPLICATE]


def _with_best_scores(photo: PhotoErrors) -> _Detections:
    counted = np.where(photo.people.ignored, -1.0, photo.oks)
    scores = np.zeros(len(photo.scores))
    for _ in range(min(counted.shape)):
        detection, person = np.unravel_index(counted.argmax(), counted.shape)
        if counted[detection, person] <= 0:
            break
        scores[detection] = counted[detection, person]
        counted[detection], counted[:, person] = -1, -1
    return [(points, float(score)) for points, score in zip(photo.keypoints, scores, strict=True)]


def _usual_score(photos: Sequence[PhotoErrors]) -> float:
    """Median score of the detections that show a person; 1 where there is none."""
    scores = []
    for photo in photos:
        for person in np.flatnonzero(photo.detections >= 0):
            if photo.person_oks(person) >= FOUND:
                scores.append(photo.scores[photo.detections[person]])
    return float(np.median(scores)) if scores else 1.0
