"""Complete a data set: people without keypoints get those that an enlarged crop shows, or become ignore regions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from strongpose.annotate.closer_look import AnnotateOptions, Proposal, fit_to_box, propose
from strongpose.annotations import other_size, people_categories
from strongpose.annotations.person import checked_person
from strongpose.exceptions import ImageError
from strongpose.inference import StrongPose
from strongpose.oks import AREA_SHARE
from strongpose.poses import Poses
from strongpose.skeleton import Skeleton

__all__ = ["Annotated", "complete_annotations"]

_NEW = "strongpose"
_LABELS = ("keypoints", "num_keypoints", "iscrowd")
_FILLED = 0.3  # intersection over union of a pose and a region from which the region is one person, not a crowd


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
    "strongpose"; where none is sure they become ignore regions: "ignore" and ``iscrowd`` 1, which training
    masks out of its losses. Regions that the file's ``keypoint_source`` calls "ignore" are looked at with
    ``options.again``: a sure pose that fills one (intersection over union of at least .3) makes it a person,
    otherwise it stays as it is. ``data`` is not changed.

    Args:
        estimator: looks at the crops.
        data: the content of a COCO keypoint annotation file, checked by `read_annotations`.
        open_photo: (H, W, 3) uint8 RGB of an image's ``file_name``.
        options: what counts as sure.
        detector: looks at whole photos for people whom nobody annotated, and who score as much as ``options`` want,
            whatever its threshold; left out, they stay unknown.
        progress: called after every photo with the number done and the total.

    Raises:
        strongpose.exceptions.ModelError: if the network cannot be run.
    """
    options = options or AnnotateOptions()
    detector = detector and detector.with_threshold(0)
    skeleton = estimator.info.skeleton
    categories = [category["id"] for category in people_categories(data, "annotations", skeleton)]
    people: dict[Any, list[int]] = {image["id"]: [] for image in data["images"]}
    result = list(data["annotations"])
    checked: dict[int, dict[str, Any]] = {}
    for i, person in enumerate(result):
        if person.get("category_id", categories[0]) in categories:
            checked[i] = checked_person(person, skeleton.num_keypoints, f"annotation {i}", Counter())
            people[person["image_id"]].append(i)
    next_id = 1 + max((p["id"] for p in result if isinstance(p.get("id"), int)), default=0)
    errors: list[ImageError] = []
    for done, image in enumerate(data["images"], start=1):
        indices = people[image["id"]]
        here = [checked[i] for i in indices]
        try:
            if detector is not None or any(_is_undefined(person, options.again) for person in here):
                photo = _open_as_annotated(image, open_photo)
                here = here + (_unknown_people(detector(photo), here, image["id"], options) if detector else [])
                here = _complete(estimator, photo, here, skeleton, options)
        except ImageError as error:
            errors.append(error)
            progress(done, len(data["images"]))
            continue
        for i, person in zip(indices, here, strict=False):
            labels = {key: person[key] for key in _LABELS} if person != checked[i] else {}
            result[i] = {**result[i], **labels, **_origin(person)}
        for person in here[len(indices) :]:
            result.append({**person, "id": next_id, "category_id": categories[0]})
            next_id += 1
        progress(done, len(data["images"]))
    sources = [str(p["keypoint_source"]) for p in result if p.get("keypoint_source")]
    counts = {source: sources.count(source) for source in sorted(set(sources))}
    return Annotated({**data, "annotations": result}, counts, errors)


def _open_as_annotated(image: Mapping[str, Any], open_photo: Callable[[str], np.ndarray]) -> np.ndarray:
    """The photo of an image; an `ImageError` where boxes are about pixels of a photo of another size."""
    photo = open_photo(image["file_name"])
    wrong = other_size(image, image["file_name"], (photo.shape[1], photo.shape[0]))
    if wrong is not None:
        raise ImageError(str(wrong))
    return photo


def _is_undefined(person: Mapping[str, Any], again: bool) -> bool:
    """Whether nobody knows a person's keypoints, and somebody may find them."""
    if person.get("iscrowd"):
        return again and person.get("keypoint_source") == "ignore"
    return not _has_keypoints(person)


def _has_keypoints(person: Mapping[str, Any]) -> bool:
    return any(v > 0 for v in (person.get("keypoints") or [])[2::3])


def _origin(person: Mapping[str, Any]) -> dict[str, Any]:
    """Where an annotation is from, and how sure it is."""
    source = "human" if _has_keypoints(person) and not person.get("iscrowd") else "ignore"
    sure = {"keypoint_score": person["keypoint_score"]} if "keypoint_score" in person else {}
    return {"keypoint_source": person.get("keypoint_source", source), **sure}


def _complete(
    estimator: StrongPose,
    photo: np.ndarray,
    people: Sequence[Mapping[str, Any]],
    skeleton: Skeleton,
    options: AnnotateOptions,
) -> list[dict[str, Any]]:
    """The people of a photo, those without keypoints with the ones found or as ignore regions."""
    k = skeleton.num_keypoints
    undefined = [i for i, person in enumerate(people) if _is_undefined(person, options.again)]
    boxes = np.array([people[i]["bbox"] for i in undefined], dtype=float).reshape(-1, 4)
    labelled = [p["keypoints"] for p in people if _has_keypoints(p) and not p.get("iscrowd")]
    known = np.array(labelled, dtype=float).reshape(-1, k, 3)
    least = [
        max(_FILLED, options.least_overlap) if people[i].get("iscrowd") else options.least_overlap for i in undefined
    ]
    proposals = propose(estimator, photo, boxes, known, options, np.array(least))
    result = [dict(person) for person in people]
    for i, proposal in zip(undefined, proposals, strict=True):
        labels = _labels(proposal, options, k)
        if not (people[i].get("iscrowd") and labels["iscrowd"]):
            result[i] |= labels
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
        fits = [
            fit_to_box(one, np.array(person["bbox"], dtype=float), options.least_keypoint_score) for person in people
        ]
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
