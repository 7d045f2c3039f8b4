"""Swapped sides are found, and right ones left alone, at any angle and size."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import STANDING

from strongpose.data.check.sides import doubtful_sides
from strongpose.skeleton import COCO
from strongpose.skeletons import load_skeleton


def standing(height=200.0, degrees=0.0):
    """(17, 3) a person who faces the camera."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.concatenate([STANDING * height @ turn.T + 300, np.full((17, 1), 2.0)], axis=1)


def swapped(keypoints, *parts):
    keypoints = keypoints.copy()
    for part in parts:
        pair = [COCO.names.index(f"{side}_{part}") for side in ("left", "right")]
        keypoints[pair] = keypoints[pair[::-1]]
    return keypoints


BODY = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")


@pytest.mark.parametrize("degrees", [0, 75, 180, 290])
def test_a_right_person_is_left_alone(degrees):
    assert doubtful_sides(standing(degrees=degrees), COCO) == []
    from_behind = swapped(standing(degrees=degrees), *BODY, "ear")
    from_behind[:3, 2] = 0  # no nose, no eyes
    assert doubtful_sides(from_behind, COCO) == []


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("eye",), "left and right of the face are swapped"),
        (BODY, "shoulders against eyes"),
        (("hip", "knee", "ankle"), "hips against shoulders"),
        (("hip",), "hips against shoulders"),
        (("shoulder", "elbow", "wrist"), "hips against shoulders"),
    ],
)
@pytest.mark.parametrize("degrees", [0, 120])
def test_swapped_parts_are_found(parts, text, degrees):
    doubts = doubtful_sides(swapped(standing(degrees=degrees), *parts), COCO)
    assert text in [doubt.text for doubt in doubts]


def test_knees_are_found_where_they_are_far_apart():
    squatting = standing()
    for name, x, y in (
        ("left_knee", 370, 420),
        ("right_knee", 230, 420),
        ("left_ankle", 365, 450),
        ("right_ankle", 235, 450),
        ("left_hip", 318, 410),
        ("right_hip", 282, 410),
    ):
        squatting[COCO.names.index(name), :2] = x, y
    assert doubtful_sides(squatting, COCO) == []
    (doubt,) = doubtful_sides(swapped(squatting, "knee"), COCO)
    assert doubt.text.startswith("knees against their limbs (")
    assert doubt.keypoints == (13, 14)


def test_what_is_not_labelled_or_too_small_raises_no_doubt():
    person = swapped(standing(), *BODY)
    person[:5, 2] = 0  # no face
    assert doubtful_sides(person, COCO) == []
    tiny = swapped(standing(height=40.0), "eye")  # eyes two pixels apart
    assert doubtful_sides(tiny, COCO) == []
    assert doubtful_sides(np.zeros((17, 3)), COCO) == []


def test_other_skeletons():
    lsp14 = load_skeleton("lsp14")
    person = np.zeros((14, 3))
    coco = swapped(standing(), "hip")
    for k, name in enumerate(lsp14.names[:12]):
        person[k] = coco[COCO.names.index(name)]
    assert [doubt.text for doubt in doubtful_sides(person, lsp14)] == ["hips against shoulders"]
