"""Paired bootstrap over photos: the difference of average precision (AP) of two systems, and its 95 % interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from strongpose.evaluation import MAX_DETECTIONS
from strongpose.oks import keypoint_similarities, similarity_to

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""COCO's OKS from which a pose matches a person."""
RECALLS = np.linspace(0, 1, 101)
"""At which COCO reads off precision."""
RESAMPLES = 1000
_BLOCK = 50  # resamples looked at together
_TINY = np.spacing(1)


@dataclass(frozen=True, eq=False)
class Matches:
    """Which of the D poses found in P photos match annotated people, at COCO's T thresholds; the best pose first.

    Attributes:
        scores: (D,) of the poses.
        photos: (D,) int, the index of the photo.
        hits: (T, D) bool, poses that match somebody who counts.
        ignored: (T, D) bool, poses that count neither way: they match a crowd, or somebody without keypoints.
        people: (P,) int, how many people count in each photo.
    """

    scores: np.ndarray
    photos: np.ndarray
    hits: np.ndarray
    ignored: np.ndarray
    people: np.ndarray


class Difference(NamedTuple):
    """How much higher the second system's AP is, and the 2.5th and 97.5th percentile of that over resamples."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return "{} ({} to {})".format(*(f"{part:+.3f}".replace("0.", ".", 1) for part in self))


def match(results: Sequence[Mapping[str, Any]], data: Mapping[str, Any], sigmas: Sequence[float]) -> Matches:
    """Match poses with annotated people as COCO does, each photo by itself.

    Args:
        results: COCO keypoint results; of each photo the 20 with the highest score count.
        data: the content of a COCO keypoint annotation file, as `strongpose.annotations.load_annotations` gives it.
        sigmas: K tolerances.
    """
    by_photo: dict[Any, list[Mapping[str, Any]]] = {image["id"]: [] for image in data["images"]}
    for result in results:
        by_photo[result["image_id"]].append(result)
    annotated: dict[Any, list[Mapping[str, Any]]] = {photo: [] for photo in by_photo}
    for person in data["annotations"]:
        annotated[person["image_id"]].append(person)
    scores, photos, hits, ignored = [], [], [], []
    for i, (photo, found) in enumerate(by_photo.items()):
        found = sorted(found, key=lambda result: -result["score"])[:MAX_DETECTIONS]
        outcome = _outcomes(found, annotated[photo], np.array(sigmas))
        scores.append(np.array([result["score"] for result in found]))
        photos.append(np.full(len(found), i))
        hits.append(outcome > 0)
        ignored.append(outcome == 0)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    return Matches(
        np.concatenate(scores)[order],
        np.concatenate(photos)[order],
        np.concatenate(hits, axis=1)[:, order],
        np.concatenate(ignored, axis=1)[:, order],
        np.array([sum(_counts(person) for person in people) for people in annotated.values()]),
    )


def average_precision(matches: Matches, weights: np.ndarray) -> np.ndarray:
    """COCO's AP for people of every size.

    Args:
        matches: of P photos.
        weights: (R, P) int, how often each photo is in each of R samples.

    Returns:
        (R,) 0-1; NaN for samples with nobody in them.
    """
    return np.concatenate([_precisions(matches, weights[i : i + _BLOCK]) for i in range(0, len(weights), _BLOCK)])


def difference(first: Matches, second: Matches, resamples: int = RESAMPLES, seed: int = 0) -> Difference:
    """The second system's AP minus the first one's, over photos that are drawn with replacement, the same for both."""
    photos = len(first.people)
    drawn = np.random.default_rng(seed).multinomial(photos, np.full(photos, 1 / photos), size=resamples)
    weights = np.concatenate([np.ones((1, photos), dtype=drawn.dtype), drawn])
    gains = average_precision(second, weights) - average_precision(first, weights)
    low, high = np.nanpercentile(gains[1:], (2.5, 97.5))
    return Difference(float(gains[0]), float(low), float(high))


def _counts(person: Mapping[str, Any]) -> bool:
    return bool(person["num_keypoints"] and not person["iscrowd"])


def _outcomes(
    found: Sequence[Mapping[str, Any]], people: Sequence[Mapping[str, Any]], sigmas: np.ndarray
) -> np.ndarray:
    """(T, N) int of a photo's N poses, the best first: 1 for those that match, 0 for ignored ones, else -1."""
    result = np.full((len(THRESHOLDS), len(found)), -1)
    points = np.array([pose["keypoints"] for pose in found], dtype=np.float64).reshape(len(found), len(sigmas), 3)[
        ..., :2
    ]
    alike = np.array([_similarities(points, person, sigmas) for person in people]).reshape(len(people), len(found))
    counts = np.array([_counts(person) for person in people], dtype=bool)
    crowd = np.array([bool(person["iscrowd"]) for person in people], dtype=bool)
    for t, threshold in enumerate(THRESHOLDS):
        left = np.ones(len(people), dtype=bool)
        for n in range(len(found)):
            for outcome, group in ((1, counts & left), (0, ~counts & (left | crowd))):
                possible = np.where(group, alike[:, n], -1)
                if (possible >= threshold).any():
                    left[possible.argmax()] = False
                    result[t, n] = outcome
                    break
    return result


def _similarities(points: np.ndarray, person: Mapping[str, Any], sigmas: np.ndarray) -> np.ndarray:
    """(N,) OKS of (N, K, 2) poses to a person; without keypoints, by how far outside of the doubled box they are."""
    keypoints = np.reshape(person["keypoints"], (-1, 3))
    if (keypoints[:, 2] > 0).any():
        labelled = np.broadcast_to(keypoints[:, 2] > 0, points.shape[:2])
        return similarity_to(keypoints[:, :2], person["area"], points, labelled, sigmas)
    corner, size = np.reshape(person["bbox"], (2, 2))
    outside = np.maximum(corner - size - points, 0) + np.maximum(points - corner - 2 * size, 0)
    squared = np.square(outside).sum(axis=-1)
    return keypoint_similarities(squared, person["area"] + _TINY, sigmas).mean(axis=-1)


def _precisions(matches: Matches, weights: np.ndarray) -> np.ndarray:
    """(R,) AP for (R, P) weights: a photo that is drawn twice has each of its poses twice."""
    weight = weights[:, matches.photos].astype(np.float64)  # (R, D)
    people = (weights @ matches.people).astype(np.float64)
    found = people > 0
    total = np.zeros(len(weights))
    for hits, ignored in zip(matches.hits, matches.ignored, strict=True):
        right = np.cumsum(weight * hits, axis=1)
        wrong = np.cumsum(weight * ~(hits | ignored), axis=1)
        precision = right / (right + wrong + _TINY)
        precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        for r in np.flatnonzero(found):
            at = np.searchsorted(right[r] / people[r], RECALLS, side="left")
            total[r] += precision[r, at[at < len(matches.photos)]].sum()
    return np.where(found, total / (len(THRESHOLDS) * len(RECALLS)), np.nan)
