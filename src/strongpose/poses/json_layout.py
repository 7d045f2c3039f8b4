"""The JSON layout of poses: ``{"version", …, "people": [{"score", "box", "keypoints": {name: [x, y, score]}}]}``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from strongpose.exceptions import ImageError
from strongpose.poses.numbers import keypoint_row, rounded
from strongpose.poses.poses import Poses
from strongpose.skeleton import Skeleton

__all__ = ["VERSION", "describe_people", "describe_poses", "poses_from_json", "poses_to_json"]

VERSION = 1
"""Of the layout; it rises when a reader of the present one would misread the next."""


def describe_people(poses: Poses, details: Iterable[Mapping[str, Any]] | None = None) -> list[dict[str, Any]]:
    """Each person as a JSON object: score, box (x0, y0, x1, y1) and keypoints (x, y, score) by name, in pixels.

    Args:
        poses: N people.
        details: N times more facts about a person, for example ``{"id": 7}`` of a track.

    Raises:
        ValueError: if there are not as many ``details`` as people.
    """
    more = [{}] * len(poses) if details is None else [dict(facts) for facts in details]
    if len(more) != len(poses):
        raise ValueError(f"expected details of {len(poses)} people, got {len(more)}")
    names = poses.skeleton.names
    return [
        {
            "score": round(person.score, 6),
            "box": rounded(person.box),
            "keypoints": {name: rounded(row) for name, row in zip(names, person.keypoints, strict=True)},
            **facts,
        }
        for person, facts in zip(poses, more, strict=True)
    ]


def describe_poses(
    poses: Poses, about: Mapping[str, Any] | None = None, details: Iterable[Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """The poses of a photo as a JSON object: version, the facts in ``about``, skeleton and people.

    Args:
        poses: N people.
        about: facts about the photo, for example ``{"photo": "beach.jpg", "width": 640, "height": 480}``.
        details: N times more facts about a person.

    Raises:
        ValueError: if there are not as many ``details`` as people.
    """
    skeleton, people = poses.skeleton.to_dict(), describe_people(poses, details)
    return {"version": VERSION, **(about or {}), "skeleton": skeleton, "people": people}


def poses_to_json(
    poses: Poses, about: Mapping[str, Any] | None = None, details: Iterable[Mapping[str, Any]] | None = None
) -> str:
    """The poses of a photo as a JSON text, a line for each person; see `Poses.to_json`."""
    facts = describe_poses(poses, about, details)
    people = [json.dumps(person) for person in facts.pop("people")]
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in facts.items()]
    lines.append('"people": [' + ",".join(f"\n  {person}" for person in people) + "]")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def poses_from_json(text: str) -> Poses:
    """The poses in a JSON text; see `Poses.from_json`."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(data, dict) or "skeleton" not in data or not isinstance(data.get("people"), list):
        raise ValueError("expected a JSON object with 'skeleton' and a list 'people', as Poses.to_json writes it")
    if data.get("version") != VERSION:
        raise ValueError(f"expected version {VERSION} of the layout, got {data.get('version')!r}")
    skeleton = Skeleton.from_dict(data["skeleton"])
    rows, scores, boxes = [], [], []
    for i, person in enumerate(data["people"]):
        try:
            named, score, box = dict(person["keypoints"]), float(person["score"]), person["box"]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"person {i} needs 'keypoints' by name, a number 'score' and a 'box': {error!r}"
            ) from error
        if set(named) != set(skeleton.names):
            odd = sorted(set(named) ^ set(skeleton.names))
            raise ValueError(f"person {i}: keypoint names differ from those of skeleton {skeleton.name!r}: {odd}")
        rows.append(keypoint_row([named[name] for name in skeleton.names], skeleton, f"person {i}"))
        scores.append(score)
        boxes.append(box)
    poses = Poses(np.stack(rows), np.array(scores), skeleton, np.array(boxes)) if rows else Poses.empty(skeleton)
    photo, failure = data.get("photo"), data.get("error")
    return replace(poses, photo=Path(photo) if photo else None, error=ImageError(failure) if failure else None)
