from dataclasses import replace

import numpy as np
import pytest
from drawn import crowd, empty, encoded, person
from hypothesis import given, settings
from hypothesis import strategies as st

from strongpose.decode import DecodeOptions, Ranking, Suppression, decode
from strongpose.fields import Fields
from strongpose.skeleton import COCO, COCO_19, COCO_TREE

CELLS = (41, 41)  # of 8 pixels: 321 × 321 pixels
SEEDS = st.integers(0, 2**32 - 1)


def assert_same_people(found, expected, within=0.1):
    """As many people, and each where one of the expected is, keypoint by keypoint."""
    assert len(found) == len(expected)
    apart = np.abs(found[:, None, :, :2] - expected[None, :, :, :2]).max(axis=(2, 3))
    assert sorted(apart.argmin(axis=1)) == list(range(len(expected)))
    assert apart.min(axis=1).max() <= within


def noisy(rng, fields):
    """The fields as a network predicts them: lower and blurred heat, vectors that are a few pixels off."""
    heat = fields.heatmaps * rng.uniform(0.3, 0.9, (len(fields.heatmaps), 1, 1)) + rng.uniform(
        0, 0.04, fields.heatmaps.shape
    )
    offsets = fields.offsets + rng.normal(0, 2, fields.offsets.shape)
    displacements = fields.displacements + rng.normal(0, 3, fields.displacements.shape)
    return replace(
        fields,
        heatmaps=heat.astype(np.float32),
        offsets=offsets.astype(np.float32),
        displacements=displacements.astype(np.float32),
    )


def test_golden_poses():
    people = np.array([person(90, 170, 250), person(235, 120, 180)])
    poses = decode(encoded(people, CELLS))
    assert len(poses) == 2
    np.testing.assert_allclose(poses.scores, [0.91, 0.85], atol=0.02)  # the smaller person is scored lower
    assert poses.keypoints[..., 2].min() == 1
    left, right = sorted(poses, key=lambda pose: pose.box[0])
    np.testing.assert_allclose(left["nose"], [90, 57.5, 1], atol=0.1)
    np.testing.assert_allclose(left["right_ankle"], [70, 290, 1], atol=0.1)
    np.testing.assert_allclose(right["left_wrist"], [267.4, 129, 1], atol=0.1)
    assert_same_people(poses.keypoints, people)


@pytest.mark.parametrize("skeleton", [COCO, COCO_19, COCO_TREE])
@pytest.mark.parametrize("stride", [4, 8, 16])
def test_oracle_of_drawn_crowds(skeleton, stride):
    people = crowd(np.random.default_rng(5), 6, 641)
    assert_same_people(decode(encoded(people, (640 // stride + 1,) * 2, stride, skeleton)).keypoints, people)


@pytest.mark.parametrize("people", [1, 10, 30])
def test_crowds_of_many_sizes(people):
    drawn = crowd(np.random.default_rng(people), people, 641)
    assert_same_people(decode(encoded(drawn, (81, 81))).keypoints, drawn, within=4)


def test_hidden_joints_do_not_cut_a_person_in_two():
    drawn = person(160, 160, 280)
    drawn[[COCO.names.index(n) for n in ("left_shoulder", "right_hip", "left_knee", "nose")], 2] = 0
    poses = decode(encoded(drawn[None], CELLS))
    assert len(poses) == 1
    labelled = drawn[:, 2] > 0
    np.testing.assert_allclose(poses.keypoints[0, labelled, :2], drawn[labelled, :2], atol=0.1)
    assert (poses.keypoints[0, :, 2] == labelled).all()
    assert (poses.keypoints[0, ~labelled, :2] > 1).all()  # a guess, never (0, 0)


@pytest.mark.parametrize("ranking", Ranking)
@pytest.mark.parametrize("suppression", Suppression)
def test_every_ranking_and_suppression_finds_everybody(ranking, suppression):
    drawn = crowd(np.random.default_rng(1), 4, 321)
    poses = decode(encoded(drawn, CELLS), DecodeOptions(ranking=ranking, suppression=suppression))
    assert_same_people(poses.keypoints, drawn)


def test_keypoint_suppression_lowers_scores_and_moves_nothing():
    """A weak person's left ankle lies on the same ankle of a strong one."""
    strong, weak = person(110, 160, 250), person(230, 160, 250)
    ankle = COCO.names.index("left_ankle")
    weak[ankle, :2] = strong[ankle, :2] + (3, 0)
    fields = encoded(np.array([strong, weak]), CELLS)
    fields.heatmaps[:, :, 22:] *= 0.9
    free = decode(fields, DecodeOptions(suppression=Suppression.NONE))
    found = decode(fields, DecodeOptions(suppression=Suppression.KEYPOINT))
    assert len(found) == len(free) == 2
    np.testing.assert_array_equal(found.keypoints[..., :2], free.keypoints[..., :2])
    np.testing.assert_array_equal(found.keypoints[0], free.keypoints[0])
    assert free.keypoints[1, ankle, 2] > 0.5
    assert found.keypoints[1, ankle, 2] == 0
    np.testing.assert_array_equal(np.delete(found.keypoints[1], ankle, 0), np.delete(free.keypoints[1], ankle, 0))
    assert found.scores[0] == free.scores[0]
    assert 0.8 * free.scores[1] < found.scores[1] < free.scores[1]


def test_poses_come_best_first():
    fields = encoded(np.array([person(80, 160, 250), person(240, 160, 250)]), CELLS)
    fields.heatmaps[:, :, :20] *= 0.6
    poses = decode(fields)
    assert len(poses) == 2
    assert poses.scores[1] == pytest.approx(0.6 * poses.scores[0], rel=1e-4)
    assert poses.keypoints[0, 0, 0] == pytest.approx(240)
    assert len(decode(fields, threshold=0.7)) == 1
    assert len(decode(fields, DecodeOptions(max_people=1))) == 1
    assert len(decode(fields, DecodeOptions(seed_threshold=0.9))) == 1


def test_the_same_fields_give_the_same_bytes_ties_included():
    person = np.array([[x, y, 1] for x, y in np.random.default_rng(0).uniform(16, 80, (17, 2))], dtype=np.float32)
    twins = np.stack([person, person + np.float32([128, 0, 0])])  # two people alike in every cell
    fields = encoded(twins, (17, 33))
    first, again = decode(fields), decode(fields)
    assert len(first) == 2 and first.scores[0] == first.scores[1]
    assert first.keypoints[0, 0, 0] < first.keypoints[1, 0, 0]  # of equal people the first in reading order
    assert first.keypoints.tobytes() == again.keypoints.tobytes()
    assert first.scores.tobytes() == again.scores.tobytes()


def test_empty_maps_have_no_poses():
    assert len(decode(empty(CELLS))) == 0
    assert len(decode(empty((1, 1)))) == 0


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(1, 6))
def test_the_order_of_people_changes_nothing(seed, people):
    rng = np.random.default_rng(seed)
    drawn = crowd(rng, people, 321)
    one, other = decode(encoded(drawn, CELLS)), decode(encoded(rng.permutation(drawn), CELLS))
    np.testing.assert_array_equal(one.keypoints, other.keypoints)
    np.testing.assert_array_equal(one.scores, other.scores)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(1, 6), st.integers(0, 3), st.integers(0, 3))
def test_moving_everything_by_cells_moves_the_poses(seed, people, right, down):
    drawn = crowd(np.random.default_rng(seed), people, 320) + np.array([16, 16, 0])
    move = np.array([8 * right, 8 * down, 0])
    still, shifted = (decode(encoded(p, (49, 49))).keypoints for p in (drawn, drawn + move))
    assert_same_people(shifted, still + move)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(1, 6))
def test_mirrored_fields_have_mirrored_poses(seed, people):
    drawn = crowd(np.random.default_rng(seed), people, 320)
    fields = encoded(drawn, CELLS)
    straight, mirrored = decode(fields).keypoints, decode(fields.mirrored()).keypoints
    back = mirrored[:, list(COCO.flip_order)]
    back[..., 0] = 320 - back[..., 0]
    assert_same_people(back, straight)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(1, 6))
def test_noisy_fields_still_have_their_people(seed, people):
    rng = np.random.default_rng(seed)
    drawn = crowd(rng, people, 321)
    poses = decode(noisy(rng, encoded(drawn, CELLS)))
    assert len(poses) >= people
    away = np.linalg.norm(poses.keypoints[:, None, :, :2] - drawn[None, ..., :2], axis=-1)  # (found, people, K)
    assert away.mean(axis=2).min(axis=0).max() < 8  # px


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.floats(0, 1), st.floats(0, 300))
def test_any_fields_give_finite_poses_and_always_the_same(seed, heat, reach):
    rng = np.random.default_rng(seed)
    k, e, (h, w) = 17, len(COCO.edges), (13, 17)
    fields = Fields(
        heatmaps=(heat * rng.random((k, h, w))).astype(np.float32),
        offsets=rng.normal(0, 1 + reach / 10, (k, 2, h, w)).astype(np.float32),
        displacements=rng.normal(0, reach, (2 * e, 2, h, w)).astype(np.float32),
        body=rng.random((h, w)).astype(np.float32),
        stride=8,
        skeleton=COCO,
    )
    poses = decode(fields)  # Poses itself refuses what is not finite
    again = decode(fields)
    assert (poses.keypoints[..., 2] >= 0).all()
    assert (poses.keypoints[..., 2] <= 1).all()
    assert (np.diff(poses.scores) <= 0).all()
    np.testing.assert_array_equal(poses.keypoints, again.keypoints)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("refinements", -1),
        ("max_people", 0),
        ("disk_radius", 0),
        ("similarity", -1),
        ("refinement_width", -0.1),
        ("body_weight", float("inf")),
        ("nms_radius", float("nan")),
        ("seed_threshold", "x"),
        ("filter_sigma", None),
        ("max_people", 1.5),
        ("voting", 1),
        ("ranking", "quadratic"),
    ],
)
def test_senseless_options_are_refused(option, value):
    with pytest.raises(ValueError, match=f"{option} must be .* got {value!r}"):
        DecodeOptions(**{option: value})
