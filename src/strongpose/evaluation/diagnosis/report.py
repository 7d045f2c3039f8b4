"""The error report: counts, costs and groups as plain data, and as short tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from strongpose._util.lines import counted
from strongpose._util.tables import table
from strongpose.evaluation.diagnosis.classification import DetectionKind, KeypointKind, PersonKind, PhotoErrors
from strongpose.evaluation.diagnosis.costs import costs, group_metrics, present_metrics
from strongpose.evaluation.diagnosis.groups import Person, group_people
from strongpose.skeleton import Skeleton

__all__ = ["causes", "format_report", "lost_similarity", "make_report", "worst_photos"]

_WRONG = (KeypointKind.JITTER, KeypointKind.INVERSION, KeypointKind.SWAP, KeypointKind.MISS)
_UNSURE = 0.1  # keypoint score below which `strongpose predict` does not draw a keypoint
_KEYPOINT_NAMES = {
    KeypointKind.GOOD: "good",
    KeypointKind.JITTER: "jitter",
    KeypointKind.INVERSION: "inversion",
    KeypointKind.SWAP: "swap",
    KeypointKind.MISS: "miss",
}


def make_report(
    photos: Sequence[PhotoErrors],
    people: Sequence[Person],
    data: Mapping[str, Any],
    skeleton: Skeleton,
    threshold: float,
) -> dict[str, Any]:
    """Everything that is known about the errors, for JSON.

    Args:
        photos: the classified errors.
        people: all annotated people who are not ignored, in the order of the photos.
        data: the annotations that they were classified by, of one category.
        skeleton: what the keypoints are.
        threshold: score from which people are shown.

    Returns:
        ``threshold``; ``metrics`` as they are; ``counts`` of people, detections and keypoints; ``costs``, the
        metrics with one kind of error corrected; ``groups`` of people; ``keypoints``, the kinds by name;
        ``worst_photos``; and ``people``, one by one. Shares are 0-1; None where there is nothing to share.
    """
    metrics = present_metrics(photos, data, skeleton)
    names = {image["id"]: image["file_name"] for image in data["images"]}
    all_lost = _shares(people, threshold)["lost_similarity"]
    groups = []
    for group in group_people(people):
        members = [people[i] for i in group.members]
        found = group_metrics(members, data, skeleton).to_dict()
        shares = _shares(members, threshold)
        lost = _share(shares.pop("lost_similarity"), all_lost)
        groups.append({"kind": group.kind, "name": group.name, "ap": found["ap"], **shares, "lost": lost})
    return {
        "threshold": threshold,
        "metrics": metrics.to_dict(),
        "counts": _counts(photos, people, threshold),
        "costs": [{"kind": cost.name, **cost.metrics.to_dict()} for cost in costs(photos, data, skeleton)],
        "groups": groups,
        "keypoints": _by_name(people, skeleton),
        "worst_photos": [
            {
                "image_id": photo.image_id,
                "file_name": names[photo.image_id],
                "lost": round(lost_similarity(photo, threshold), 3),
                "causes": causes(photo, threshold),
            }
            for photo in worst_photos(photos, threshold)
        ],
        "people": [_person(person, threshold) for person in people],
    }


def lost_similarity(photo: PhotoErrors, threshold: float) -> float:
    """Sum of 1 − OKS over the annotated people, plus the number of false positives, at a score threshold."""
    people = np.flatnonzero(~photo.people.ignored)
    lost = sum(1.0 - photo.person_oks(person, threshold) for person in people)
    return lost + len(photo.shown(DetectionKind.FALSE, threshold))


def worst_photos(photos: Sequence[PhotoErrors], threshold: float, count: int = 10) -> list[PhotoErrors]:
    """The photos that lose most similarity, the worst first."""
    return sorted(photos, key=lambda photo: -lost_similarity(photo, threshold))[:count]


def causes(photo: PhotoErrors, threshold: float) -> str:
    """What went wrong in a photo, as counts: people, detections, then keypoints of matched detections shown."""
    people = [int(i) for i in np.flatnonzero(~photo.people.ignored)]
    kinds = Counter(photo.person_kind(i, threshold) for i in people)
    shown = [i for i in people if _is_shown(photo, i, threshold)]
    keypoints = Counter(photo.keypoint_kinds[shown].ravel().tolist())
    counts = [
        (kinds[PersonKind.MISSED], "missed"),
        (kinds[PersonKind.LOW_SCORE], "low score"),
        (kinds[PersonKind.WRONG_POSE], "wrong pose"),
        (int((photo.merged_with[shown] >= 0).sum()), "merged"),
        (len(photo.shown(DetectionKind.FALSE, threshold)), "false"),
        (len(photo.shown(DetectionKind.DUPLICATE, threshold)), "duplicate"),
    ]
    points = [(keypoints[kind], _KEYPOINT_NAMES[kind]) for kind in _WRONG]
    parts = [", ".join(f"{n} {what}" for n, what in some if n) for some in (counts, points)]
    return f"{counted(len(people), 'person', 'people')}: {parts[0] or 'all found'}" + (
        f"; keypoints: {parts[1]}" if parts[1] else ""
    )


def format_report(report: Mapping[str, Any]) -> str:
    """The tables that people read: what it costs, who is concerned, and the worst photos."""
    counts, metrics, threshold = report["counts"], report["metrics"], report["threshold"]
    people, shown = f"people {counts['people']}", f"shown {counts['shown']}"
    points = f"keypoints {counts['keypoints']}"
    of = {
        "missed people": ("missed", people, counts["people"]),
        "false positives": ("false", shown, counts["shown"]),
        "duplicates": ("duplicate", shown, counts["shown"]),
        "merged people": ("merged", people, counts["people"]),
        "scores": ("low score", people, counts["people"]),
        "jitter": ("jitter", points, counts["keypoints"]),
        "inversions": ("inversion", points, counts["keypoints"]),
        "swaps": ("swap", points, counts["keypoints"]),
        "misses": ("miss", points, counts["keypoints"]),
    }
    rows = []
    for cost in report["costs"]:
        key, whole, total = of.get(cost["kind"], (None, "", 0))
        counted = [str(counts[key]), whole, _percent(counts[key] / total if total else None)] if key else ["", "", ""]
        rows.append([cost["kind"], *counted, _figure(cost["ap"]), _gain(cost["ap"], metrics["ap"])])
    what = ["error", "count", "of", "share", "AP if corrected", "gain"]
    by_group = [
        [
            group["name"],
            str(group["people"]),
            _figure(group["ap"]),
            *(_percent(group[key]) for key in (*(kind.value for kind in PersonKind), "merged")),
            *(_percent(group[_KEYPOINT_NAMES[kind]]) for kind in _WRONG),
            _percent(group["lost"]),
        ]
        for group in report["groups"]
    ]
    columns = ("found", "low", "wrong", "missed", "merged", "jitter", "inversion", "swap", "miss", "lost")
    worst = [[str(p["image_id"]), f"{p['lost']:.1f}", p["causes"]] for p in report["worst_photos"]]
    of_sizes = ", ".join(f"AP {name} {_figure(metrics[f'ap_{name}'])}" for name in ("medium", "large"))
    return "\n\n".join(
        [
            f"AP {_figure(metrics['ap'])}, {of_sizes}; people are shown from score {threshold:g}",
            table(what, rows, markdown=True),
            f"Of the {counts['miss']} misses, {counts['miss_unsure']} have a low keypoint score "
            f"(below {_UNSURE:g}), and {counts['miss_occluded']} are annotated as occluded.",
            table(["people", "n", "AP", *columns], by_group, markdown=True),
            table(["worst photos", "lost", "what went wrong"], worst, markdown=True),
        ]
    )


def _counts(photos: Sequence[PhotoErrors], people: Sequence[Person], threshold: float) -> dict[str, int]:
    kinds = Counter(person.photo.person_kind(person.index, threshold) for person in people)
    keypoints = Counter(kind for person in people for kind in person.photo.keypoint_kinds[person.index].tolist())
    detections = {kind: sum(len(photo.shown(kind, threshold)) for photo in photos) for kind in DetectionKind}
    return {
        "photos": len(photos),
        "people": len(people),
        **{kind.value: kinds[kind] for kind in PersonKind},
        "merged": sum(_is_merged(person, threshold) for person in people),
        "shown": sum(detections.values()),
        **{kind.name.lower(): detections[kind] for kind in DetectionKind},
        "keypoints": sum(keypoints[kind] for kind in _KEYPOINT_NAMES),
        **{name: keypoints[kind] for kind, name in _KEYPOINT_NAMES.items()},
        **_misses(people),
    }


def _misses(people: Sequence[Person]) -> dict[str, int]:
    """How many misses have a low keypoint score, and how many are annotated as occluded."""
    unsure = occluded = 0
    for person in people:
        photo, i = person.photo, person.index
        missed = photo.keypoint_kinds[i] == KeypointKind.MISS
        unsure += int((photo.keypoints[photo.detections[i], missed, 2] < _UNSURE).sum()) if missed.any() else 0
        occluded += int((photo.people.keypoints[i, missed, 2] == 1).sum())
    return {"miss_unsure": unsure, "miss_occluded": occluded}


def _shares(people: Sequence[Person], threshold: float) -> dict[str, Any]:
    """Of some people: how many are found, what is wrong with their keypoints, and the similarity lost."""
    counts = _counts([], people, threshold)
    found = [person.photo.person_oks(person.index, threshold) for person in people]
    return {
        "people": len(people),
        **{key: _share(counts[key], len(people)) for key in (*(kind.value for kind in PersonKind), "merged")},
        **{name: _share(counts[name], counts["keypoints"]) for name in _KEYPOINT_NAMES.values()},
        "lost_similarity": sum(1 - oks for oks in found),
    }


def _by_name(people: Sequence[Person], skeleton: Skeleton) -> dict[str, dict[str, Any]]:
    """Of each keypoint: how many were judged, and the shares of the kinds."""
    kinds = np.array([person.photo.keypoint_kinds[person.index] for person in people], dtype=int)
    kinds = kinds.reshape(-1, skeleton.num_keypoints)
    judged = (kinds != KeypointKind.UNKNOWN).sum(axis=0)
    return {
        name: {
            "judged": int(judged[k]),
            **{what: _share(int((kinds[:, k] == kind).sum()), judged[k]) for kind, what in _KEYPOINT_NAMES.items()},
        }
        for k, name in enumerate(skeleton.names)
    }


def _person(person: Person, threshold: float) -> dict[str, Any]:
    photo, i = person.photo, person.index
    detection = photo.detections[i]
    kinds = Counter(photo.keypoint_kinds[i].tolist())
    return {
        "image_id": photo.image_id,
        "box": [round(float(v), 2) for v in photo.people.boxes[i]],
        "kind": photo.person_kind(i, threshold).value,
        "oks": round(photo.person_oks(i), 4),
        "score": round(float(photo.scores[detection]), 4) if detection >= 0 else None,
        "merged": bool(photo.merged_with[i] >= 0),
        **{name: kinds[kind] for kind, name in _KEYPOINT_NAMES.items()},
        "area": round(person.area, 1),
        "crowding": person.crowding,
        "at_border": person.at_border,
        "labelled": person.labelled,
        "sharpness": round(person.sharpness, 1),
    }


def _is_shown(photo: PhotoErrors, person: int | np.integer, threshold: float) -> bool:
    detection = photo.detections[person]
    return bool(detection >= 0 and photo.scores[detection] >= threshold)


def _is_merged(person: Person, threshold: float) -> bool:
    return bool(person.photo.merged_with[person.index] >= 0) and _is_shown(person.photo, person.index, threshold)


def _share(part: float, whole: float) -> float | None:
    return round(float(part / whole), 4) if whole else None


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _gain(corrected: float | None, present: float | None) -> str:
    return "–" if corrected is None or present is None else f"{corrected - present:+.3f}"
