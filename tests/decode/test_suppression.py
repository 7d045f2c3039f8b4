import numpy as np
import pytest

from strongpose.decode.suppression import hard_suppression, keypoint_nms, soft_suppression
from strongpose.oks import person_areas, similarity_to

SIGMAS = np.array([0.05, 0.1])


def test_areas_are_those_of_the_sure_keypoints():
    points = np.array([[[0, 0], [10, 20], [500, 500]], [[0, 0], [10, 20], [500, 500]]], float)
    scores = np.array([[0.9, 0.5, 0.05], [0, 0, 0.9]])
    np.testing.assert_allclose(person_areas(points, scores, threshold=0.1, least=50), [0.53 * 200, 50])
    assert person_areas(points, np.zeros((2, 3)), threshold=0.1, least=50).tolist() == [50, 50]


def test_similarity_by_hand():
    """OKS of one keypoint: exp(−d² / (2 · area · (2 sigma)²)); here d² = 4 and 25, area = 100."""
    one = np.array([[0, 0], [10, 10]], float)
    other = np.array([[[0, 2], [13, 14]]], float)
    first, second = np.exp(-4 / (2 * 100 * 0.1**2)), np.exp(-25 / (2 * 100 * 0.2**2))
    even = similarity_to(one, 100, other, np.ones((1, 2)), SIGMAS)
    assert even == pytest.approx([(first + second) / 2])
    assert similarity_to(one, 100, other, np.array([[0.9, 0.3]]), SIGMAS) == pytest.approx(
        [0.75 * first + 0.25 * second]
    )
    assert similarity_to(one, 100, other, np.zeros((1, 2)), SIGMAS).tolist() == [0]


# the strongest first; person 1 is 1 px away from person 0, person 2 is 40 px away, person 3 is 1 px from 2
PEOPLE = np.array([[[0, 0], [30, 30]]], float) + np.array([0, 1, 40, 41])[:, None, None]
SCORES = np.ones((4, 2))
AREAS = np.full(4, 1000.0)


def test_hard_suppression_drops_copies():
    assert hard_suppression(PEOPLE, SCORES, AREAS, SIGMAS, 0.5).tolist() == [0, 2]
    assert hard_suppression(PEOPLE, SCORES, AREAS, SIGMAS, 1.0).tolist() == [0, 1, 2, 3]
    assert hard_suppression(PEOPLE[:0], SCORES[:0], AREAS[:0], SIGMAS, 0.5).tolist() == []


def test_who_was_dropped_drops_nobody():
    """1 resembles 0 and 2 resembles 1, but 2 does not resemble 0."""
    row = np.array([[[0, 0], [30, 30]]], float) + np.array([0, 4, 8])[:, None, None]
    alike = similarity_to(row[0], 1000, row[1:], SCORES[:2], SIGMAS)
    assert alike[1] < 0.4 < alike[0]
    assert hard_suppression(row, SCORES[:3], AREAS[:3], SIGMAS, 0.4).tolist() == [0, 2]


def test_soft_suppression_lowers_copies_and_drops_nobody():
    ranks = soft_suppression(PEOPLE, SCORES, np.array([0.5, 0.9, 0.8, 0.7]), AREAS, SIGMAS, 0.5)
    alike = similarity_to(PEOPLE[1], 1000, PEOPLE[:1], SCORES[:1], SIGMAS)[0]
    assert ranks[1] == 0.9
    assert ranks[2] == pytest.approx(0.8, abs=1e-6)
    assert ranks[0] == pytest.approx(0.5 * np.exp(-(alike**2) / 0.5), rel=1e-4)
    assert 0 < ranks[3] < 0.7 * 0.2


def test_a_stronger_person_suppresses_keypoints():
    """Keypoint 0: 10 px (6, 8) from the strongest is suppressed, 10.05 px is not; keypoint 1 likewise, by person 1."""
    points = [[[0, 0], [100, 100]], [[6, 8], [200, 100]], [[1, 10], [200, 110]], [[50, 50], [50, 50]]]
    expected = [[True, True], [False, True], [False, False], [True, True]]
    # person 2's keypoint 0 is 10.05 px from person 0's but 5.4 px from person 1's, suppressed but suppressing
    assert keypoint_nms(np.array(points, float), 10).tolist() == expected
    assert keypoint_nms(np.array(points, float), 11)[:, 0].tolist() == [True, False, False, True]
    assert keypoint_nms(np.array(points, float)[:0], 10).shape == (0, 2)


def test_a_keypoint_does_not_suppress_other_types():
    points = np.array([[[0, 0], [100, 100]], [[100, 100], [0, 0]]], float)
    assert keypoint_nms(points, 10).all()
