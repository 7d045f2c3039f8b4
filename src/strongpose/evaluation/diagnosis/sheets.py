"""The worst examples of each kind of error, as contact sheets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from strongpose._util.lines import counted
from strongpose.draw.contact_sheet import Tile, contact_sheet, surroundings
from strongpose.evaluation.diagnosis.classification import DetectionKind, KeypointKind, PersonKind, PhotoErrors
from strongpose.evaluation.diagnosis.report import causes, lost_similarity, worst_photos
from strongpose.poses import Poses
from strongpose.skeleton import Skeleton

__all__ = ["Case", "draw_sheets", "worst_cases"]

_EACH = 12  # examples of a kind
_POINTS = {"jitter": KeypointKind.JITTER, "inversion": KeypointKind.INVERSION, "miss": KeypointKind.MISS}
_TITLES = {
    "missed": "Missed people: no detection of any score, largest first",
    "low-score": "Right poses whose score is too low to be shown, best OKS first",
    "wrong-pose": "Wrong poses: OKS .1 to .5, highest score first",
    "false": "False positives, highest score first",
    "duplicate": "Duplicates, highest score first",
    "merged": "Merged people: swaps with another person, most first",
    "inversion": "Inversions: left and right, most lost first",
    "jitter": "Jitter, most lost first",
    "miss": "Misses: keypoints at nobody's, most lost first",
}

Case = tuple[PhotoErrors, int, int]
"""Photo, person (or -1) and detection (or -1)."""


def worst_cases(photos: Sequence[PhotoErrors], threshold: float, count: int = _EACH) -> dict[str, list[Case]]:
    """The worst cases of each kind of error, the worst first; kinds that do not occur are left out.

    People and detections are judged at the score threshold; keypoints are those of detections from it.
    What counts as the worst is the title of each sheet; "most lost" is the OKS that a kind's keypoints cost
    their person, the sum of 1 − similarity over the number of labelled keypoints.

    Returns:
        For "missed", "low-score", "wrong-pose", "false", "duplicate", "merged", "inversion", "jitter" and
        "miss", at most ``count`` cases.
    """
    ranked: dict[str, list[tuple[float, Case]]] = {name: [] for name in _TITLES}
    for photo in photos:
        for person in np.flatnonzero(~photo.people.ignored).tolist():
            case = (photo, person, int(photo.detections[person]))
            for name, severity in _person_errors(case, threshold):
                ranked[name].append((severity, case))
        for name, kind in (("false", DetectionKind.FALSE), ("duplicate", DetectionKind.DUPLICATE)):
            for detection in photo.shown(kind, threshold).tolist():
                case = (photo, int(photo.persons[detection]), detection)
                ranked[name].append((float(photo.scores[detection]), case))
    worst = {name: sorted(cases, key=lambda case: -case[0])[:count] for name, cases in ranked.items()}
    return {name: [case for _, case in cases] for name, cases in worst.items() if cases}


def draw_sheets(
    photos: Sequence[PhotoErrors],
    opened: Callable[[int | str], np.ndarray],
    skeleton: Skeleton,
    threshold: float,
) -> Iterator[tuple[str, np.ndarray]]:
    """A sheet for each kind of error that occurs, and "photos", the ten worst photos.

    Args:
        photos: the classified errors.
        opened: gives the photo of an image id, (H, W, 3) uint8 RGB.
        skeleton: what the keypoints are.
        threshold: score from which people are shown.

    Yields:
        The sheet's name and its picture, (H, W, 3) uint8 RGB.
    """
    for name, cases in worst_cases(photos, threshold).items():
        tiles = [_case_tile(name, case, opened(case[0].image_id), skeleton) for case in cases]
        yield name, contact_sheet(_TITLES[name], tiles, skeleton)
    tiles = [
        _photo_tile(photo, opened(photo.image_id), skeleton, threshold) for photo in worst_photos(photos, threshold)
    ]
    title = "The photos that lose most similarity: ground truth in white, detections in colour"
    yield "photos", contact_sheet(title, tiles, skeleton, columns=2, size=(640, 480))


def _person_errors(case: Case, threshold: float) -> Iterator[tuple[str, float]]:
    """The kinds of error that a person suffers, and how bad each is."""
    photo, person, detection = case
    kind = photo.person_kind(person, threshold)
    if kind is PersonKind.MISSED:
        yield "missed", float(photo.people.areas[person])
        return
    if kind is PersonKind.LOW_SCORE:
        yield "low-score", photo.person_oks(person)
    if photo.scores[detection] < threshold:
        return
    if kind is PersonKind.WRONG_POSE:
        yield "wrong-pose", float(photo.scores[detection])
    if photo.merged_with[person] >= 0:
        yield "merged", float((photo.keypoint_kinds[person] == KeypointKind.SWAP).sum())
    labelled = max(1, int((photo.people.keypoints[person, :, 2] > 0).sum()))
    for name, keypoint_kind in _POINTS.items():
        wrong = photo.keypoint_kinds[person] == keypoint_kind
        if wrong.any():
            yield name, float((1 - photo.similarities[person, wrong]).sum()) / labelled


def _case_tile(name: str, case: Case, image: np.ndarray, skeleton: Skeleton) -> Tile:
    photo, person, detection = case
    people = [person] if person >= 0 else []
    if name == "merged":
        people.append(int(photo.merged_with[person]))
    annotated, points = photo.people.keypoints[people], [photo.people.boxes[people].reshape(-1, 2)]
    caption, marks = f"{photo.image_id}: {name}", np.zeros((0, 2))
    if detection >= 0:
        detected = photo.keypoints[detection]
        sure = detected[:, 2] >= min(0.1, float(detected[:, 2].max()))
        points.append(detected[sure, :2])
        if person >= 0:
            caption += f", OKS {photo.oks[detection, person]:.2f}"
            kind = {**_POINTS, "merged": KeypointKind.SWAP}.get(name)
            wrong = photo.keypoint_kinds[person] == kind
            marks = detected[wrong, :2]
            points.append(marks)
            caption += f", {counted(int(wrong.sum()), 'keypoint')}" if kind is not None else ""
        caption += f", score {photo.scores[detection]:.2f}"
    part, origin = surroundings(image, np.concatenate(points))
    return Tile(part, origin, annotated, _poses(photo, [] if detection < 0 else [detection], skeleton), marks, caption)


def _photo_tile(photo: PhotoErrors, image: np.ndarray, skeleton: Skeleton, threshold: float) -> Tile:
    shown = np.flatnonzero((photo.scores >= threshold) & (photo.kinds != DetectionKind.IGNORED)).tolist()
    annotated = photo.people.keypoints[~photo.people.ignored]
    first, _, rest = causes(photo, threshold).partition("; ")
    caption = f"{photo.image_id}: lost {lost_similarity(photo, threshold):.1f}; {first}\n{rest}"
    return Tile(image, (0, 0), annotated, _poses(photo, shown, skeleton), np.zeros((0, 2)), caption)


def _poses(photo: PhotoErrors, detections: list[int], skeleton: Skeleton) -> Poses:
    k = skeleton.num_keypoints
    return Poses(photo.keypoints[detections].reshape(-1, k, 3), photo.scores[detections].reshape(-1), skeleton)
