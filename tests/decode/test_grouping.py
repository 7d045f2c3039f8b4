import numpy as np
import pytest
from drawn import CHAIN, empty, encoded, person

from strongpose.decode import DecodeOptions
from strongpose.decode.grouping import FieldSampler, group_poses, grow
from strongpose.decode.peaks import Seeds
from strongpose.skeleton import Skeleton

A, B, C = range(3)
AB, BC, BA, CB = range(4)  # the chain's directed edges


def put(fields, keypoint, cell, heat=1.0):
    """Heat at a cell (row, column); the offsets around lead to it."""
    fields.heatmaps[(keypoint, *cell)] = heat


def link(fields, edge, start, end):
    """The displacement of a directed edge at one cell leads to another cell."""
    fields.displacements[(edge, slice(None), *start)] = 8 * (np.array(end)[::-1] - start[::-1])


def chain_fields(heats=(1.0, 1.0, 1.0)):
    """One person: a at x 16, b at x 40, c at x 64, all at y 24, on single cells."""
    fields = empty((7, 12), skeleton=CHAIN)
    cells = (3, 2), (3, 5), (3, 8)
    for keypoint, (cell, heat) in enumerate(zip(cells, heats, strict=True)):
        put(fields, keypoint, cell, heat)
    for edge, (start, end) in enumerate(((A, B), (B, C), (B, A), (C, B))):
        link(fields, edge, cells[start], cells[end])
    return fields


def grown(fields, keypoint, x, y, **options):
    points, scores, *_ = grow(FieldSampler(fields), np.array([keypoint]), np.array([[x, y]]), DecodeOptions(**options))
    return points[0], scores[0]


PERSON = [[16, 24], [40, 24], [64, 24]]


@pytest.mark.parametrize("seed", [A, B, C])
def test_a_person_grows_from_any_of_its_keypoints(seed):
    points, scores = grown(chain_fields((0.5, 0.7, 0.9)), seed, *PERSON[seed])
    np.testing.assert_array_equal(points, PERSON)
    np.testing.assert_allclose(scores, [0.5, 0.7, 0.9])


def test_all_seeds_grow_at_once_as_each_grows_alone():
    fields = chain_fields((0.5, 0.7, 0.9))
    seeds = np.array([A, C, B]), np.array([[16, 24], [64, 24], [44, 22]], np.float32)
    points, scores, *_ = grow(FieldSampler(fields), *seeds, DecodeOptions())
    for i in range(3):
        alone = grown(fields, int(seeds[0][i]), *seeds[1][i])
        np.testing.assert_array_equal(points[i], alone[0])
        np.testing.assert_array_equal(scores[i], alone[1])


def test_a_vector_starts_at_its_cell_and_not_at_the_point_looked_up():
    points, _ = grown(chain_fields(), A, 19, 22, refinements=0)  # 3 px right, 2 px above the cell of a
    np.testing.assert_array_equal(points, [[19, 22], [40, 24], [64, 24]])


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_each_refinement_follows_one_offset(steps):
    fields = empty((1, 12), skeleton=CHAIN)
    fields.offsets[B, 0, 0, :6] = 8  # every cell up to 5 sends b one cell to the right
    put(fields, A, (0, 0))
    link(fields, AB, (0, 0), (0, 2))
    points, _ = grown(fields, A, 0, 0, refinements=steps)
    assert points[B].tolist() == [8 * (2 + steps), 0]


def test_points_outside_of_the_map_read_the_border():
    fields = empty((2, 3), skeleton=CHAIN)
    fields.heatmaps[A] = [[1, 2, 3], [4, 5, 6]]
    sampler = FieldSampler(fields)
    cells, positions = sampler.nearest(np.array([[-50, 500, 8], [-50, 500, 3.9]], np.float32))
    assert cells.tolist() == [0, 5, 1]
    assert positions.tolist() == [[0, 16, 8], [0, 8, 0]]
    assert sampler.heat(np.array([A, A, A]), cells).tolist() == [1, 6, 2]


def test_growth_passes_through_a_keypoint_that_was_not_found():
    points, scores = grown(chain_fields((1, 0, 1)), A, 16, 24)
    np.testing.assert_array_equal(points, PERSON)
    assert scores.tolist() == [1, 0, 1]


@pytest.mark.parametrize(("back", "miss"), [((3, 5), 0), ((3, 7), 16), ((3, 8), 24), ((0, 5), 24), ((3, 11), 48)])
def test_a_keypoint_that_does_not_lead_back_scores_less(back, miss):
    fields = chain_fields()
    link(fields, CB, (3, 8), back)  # should lead to (3, 5), 24 px away
    points, scores = grown(fields, A, 16, 24, disk_radius=1, backward_tolerance=0.5)
    np.testing.assert_array_equal(points, PERSON)
    np.testing.assert_allclose(scores, [1, 1, 1 / (1 + (miss / 12) ** 2)])
    _, scores = grown(fields, A, 16, 24, disk_radius=20, backward_tolerance=0.5)  # the disk is wider than half the way
    np.testing.assert_allclose(scores, [1, 1, 1 / (1 + (miss / 20) ** 2)])


def test_each_keypoint_keeps_the_surest_offer():
    triangle = Skeleton.from_names(
        "triangle", ("a", "b", "c"), (("a", "b"), ("b", "c"), ("a", "c")), (), (0.1, 0.1, 0.1), ()
    )
    fields = empty((1, 12), skeleton=triangle)
    put(fields, A, (0, 0))
    put(fields, B, (0, 3), 0.8)
    put(fields, C, (0, 6), 0.4)
    put(fields, C, (0, 9), 0.7)
    for edge, start, end in ((0, 0, 3), (3, 3, 0), (2, 0, 6), (5, 6, 0), (1, 3, 9), (4, 9, 3)):
        link(fields, edge, (0, start), (0, end))
    found = grow(FieldSampler(fields), np.array([A]), np.array([[0, 0]]), DecodeOptions())
    assert found.points[0, C].tolist() == [72, 0]
    np.testing.assert_allclose(found.scores[0], [1, 0.8, 0.7])
    assert found.parents[0].tolist() == [-1, A, B]


@pytest.mark.parametrize(
    ("seed", "heats", "order", "parents"),
    [
        (A, (0.1, 0.7, 0.9), [0, 1, 2], [-1, A, B]),  # c is reached from b only
        (B, (0.5, 0.1, 0.9), [2, 0, 1], [B, -1, B]),  # the seed is first whatever its heat, then the surest
        (B, (0.9, 0.1, 0.5), [1, 0, 2], [B, -1, B]),
        (B, (0.5, 1.0, 0.5), [1, 0, 2], [B, -1, B]),  # of equally sure ones the first keypoint
        (C, (0.0, 0.0, 1.0), [2, 1, 0], [B, C, -1]),  # keypoints that were not found are reached as well
    ],
)
def test_the_order_of_growth_and_its_edges(seed, heats, order, parents):
    fields = chain_fields(heats)
    found = grow(FieldSampler(fields), np.array([seed]), np.array([PERSON[seed]]), DecodeOptions())
    assert found.order.tolist() == [order]
    assert found.parents.tolist() == [parents]


def test_keypoints_that_no_edge_reaches_stay_on_the_seed_and_say_so():
    apart = Skeleton.from_names("apart", ("a", "b", "c", "d"), (("a", "b"), ("c", "d")), (), (0.1,) * 4, ())
    fields = empty((1, 9), skeleton=apart)
    fields.heatmaps[:] = 1
    link(fields, 0, (0, 2), (0, 4))
    link(fields, 1, (0, 2), (0, 6))  # from c to d, where the seed of a lies
    points, scores, order, parents = grow(FieldSampler(fields), np.array([A]), np.array([[16, 0]]), DecodeOptions())
    assert points[0].tolist() == [[16, 0], [32, 0], [16, 0], [16, 0]]
    assert scores[0].tolist() == [1, 0.5, 0, 0]  # b does not lead back: it misses a by as much as is allowed
    assert order[0].tolist() == [0, 1, -1, -1]
    assert parents[0].tolist() == [-1, 0, -1, -1]


def test_the_queue_skips_seeds_of_people_who_were_found():
    fields = chain_fields()
    for keypoint, x in ((A, 16.0), (B, 47.0), (C, 90.0)):
        queue = Seeds(np.array([A, keypoint]), np.array([[16, 24], [x, 24]], np.float32), np.array([1.0, 0.9]))
        people = 2 if x == 90 else 1  # b is 7 px away, c is 26 px away
        points, scores, *_ = group_poses(fields, queue, DecodeOptions())
        assert points.shape == (people, 3, 2)
        assert scores.shape == (people, 3)
        np.testing.assert_array_equal(points[0], PERSON)


@pytest.mark.parametrize(("keypoint", "x", "y"), [(A, 16, 24), (B, 40, 24), (C, 64, 24)])
@pytest.mark.parametrize(("away", "people"), [(0, 1), (9.9, 1), (10, 1), (10.1, 2)])
def test_seeds_within_the_radius_are_skipped(keypoint, x, y, away, people):
    places = np.array([[16, 24], [x, y + away]], np.float32)
    queue = Seeds(np.array([A, keypoint]), places, np.array([1.0, 0.9]))
    assert len(group_poses(chain_fields(), queue, DecodeOptions(nms_radius=10)).points) == people


def test_only_the_same_keypoint_covers_a_seed():
    queue = Seeds(np.array([A, B]), np.array([[16, 24], [16, 24]], np.float32), np.array([1.0, 0.9]))
    assert len(group_poses(chain_fields(), queue, DecodeOptions()).points) == 2


def test_a_person_grows_from_any_of_17_keypoints():
    drawn = person(160, 160, 280)
    fields = encoded(drawn[None], (41, 41))
    grown = grow(FieldSampler(fields), np.arange(17), drawn[:, :2], DecodeOptions())
    np.testing.assert_allclose(grown.points, np.broadcast_to(drawn[:, :2], (17, 17, 2)), atol=1e-3)
    assert grown.scores.min() == pytest.approx(1, abs=1e-5)
    assert (np.sort(grown.order, axis=1) == np.arange(17)).all()
    assert grown.order.diagonal().tolist() == [0] * 17


def test_a_keypoint_that_was_not_found_keeps_its_best_guess():
    drawn = person(160, 160, 280)
    fields = encoded(drawn[None], (41, 41))
    fields.heatmaps[9] = 0.01  # the left wrist
    grown = grow(FieldSampler(fields), np.array([0]), drawn[:1, :2], DecodeOptions())
    assert grown.scores[0, 9] == pytest.approx(0.01)
    np.testing.assert_allclose(grown.points[0, 9], [210.4, 174], atol=1e-3)
    assert np.delete(grown.scores[0], 9).min() == pytest.approx(1, abs=1e-5)


def test_the_queue_is_worked_off_in_its_order():
    fields = chain_fields()
    queue = Seeds(np.array([C, A]), np.array([[67, 24], [16, 24]], np.float32), np.array([0.5, 0.4]))
    points, *_ = group_poses(fields, queue, DecodeOptions())
    assert len(points) == 1
    assert points[0].tolist() == [[16, 24], [40, 24], [67, 24]]  # grown from c, which stays where the seed is


def test_more_seeds_than_grow_at_once():
    fields = empty((3, 401), skeleton=CHAIN)
    points = np.stack([np.arange(300) * 10.5, np.full(300, 8)], axis=1).astype(np.float32)
    queue = Seeds(np.full(300, A), points, np.linspace(1, 0.5, 300))
    found, *_ = group_poses(fields, queue, DecodeOptions())
    np.testing.assert_array_equal(found[:, A], points)
    assert len(group_poses(fields, queue, DecodeOptions(nms_radius=11))[0]) == 150


def test_no_seed_gives_nobody():
    nothing = Seeds(np.zeros(0, int), np.zeros((0, 2), np.float32), np.zeros(0))
    points, scores, *_ = group_poses(chain_fields(), nothing, DecodeOptions())
    assert points.shape == (0, 3, 2)
    assert scores.shape == (0, 3)
