"""Several sizes: each person once, at the size that suits best."""

from __future__ import annotations

import numpy as np
import pytest

from strongpose import StrongPose
from strongpose.images import FittedImage, fit_image
from strongpose.inference.multi_scale import merge
from strongpose.poses import Poses

PHOTO = (600, 800)
SIZES = (400, 800)
"""Half of the photo's pixels, and as they are."""


def fitted(size: int) -> FittedImage:
    return fit_image(np.zeros((*PHOTO, 3), np.uint8), size, 8)


def person(x: float, y: float, height: float, score: float, seed: int = 0) -> tuple[np.ndarray, float]:
    """Keypoints (17, 3) in a box of ``height`` and half as wide, all sure, and the person's score."""
    shape = np.random.default_rng(seed).random((17, 2))
    shape = (shape - shape.min(0)) / np.ptp(shape, axis=0)
    return np.append(shape * [height / 2, height] + [x, y], np.ones((17, 1)), axis=1), score


def merged(*people: list[tuple[np.ndarray, float]], sizes: tuple[int, ...] = SIZES) -> Poses:
    found = []
    for size, some in zip(sizes, people, strict=True):
        keypoints = np.array([points for points, _ in some]).reshape(-1, 17, 3)
        found.append((Poses(keypoints, np.array([score for _, score in some])), fitted(size)))
    return merge(found)


def corners(poses: Poses) -> list[tuple[int, int]]:
    return [(round(x), round(y)) for x, y in poses.boxes[:, :2]]


def test_of_two_poses_of_one_person_the_better_stays():
    for small, large in ((0.7, 0.4), (0.4, 0.7)):
        poses = merged([person(100, 50, 400, small)], [person(103, 52, 402, large)])
        assert poses.scores == pytest.approx([0.7])
        assert corners(poses) == [(100, 50) if small == 0.7 else (103, 52)]


def test_people_whom_only_one_size_shows_stay():
    close, far = person(100, 50, 500, 0.6), person(600, 300, 90, 0.5, seed=1)
    poses = merged([close], [far])
    assert corners(poses) == [(100, 50), (600, 300)]
    assert poses.scores == pytest.approx([0.6, 0.5])
    assert corners(merged([], [far])) == [(600, 300)]
    assert corners(merged([close], [])) == [(100, 50)]
    assert len(merged([], [])) == 0


@pytest.mark.parametrize(("height", "stays"), [(190, False), (210, True)])
def test_people_who_are_small_at_a_size_are_left_to_larger_ones(height, stays):
    """100 pixels of the input are 200 of the photo at half the size."""
    assert len(merged([person(100, 50, height, 0.9)], [])) == stays
    assert len(merged([], [person(100, 50, height, 0.9)])) == 1


def test_two_people_of_one_size_are_not_compared():
    """Duplicates within a size are the decoder's work, and it let both stay."""
    pair = [person(100, 50, 400, 0.7), person(104, 52, 400, 0.6)]
    assert len(merged([], pair)) == len(merged(pair, [])) == 2
    assert merged(pair, [person(101, 50, 400, 0.65)]).scores == pytest.approx([0.7, 0.6])
    assert merged(pair, [person(101, 50, 400, 0.8)]).scores == pytest.approx([0.8])


def test_one_size_is_left_as_it_is():
    pair = [person(100, 50, 40, 0.6), person(104, 52, 400, 0.7)]
    poses = merged(pair, sizes=(400,))
    assert poses.scores == pytest.approx([0.6, 0.7])


def test_somebody_found_at_three_sizes_is_one():
    poses = merged(
        [person(100, 50, 500, 0.5)], [person(101, 51, 500, 0.6)], [person(99, 50, 501, 0.4)], sizes=(300, 400, 800)
    )
    assert poses.scores == pytest.approx([0.6])


@pytest.mark.parametrize("model", ["base", "accurate"])
@pytest.mark.parametrize(
    ("name", "left", "right"),
    [("astronaut", (319, 275), (97, 270)), ("cameraman", (205, 198), (97, 169))],
    ids=["astronaut", "cameraman"],
)
def test_people_who_fill_the_photo_are_found_at_the_default_settings(model, name, left, right):
    """At the full size alone, little more than a face; places of the shoulders in pixels, by eye."""
    best = StrongPose.from_pretrained(model)(f"tests/photos/{name}.jpg")[0]
    assert best.score > 0.4
    for keypoint, place in (("left_shoulder", left), ("right_shoulder", right)):
        x, y, score = best[keypoint]
        assert np.hypot(x - place[0], y - place[1]) < 30
        assert score > 0.2
