"""Flip augmentation: heat is averaged, and vectors follow the heat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from strongpose.encode import encode
from strongpose.fields import Fields
from strongpose.inference.tta import flip_average
from strongpose.skeleton import COCO


def some_fields() -> Fields:
    """What a perfect network finds of three people in an input of 401 × 305 pixels."""
    points = (
        np.random.default_rng(0).random((3, 17, 2)) * [110, 280] + np.array([[10, 10], [140, 10], [270, 10]])[:, None]
    )
    keypoints = np.append(points, np.ones((3, 17, 1)), axis=-1)[None]
    return encode(torch.tensor(keypoints).float(), (39, 51), 8, COCO, 12.0).fields(0, 8, COCO)


def test_heat_is_the_mean_and_vectors_follow_the_heat():
    fields = some_fields()
    cold = replace(
        fields,
        heatmaps=np.zeros_like(fields.heatmaps),
        offsets=fields.offsets + 5,
        displacements=fields.displacements - 5,
        body=np.zeros_like(fields.body),
    )
    for mean in (flip_average(fields, cold), flip_average(cold, fields)):
        np.testing.assert_allclose(mean.heatmaps, fields.heatmaps / 2, atol=1e-6)
        np.testing.assert_allclose(mean.body, fields.body / 2)
        warm = fields.heatmaps > 0
        assert 17 < warm.sum() < warm.size / 2
        for axis in (0, 1):
            np.testing.assert_allclose(mean.offsets[:, axis][warm], fields.offsets[:, axis][warm], atol=1e-3)
            np.testing.assert_allclose(mean.offsets[:, axis][~warm], fields.offsets[:, axis][~warm] + 2.5, atol=1e-3)
        tail = warm[COCO.directed_edges[:, 0]]
        expected = fields.displacements[:, 0]
        np.testing.assert_allclose(mean.displacements[:, 0][tail], expected[tail], atol=1e-3)
        np.testing.assert_allclose(mean.displacements[:, 0][~tail], expected[~tail] - 2.5, atol=1e-3)


def test_equal_fields_are_their_own_mean():
    fields = some_fields()
    mean = flip_average(fields, fields)
    for name in ("heatmaps", "offsets", "displacements", "body"):
        np.testing.assert_allclose(getattr(mean, name), getattr(fields, name), rtol=1e-5, atol=1e-4)
