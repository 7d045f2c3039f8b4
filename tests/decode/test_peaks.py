import numpy as np
import pytest
from drawn import empty, encoded, person

from strongpose.decode import DecodeOptions
from strongpose.decode.peaks import (
    MARGIN,
    MAX_SEEDS,
    filter_votes,
    find_seeds,
    hough_votes,
    local_maxima,
    vote_centroids,
)


def framed(maps):
    """(K, h, w) maps with a frame of zeros."""
    return np.pad(np.asarray(maps, np.float32), ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)))


def inside(maps):
    """Framed maps without the frame, which must be empty."""
    inner = maps[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    assert maps.sum() == pytest.approx(inner.sum())
    return inner


def places(cells, shape):
    """[map, row, column] of indices into flattened framed maps of inner (K, h, w) shape."""
    k, h, w = shape
    return (np.stack(np.unravel_index(cells, (k, h + 2 * MARGIN, w + 2 * MARGIN)), 1) - [0, MARGIN, MARGIN]).tolist()


def one_vote(x_offset, y_offset, heat=1.0, cell=(2, 3)):
    heatmaps = np.zeros((2, 6, 7), np.float32)
    offsets = np.zeros((2, 2, 6, 7), np.float32)
    heatmaps[(1, *cell)] = heat
    offsets[(1, slice(None), *cell)] = x_offset, y_offset
    return inside(hough_votes(heatmaps, offsets, stride=8, threshold=0.05))


def test_a_cell_votes_for_the_point_its_offset_leads_to():
    votes = one_vote(16, -8, heat=0.5)  # from column 3, row 2: two cells right, one up
    assert votes.shape == (2, 6, 7)
    assert votes[1, 1, 5] == 0.5
    assert votes.sum() == 0.5


def test_a_vote_between_cells_is_shared_bilinearly():
    votes = one_vote(2, 4)  # a quarter of a cell right, half a cell down
    np.testing.assert_allclose(votes[1, 2:4, 3:5], [[0.375, 0.125], [0.375, 0.125]])
    assert votes.sum() == pytest.approx(1)


def test_votes_of_several_cells_add_up():
    heatmaps = np.full((1, 1, 3), 0.5, np.float32)
    offsets = np.zeros((1, 2, 1, 3), np.float32)
    offsets[0, 0, 0] = 8, 0, -8
    np.testing.assert_array_equal(inside(hough_votes(heatmaps, offsets, 8, 0.05))[0, 0], [0, 1.5, 0])


@pytest.mark.parametrize("offset", [(-40, 0), (40, 0), (0, -40), (0, 40), (1e6, 1e6)])
def test_votes_outside_of_the_map_are_lost(offset):
    assert one_vote(*offset).sum() == 0


def test_half_a_vote_beyond_the_border_stays():
    assert one_vote(-4, 0, cell=(2, 0))[1, 2, 0] == 0.5


def test_cells_below_the_threshold_do_not_vote():
    assert one_vote(0, 0, heat=0.04).sum() == 0


@pytest.mark.parametrize("sigma", [0.7, 1.0])
@pytest.mark.parametrize("stride", [2, 4, 8])
def test_a_perfect_keypoint_on_a_cell_has_height_one(stride, sigma):
    people = person(160, 160, 300)
    people[0, :2] = 160
    fields = encoded(people[None], (320 // stride + 1,) * 2, stride, disk_radius=16.0)
    votes = hough_votes(fields.heatmaps, fields.offsets, stride, 0.05)
    heights = inside(filter_votes(votes, stride, 16.0, sigma))
    assert heights.max() == pytest.approx(1, abs=0.05)
    assert heights[0, 160 // stride, 160 // stride] == pytest.approx(1, abs=0.05)


def maxima(heights, threshold=0.1):
    maps = np.array(heights, np.float32)[None]
    return [(row, column) for _, row, column in places(local_maxima(framed(maps), threshold), maps.shape)]


def test_maxima_are_found_also_at_corners_and_borders():
    heights = [[0.9, 0, 0, 0], [0, 0, 0, 0.5], [0, 0, 0, 0], [0.3, 0, 0, 0.8]]
    assert maxima(heights) == [(0, 0), (1, 3), (3, 0), (3, 3)]


def test_a_linear_ramp_has_one_maximum_at_its_top():
    assert maxima([[0.2, 0.4, 0.6, 0.8]]) == [(0, 3)]
    assert maxima([[0.2, 0.3, 0.4], [0.3, 0.4, 0.5], [0.4, 0.5, 0.6]]) == [(2, 2)]


def test_of_equal_neighbours_the_first_in_reading_order_wins():
    assert maxima([[0, 0.5, 0.5, 0]]) == [(0, 1)]
    assert maxima([[0, 0], [0.5, 0], [0, 0.5]]) == [(1, 0)]  # diagonal
    assert maxima([[0.5, 0.5], [0.5, 0.5]]) == [(0, 0)]


def test_equal_maxima_apart_are_both_found():
    assert maxima([[0.5, 0, 0.5]]) == [(0, 0), (0, 2)]


def test_the_threshold_and_zero_maps_give_no_maxima():
    assert maxima([[0.09, 0], [0, 0]]) == []
    assert maxima(np.zeros((4, 4)), threshold=0.0) == []


def test_a_height_on_the_threshold_is_a_maximum():
    assert maxima([[0.5, 0, 0.4999]], threshold=0.5) == [(0, 0)]
    at, below = one_vote(0, 0, heat=0.0625), one_vote(0, 0, heat=np.nextafter(np.float32(0.05), np.float32(0)))
    assert at.sum() == 0.0625
    assert below.sum() == 0


@pytest.mark.parametrize("sigma", [0.7, 1.0])
def test_the_filter_is_a_gaussian(sigma):
    votes = np.zeros((1, 5, 5), np.float32)
    votes[0, 2, 2] = np.pi * 4  # as many votes as a disk of two cells has
    row, column = np.mgrid[-2:3, -2:3]
    expected = np.exp(-(row**2 + column**2) / (2 * sigma**2))
    smooth = filter_votes(framed(votes), 8, 16.0, sigma)[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    np.testing.assert_allclose(smooth[0], expected, atol=1e-6)
    corner = filter_votes(framed(np.roll(votes, (-2, -2), (1, 2))), 8, 16.0, sigma)
    np.testing.assert_allclose(inside(corner)[0, :3, :3], expected[2:, 2:], atol=1e-6)


def test_the_centroid_of_votes_is_where_they_meet():
    votes = one_vote(2, 4) + one_vote(2, 4, cell=(4, 5))  # both a quarter of a cell right, half a cell down
    keypoint, row, column = np.array([[1, 2, 3], [1, 5, 5], [0, 0, 0]]).T
    cells = np.ravel_multi_index((keypoint, row + MARGIN, column + MARGIN), framed(votes).shape)
    points = vote_centroids(framed(votes), cells)
    np.testing.assert_allclose(points, [[3.25, 2.5], [5.25, 4.5], [0, 0]])


def test_maps_do_not_disturb_each_other():
    maps = np.zeros((2, 3, 3), np.float32)
    maps[:, 1, 1] = 0.4, 0.6
    maps[:, 1, 2] = 0.5, 0.1
    assert places(local_maxima(framed(maps), 0.1), maps.shape) == [[0, 1, 2], [1, 1, 1]]
    votes = np.zeros((3, 2, 2), np.float32)
    votes[1, 0, 0] = 1
    smooth = inside(filter_votes(framed(votes), 8, 16.0, 1.0))
    assert smooth[1].min() > 0
    assert smooth[[0, 2]].max() == 0


def test_skeletons_may_have_many_keypoints():
    heatmaps = np.zeros((600, 3, 3), np.float32)
    heatmaps[599, 1, 2] = 1
    heights = filter_votes(hough_votes(heatmaps, np.zeros((600, 2, 3, 3), np.float32), 8, 0.1), 8, 16.0, 0.7)
    assert places(local_maxima(heights, 0.01), heatmaps.shape) == [[599, 1, 2]]


def seeds_of(fields, **options):
    return find_seeds(fields, DecodeOptions(**{"vote_threshold": 0.05, "seed_threshold": 0.03} | options))


def test_seeds_come_strongest_first():
    fields = empty((9, 9))
    for keypoint, x, heat in ((3, 1, 0.4), (0, 4, 0.9), (5, 7, 0.6)):
        fields.heatmaps[keypoint, 4, x] = heat
    seeds = seeds_of(fields)
    assert seeds.keypoints.tolist() == [0, 5, 3]
    np.testing.assert_allclose(seeds.points, [[32, 32], [56, 32], [8, 32]], atol=1e-4)
    assert np.all(np.diff(seeds.heights) < 0)


def test_only_the_strongest_seeds_are_looked_at():
    fields = empty((31, 31))
    heat = np.linspace(0.3, 0.9, 17 * 100, dtype=np.float32).reshape(17, 10, 10)
    fields.heatmaps[:, 1::3, 1::3] = heat
    seeds = seeds_of(fields)
    assert len(seeds.keypoints) == MAX_SEEDS < heat.size
    assert seeds.keypoints.tolist() == (np.arange(heat.size)[::-1][:MAX_SEEDS] // 100).tolist()


def test_seeds_of_one_height_keep_the_order_keypoint_row_column():
    fields = empty((9, 9))
    for keypoint, row, column in ((3, 1, 1), (1, 7, 4), (1, 4, 7), (1, 4, 1), (0, 7, 7)):
        fields.heatmaps[keypoint, row, column] = 0.5
    seeds = seeds_of(fields)
    assert seeds.keypoints.tolist() == [0, 1, 1, 1, 3]
    np.testing.assert_allclose(seeds.points / 8, [[7, 7], [1, 4], [7, 4], [4, 7], [1, 1]], atol=1e-6)
    assert len(set(seeds.heights.tolist())) == 1


def test_empty_maps_have_no_seeds():
    seeds = seeds_of(empty((9, 9)))
    assert seeds.keypoints.shape == (0,)
    assert seeds.points.shape == (0, 2)


def test_the_body_gates_seeds():
    fields = empty((9, 9))
    fields.heatmaps[0, 4, 2] = fields.heatmaps[1, 4, 6] = 0.5
    fields.body[4, 6] = 0.7
    assert seeds_of(fields, body_threshold=0.5).keypoints.tolist() == [1]
    assert seeds_of(fields).keypoints.tolist() == [0, 1]


def test_without_voting_seeds_are_maxima_of_the_heat():
    fields = empty((9, 9))
    fields.heatmaps[0, 4, 5] = 1.0
    fields.offsets[0, :, 4, 5] = 16.0, -8.0  # the cell at (40, 32) points two cells right and one up
    options = {"seed_threshold": 0.05}
    np.testing.assert_allclose(seeds_of(fields, **options).points, [[56, 24]], atol=1e-3)
    np.testing.assert_allclose(seeds_of(fields, voting=False, **options).points, [[40, 32]], atol=1e-3)
