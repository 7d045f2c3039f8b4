"""Appearance: colours are those of the clothes, and known only where nobody else may be in front."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import STANDING

from strongpose.poses import Poses
from strongpose.video import Appearances
from strongpose.video.appearance import colour_distances

RED, BLUE, DARK_BLUE = (200, 40, 40), (40, 40, 200), (40, 40, 180)


def dressed(*people, size=(200, 500)):
    """A grey picture of standing people, (x, colour) each, who are painted in one colour; and their poses."""
    image = np.full((*size, 3), 128, np.uint8)
    points = np.zeros((len(people), 17, 3))
    for row, (x, colour) in zip(points, people, strict=True):
        row[:, :2], row[:, 2] = STANDING * 150.0 + [x, 20], 0.8
        low, high = row[5:15, :2].min(axis=0).astype(int), row[5:15, :2].max(axis=0).astype(int)
        image[max(0, low[1] - 5) : high[1] + 5, max(0, low[0] - 5) : high[0] + 5] = colour
    return image, Poses(points, np.full(len(people), 0.7))


def test_people_in_the_same_colour_are_alike_and_others_are_not():
    looks = Appearances.of(*dressed((50, RED), (200, BLUE), (350, DARK_BLUE)))
    assert looks.unoccluded.all()
    np.testing.assert_allclose(looks.histograms.sum(axis=-1), 1)
    distances = colour_distances(looks.histograms, looks.histograms)
    np.testing.assert_allclose(np.diag(distances), 0, atol=1e-9)
    assert distances[1, 2] < 0.1 < 0.4 < distances[0, 1]


def test_who_is_overlapped_unsure_or_outside_the_image_is_not_sure_to_be_seen():
    image, poses = dressed((50, RED), (75, BLUE), (300, RED))
    assert Appearances.of(image, poses).unoccluded.tolist() == [False, False, True]
    unsure = poses.keypoints.copy()
    unsure[2, 5, 2] = 0.1
    assert not Appearances.of(image, Poses(unsure, poses.scores)).unoccluded[2]
    outside = poses.keypoints + np.array([1000.0, 0, 0])
    looks = Appearances.of(image, Poses(outside, poses.scores))
    assert not looks.unoccluded.any() and not looks.histograms.any()


def test_what_is_not_known_is_alike():
    looks = Appearances.of(*dressed((50, RED)))
    unknown = Appearances.unknown(2)
    assert colour_distances(looks.histograms, unknown.histograms).tolist() == [[0, 0]]
    assert Appearances.of(np.zeros((9, 9, 3), np.uint8), Poses.empty()).histograms.shape == (0, 2, 64)


@pytest.mark.parametrize("level", [0, 255])
def test_the_ends_of_the_colour_scale_have_a_bin(level):
    looks = Appearances.of(*dressed((50, (level, level, level))))
    assert looks.histograms[0].max() == pytest.approx(1)
