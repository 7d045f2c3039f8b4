"""Classifying the errors of keypoint detections into kinds (Ronchi and Perona, ICCV 2017, §3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any

import numpy as np

from strongpose.evaluation.diagnosis.people import People, object_similarities, similarities_to_people
from strongpose.evaluation.results_log import MAX_DETECTIONS
from strongpose.skeleton import Skeleton

__all__ = [
    "DetectionKind",
    "KeypointKind",
    "PersonKind",
    "PhotoErrors",
    "classify_data_set",
    "classify_photo",
]

FOUND = 0.5
"""OKS from which a detection shows a person."""
NEAR = 0.1
"""OKS from which a detection is meant for a person, however badly it is posed."""
GOOD = 0.85
"""Similarity from which a keypoint is right, as far as people agree about it."""
CLOSE = 0.5
"""Similarity from which a point is at a keypoint."""
MERGED = 3
"""Keypoints on another person from which a detection has merged the two."""


class KeypointKind(IntEnum):
    """What became of a labelled keypoint of a person whom a detection is meant for; the first that holds."""

    UNKNOWN = 0
    """Not labelled, or no detection is meant for the person."""
    GOOD = 1
    """Similarity of at least .85."""
    JITTER = 2
    """Similarity of .5 to .85: at the keypoint, but imprecise."""
    INVERSION = 3
    """Left and right inverted: similarity of at least .5 with the person's own mirror keypoint."""
    SWAP = 4
    """Similarity of at least .5 with the same or the mirror keypoint of another annotated person."""
    MISS = 5
    """None of these."""


class DetectionKind(IntEnum):
    """What a detection is meant for."""

    MATCHED = 0
    """A person, and it is the best there is of them."""
    DUPLICATE = 1
    """A person for whom a better one is meant."""
    IGNORED = 2
    """A crowd, or a person without labelled keypoints (OKS of at least .5); COCO does not count these."""
    FALSE = 3
    """Nobody who is annotated: a false person."""


class PersonKind(Enum):
    """What became of an annotated person, at a score threshold."""

    FOUND = "found"
    """The detection has an OKS of at least .5 and the threshold's score."""
    LOW_SCORE = "low score"
    """The detection has an OKS of at least .5, but a lower score."""
    WRONG_POSE = "wrong pose"
    """A detection is meant for them, whatever its score, but has an OKS of .1 to .5."""
    MISSED = "missed"
    """No detection of any score has an OKS of at least .1."""


@dataclass(frozen=True, eq=False)
class PhotoErrors:
    """The classified errors of one photo: N detections, best first, and M annotated people.

    Attributes:
        image_id: of the photo.
        people: as annotated.
        keypoints: (N, K, 3) float64, x, y in photo pixels and score.
        scores: (N,) float64.
        oks: (N, M) OKS of each detection with each person.
        kinds: (N,) `DetectionKind`.
        persons: (N,) index of the person a detection is meant for, or -1.
        detections: (M,) index of the detection matched to each person, or -1.
        keypoint_kinds: (M, K) `KeypointKind`.
        similarities: (M, K) of the matched detection's keypoints; 0 where not known.
        merged_with: (M,) index of the other person whom the matched detection took at least three
            keypoints from (the one with the most), or -1.
    """

    image_id: int | str
    people: People
    keypoints: np.ndarray
    scores: np.ndarray
    oks: np.ndarray
    kinds: np.ndarray
    persons: np.ndarray
    detections: np.ndarray
    keypoint_kinds: np.ndarray
    similarities: np.ndarray
    merged_with: np.ndarray

    def person_kind(self, person: int | np.integer, threshold: float) -> PersonKind:
        """What became of a person who is not ignored, if people from this score are shown."""
        detection = self.detections[person]
        if detection < 0:
            return PersonKind.MISSED
        if self.oks[detection, person] < FOUND:
            return PersonKind.WRONG_POSE
        return PersonKind.FOUND if self.scores[detection] >= threshold else PersonKind.LOW_SCORE

    def person_oks(self, person: int | np.integer, threshold: float = 0.0) -> float:
        """OKS of the detection matched to a person; 0 where there is none from this score."""
        detection = self.detections[person]
        return float(self.oks[detection, person]) if detection >= 0 and self.scores[detection] >= threshold else 0.0

    def shown(self, kind: DetectionKind, threshold: float) -> np.ndarray:
        """Indices of the detections of a kind from a score."""
        return np.flatnonzero((self.kinds == kind) & (self.scores >= threshold))


def classify_data_set(
    data: Mapping[str, Any], results: Sequence[Mapping[str, Any]], skeleton: Skeleton
) -> list[PhotoErrors]:
    """Classify the errors in every photo of a data set.

    Args:
        data: what `strongpose.annotations.load_annotations` returned, with one category.
        results: COCO keypoint results about its photos; of each photo the 20 with the highest score count.
        skeleton: what the keypoints are.

    Returns:
        One for each photo, in the order of the annotation file.
    """
    people: dict[Any, list[Mapping[str, Any]]] = {image["id"]: [] for image in data["images"]}
    found: dict[Any, list[Mapping[str, Any]]] = {image["id"]: [] for image in data["images"]}
    for person in data["annotations"]:
        people[person["image_id"]].append(person)
    for result in results:
        found[result["image_id"]].append(result)
    k = skeleton.num_keypoints
    return [
        classify_photo(
            image_id,
            People.from_coco(people[image_id], k),
            np.array([r["keypoints"] for r in found[image_id]], dtype=np.float64).reshape(-1, k, 3),
            np.array([r["score"] for r in found[image_id]], dtype=np.float64),
            skeleton,
        )
        for image_id in people
    ]


def classify_photo(
    image_id: int | str, people: People, keypoints: np.ndarray, scores: np.ndarray, skeleton: Skeleton
) -> PhotoErrors:
    """Match the detections of one photo with its people, and say what is wrong.

    Matching, always best score first and each to the person with the highest OKS who is still free:
    (1) OKS of at least .5, as COCO does at that threshold; of the rest, (2) those with an OKS of at least
    .5 with an ignored person are ignored, (3) those with at least .5 with a matched person are duplicates,
    (4) OKS of at least .1, (5) those with at least .1 with a matched person are duplicates, and (6) what
    is left is false.

    Args:
        image_id: of the photo.
        people: as annotated.
        keypoints: (N, K, 3) x, y in photo pixels and score.
        scores: (N,); only the 20 best detections count.
        skeleton: what the K keypoints are.
    """
    order = np.argsort(-scores, kind="stable")[:MAX_DETECTIONS]
    keypoints, scores = keypoints[order], scores[order]
    sigmas = np.array(skeleton.sigmas)
    oks = object_similarities(keypoints[..., :2], people, sigmas)
    kinds, persons = _match(oks, people.ignored)
    detections = np.full(len(people.areas), -1)
    matched = np.flatnonzero(kinds == DetectionKind.MATCHED)
    detections[persons[matched]] = matched
    judged = [
        _judge_keypoints(keypoints[d, :, :2], person, people, skeleton) for person, d in enumerate(detections) if d >= 0
    ]
    shape = people.keypoints.shape[:2]
    keypoint_kinds, similarities, merged_with = np.zeros(shape, int), np.zeros(shape), np.full(len(detections), -1)
    for person, (kind, similarity, other) in zip(np.flatnonzero(detections >= 0), judged, strict=True):
        keypoint_kinds[person], similarities[person], merged_with[person] = kind, similarity, other
    return PhotoErrors(
        image_id,
        people,
        keypoints,
        scores,
        oks,
        kinds,
        persons,
        detections,
        keypoint_kinds,
        similarities,
        merged_with,
    )


def _match(oks: np.ndarray, ignored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) `DetectionKind` and (N,) person of detections in order; see `classify_photo`."""
    kinds = np.full(len(oks), DetectionKind.FALSE, dtype=int)
    persons = np.full(len(oks), -1)
    free = ~ignored
    unsorted = np.ones(len(oks), dtype=bool)

    def take(detection: np.integer, kind: DetectionKind, allowed: np.ndarray, least: float) -> None:
        similar = np.where(allowed, oks[detection], -1)
        if similar.size and similar.max() >= least:
            kinds[detection], persons[detection] = kind, similar.argmax()
            unsorted[detection] = False
            if kind is DetectionKind.MATCHED:
                free[persons[detection]] = False

    for least in (FOUND, NEAR):
        for detection in np.flatnonzero(unsorted):
            take(detection, DetectionKind.MATCHED, free, least)
        if least == FOUND:
            for detection in np.flatnonzero(unsorted):
                take(detection, DetectionKind.IGNORED, ignored, FOUND)
        for detection in np.flatnonzero(unsorted):
            take(detection, DetectionKind.DUPLICATE, ~ignored & ~free, least)
    return kinds, persons


def _judge_keypoints(
    points: np.ndarray, person: int, people: People, skeleton: Skeleton
) -> tuple[np.ndarray, np.ndarray, int]:
    """(K,) `KeypointKind`, (K,) similarity, and the person merged with (or -1) of (K, 2) detected points."""
    mirror = np.array(skeleton.flip_order)
    sigmas = np.array(skeleton.sigmas)
    labelled = people.keypoints[..., 2] > 0
    own = similarities_to_people(points[None], people, sigmas)[0] * labelled  # (M, K)
    mirrored = similarities_to_people(points[None, mirror], people, sigmas)[0] * labelled
    mirrored = mirrored[:, mirror]  # (M, K): point k and the mirror keypoint of k
    others = np.maximum(own, mirrored)
    others[person] = 0
    inverted = np.where(mirror != np.arange(len(mirror)), mirrored[person], 0)
    conditions = [own[person] >= GOOD, own[person] >= CLOSE, inverted >= CLOSE, others.max(axis=0) >= CLOSE]
    kinds = np.select(
        conditions,
        [KeypointKind.GOOD, KeypointKind.JITTER, KeypointKind.INVERSION, KeypointKind.SWAP],
        KeypointKind.MISS,
    )
    kinds[~labelled[person]] = KeypointKind.UNKNOWN
    taken = ((others >= CLOSE) & (kinds == KeypointKind.SWAP)).sum(axis=1)
    merged_with = int(taken.argmax()) if taken.max() >= MERGED else -1
    return kinds, own[person], merged_with
