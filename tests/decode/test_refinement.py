import numpy as np
import pytest
from drawn import CHAIN, crowd, empty, encoded

from strongpose.decode import DecodeOptions, decode
from strongpose.decode.refinement import ITERATIONS, refine_points

A, B, C = range(3)


def votes(*cells):
    """Fields in which cells (row, column) vote for points x, y of keypoint a with some heat."""
    fields = empty((9, 12), skeleton=CHAIN)
    for (row, column), heat, point in cells:
        fields.heatmaps[A, row, column] = heat
        fields.offsets[A, :, row, column] = np.array(point) - (8 * column, 8 * row)
    return fields


def refined(fields, *point, width=4.0):
    points = np.full((1, 3, 2), 40.0)
    points[0, A] = point
    return refine_points(fields, points, np.array([width]), disk_radius=16, vote_threshold=0.1)[0]


def test_one_vote_takes_the_keypoint_along():
    points = refined(votes(((4, 5), 0.5, (43, 30))), 41, 32)
    np.testing.assert_allclose(points[A], [43, 30], atol=1e-4)
    np.testing.assert_array_equal(points[[B, C]], 40)  # nobody votes for b and c


def test_equal_votes_meet_in_the_middle():
    fields = votes(((4, 5), 0.5, (38, 32)), ((4, 6), 0.5, (42, 32)))
    np.testing.assert_allclose(refined(fields, 40, 32)[A], [40, 32], atol=1e-4)


def test_heat_weighs_votes():
    """A wide Gaussian leaves the mean weighted by heat: (3 · 38 + 1 · 42) / 4."""
    fields = votes(((4, 5), 0.6, (38, 32)), ((4, 6), 0.2, (42, 32)))
    np.testing.assert_allclose(refined(fields, 40, 32, width=1000)[A], [39, 32], atol=1e-3)


def test_each_step_weighs_votes_by_their_distance():
    """Votes for x = 0 and 6 px away from the point, Gaussian of 4 px, by hand."""
    fields = votes(((4, 5), 0.5, (40, 32)), ((4, 6), 0.5, (46, 32)))
    x = 1.0
    for _ in range(ITERATIONS):
        near, far = np.exp(-(x**2) / 32), np.exp(-((6 - x) ** 2) / 32)
        x = 6 * far / (near + far)
    np.testing.assert_allclose(refined(fields, 41, 32)[A], [40 + x, 32], atol=1e-4)


def test_votes_for_another_place_do_not_pull():
    fields = votes(((4, 5), 0.5, (40, 32)), ((4, 6), 1.0, (64, 32)))
    np.testing.assert_allclose(refined(fields, 41, 32)[A], [40, 32], atol=1e-3)


@pytest.mark.parametrize(
    ("cell", "heat", "point"),
    [
        ((4, 5), 0.09, (43, 32)),  # too cold to vote
        ((4, 8), 0.90, (43, 32)),  # farther away than the disk
        ((4, 5), 0.90, (60, 32)),  # for another place
    ],
)
def test_a_keypoint_without_votes_near_stays(cell, heat, point):
    assert refined(votes((cell, heat, point)), 40.25, 32.5)[A].tolist() == [40.25, 32.5]


@pytest.mark.parametrize("point", [(-40, 10), (1, -9), (500, 500)])
def test_keypoints_outside_of_the_map_stay(point):
    fields = votes(((0, 0), 0.9, (4, 4)), ((8, 11), 0.9, (88, 64)))
    assert refined(fields, *point)[A].tolist() == list(point)


def test_nobody_is_refined():
    assert refine_points(votes(), np.zeros((0, 3, 2)), np.zeros(0), 16, 0.1).shape == (0, 3, 2)


def test_refinement_finds_drawn_people_in_noise_more_exactly():
    rng = np.random.default_rng(0)
    drawn = crowd(rng, 4, 641)
    fields = encoded(drawn, (81, 81))
    fields.offsets[...] += rng.normal(0, 3, fields.offsets.shape)
    miss = []
    for width in (0, 0.08):
        points = decode(fields, DecodeOptions(refinement_width=width)).keypoints[:, None, :, :2]
        miss.append(np.linalg.norm(points - drawn[None, ..., :2], axis=-1).mean(axis=2).min(axis=0).mean())
    assert miss[0] > 2  # px
    assert miss[1] < 0.6 * miss[0]
