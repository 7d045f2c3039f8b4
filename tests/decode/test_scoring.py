import numpy as np
import pytest

from strongpose.decode.scoring import expected_similarities, mean_after_nms, quadratic_mean


def test_expected_similarity_is_the_mean_over_the_error():
    rng = np.random.default_rng(0)
    areas, sigmas, error = np.array([900.0, 10000.0]), np.array([0.03, 0.1]), 4.0
    squared = np.square(rng.normal(0, error, (400_000, 2))).sum(axis=1)
    drawn = [[np.exp(-squared / (2 * area * (2 * sigma) ** 2)).mean() for sigma in sigmas] for area in areas]
    expected = expected_similarities(np.array([[1.0, 0.5], [0.0, 1.0]]), areas, sigmas, error)
    np.testing.assert_allclose(expected, np.array(drawn) * [[1, 0.5], [0, 1]], atol=0.003)


def test_expected_similarity_without_error_is_the_score():
    scores = np.array([[0.3, 0.8]])
    np.testing.assert_array_equal(expected_similarities(scores, np.array([256.0]), np.array([0.1, 0.05]), 0), scores)


def test_quadratic_mean():
    np.testing.assert_allclose(quadratic_mean(np.array([[1, 0, 0, 0], [0.5, 0.5, 0.5, 0.5], [0.6, 0.8, 0, 0]])), 0.5)
    assert quadratic_mean(np.zeros((0, 4))).shape == (0,)


def test_equation_1_by_hand():
    """Two people overlap in keypoints 0 (6 px apart) and 2 (exactly 10 px); the weaker is given first."""
    weak = [[0, 0], [100, 0], [200, 0], [300, 0]]
    strong = [[6, 0], [100, 11], [206, 8], [390, 0]]
    scores = np.array([[0.8, 0.6, 0.4, 0.2], [0.9, 0.8, 0.7, 0.6]])
    result = mean_after_nms(np.array([weak, strong], float), scores, radius=10)
    assert result[1] == pytest.approx((0.9 + 0.8 + 0.7 + 0.6) / 4)
    assert result[0] == pytest.approx((0.6 + 0.2) / 4)


def test_a_copy_scores_nothing():
    points = np.repeat(np.arange(10.0).reshape(1, 5, 2) * 30, 2, axis=0)
    np.testing.assert_allclose(mean_after_nms(points, np.full((2, 5), 0.5), radius=10), [0.5, 0])
