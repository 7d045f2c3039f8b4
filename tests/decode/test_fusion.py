"""Fusing the body heat map into keypoint scores: literal values on a skeleton of two limbs."""

from __future__ import annotations

import numpy as np

from strongpose.decode import DecodeOptions, decode
from strongpose.decode.fusion import fuse_body, limb_heat
from strongpose.fields import Fields
from strongpose.skeleton import Skeleton

CHAIN = Skeleton("chain", ("a", "b", "c", "d"), ((0, 1), (1, 2)), (), (0.1,) * 4, ((0, 1), (1, 2)))


def fields(body: np.ndarray) -> Fields:
    h, w = body.shape
    return Fields(np.zeros((4, h, w)), np.zeros((4, 2, h, w)), np.zeros((4, 2, h, w)), body, 8, CHAIN)


def scene() -> tuple[Fields, np.ndarray]:
    """The first limb lies on cells of heat 1, the second on cells of heat .25; keypoint d is on no limb."""
    body = np.zeros((5, 8), np.float32)
    body[1], body[3] = 1, 0.25
    points = np.array([[(0, 8), (48, 8), (48, 8), (16, 0)]], np.float32)
    points[0, 2] = 48, 24
    return fields(body), points


def test_limb_heat_is_the_mean_along_the_limb_and_the_borders_outside():
    maps, points = scene()
    np.testing.assert_allclose(limb_heat(maps, points)[0, 0], 1)
    points[0, 1:3] = (0, 24), (900, 24)
    np.testing.assert_allclose(limb_heat(maps, points)[0, 1], 0.25)


def test_scores_fall_where_limbs_lie_on_no_body():
    maps, points = scene()
    points[0, 1], points[0, 2] = (0, 24), (48, 24)
    points[0, 0] = 48, 24  # both limbs on heat .25
    scores = np.array([[0.8, 0.6, 0.4, 0.2]], np.float32)
    np.testing.assert_allclose(fuse_body(maps, points, scores, 0.5), [[0.4, 0.3, 0.2, 0.2]], rtol=1e-5)
    np.testing.assert_array_equal(fuse_body(maps, points, scores, 0), scores)
    assert fuse_body(maps, points[:0], scores[:0], 1).shape == (0, 4)


def test_a_keypoint_of_two_limbs_listens_to_the_surer_one():
    maps, points = scene()
    points[0, 1] = 48, 8
    points[0, 0] = 0, 8
    points[0, 2] = 48, -500  # row 0, where there is no body, but for the first sample
    scores = np.array([[0.9, 0.9, 0.0, 0.5]], np.float32)
    np.testing.assert_allclose(fuse_body(maps, points, scores, 1)[0, :2], [0.9, 0.9], rtol=1e-4)


def test_the_option_reaches_the_decoder():
    body = np.full((9, 9), 0.25, np.float32)
    maps = fields(body)
    maps.heatmaps[0, 4, 4] = maps.heatmaps[1, 4, 4] = 1
    plain, fused = (decode(maps, DecodeOptions(seed_threshold=0.01, body_weight=w)) for w in (0.0, 0.5))
    assert len(plain) == len(fused) == 1
    np.testing.assert_allclose(fused.keypoints[0, :2, 2], 0.5 * plain.keypoints[0, :2, 2], rtol=1e-5)
