"""examples/motion.py: its words on a short film of a photo, and its rules on drawn poses."""

from __future__ import annotations

import importlib.util
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from pictures import STANDING

from strongpose import COCO
from strongpose.images import open_image
from strongpose.video import VideoWriter

EXAMPLE = Path(__file__).parents[2] / "examples" / "motion.py"


@pytest.fixture(scope="module")
def motion():
    spec = importlib.util.spec_from_file_location("motion_example", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pose(**moved):
    """(17, 3) somebody standing, 100 pixels tall, with joints put elsewhere: left_knee=(x, y) in body heights."""
    points = STANDING.copy()
    for name, place in moved.items():
        points[COCO.names.index(name)] = place
    return np.concatenate([100 * points, np.full((17, 1), 0.7)], axis=1)


def lying():
    return pose()[:, [1, 0, 2]]


def bent_over():
    points = pose()
    points[:11, :2] = points[:11, 1::-1] + [-52, 52]  # the trunk forwards, the legs below it
    return points


SEATED = {"left_knee": (0.2, 0.54), "right_knee": (0.18, 0.56), "left_ankle": (0.2, 0.76), "right_ankle": (0.18, 0.78)}


@pytest.mark.parametrize(("pixels", "expected"), [(0, ["standing"]), (10, ["standing", "walking"])])
def test_it_prints_what_somebody_in_a_film_does(motion, pixels, expected, photos, tmp_path, monkeypatch, capsys):
    photo = cv2.resize(open_image(photos / "group.jpg"), (600, 210), interpolation=cv2.INTER_AREA)
    with VideoWriter(tmp_path / "film.mp4", Fraction(10)) as writer:
        for n in range(10):
            writer.write(np.roll(photo, pixels * n, axis=1), n / 10)
    monkeypatch.setattr("sys.argv", ["motion.py", str(tmp_path / "film.mp4")])
    motion.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("person 1 ")[1] for line in lines] == expected


@pytest.mark.parametrize(
    ("keypoints", "words"),
    [
        (pose(), ("standing",)),
        (pose(**SEATED), ("sitting",)),
        (lying(), ("lying",)),
        (bent_over(), ()),
        (pose(left_wrist=(0.2, -0.1)), ("standing", "hand raised")),
    ],
    ids=["standing", "sitting", "lying", "bent over", "hand raised"],
)
def test_one_moment_is_enough_for_postures(motion, keypoints, words):
    assert motion.describe(np.zeros(1), keypoints[None]) == words


def test_walking_takes_a_while_and_hips_that_are_seen(motion):
    times = np.arange(7) / 10
    keypoints = np.stack([pose() for _ in times])
    keypoints[..., 0] += 40 * times[:, None]  # 0.4 body heights a second
    assert motion.describe(times, keypoints) == ("walking",)
    assert motion.describe(times[:4], keypoints[:4]) == ("standing",)
    keypoints[:, [11, 12], 2] = 0.1
    assert motion.describe(times, keypoints) == ()
