"""Bodies drawn from predicted keypoints: the training targets' shape, and distances from its outline."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pictures import person

from strongpose.decode.drawn_body import draw_body, signed_distance
from strongpose.encode.drawn_body import body_targets
from strongpose.skeleton import COCO, Skeleton
from strongpose.skeletons import load_skeleton

STICK = Skeleton("stick", ("top", "foot"), ((0, 1),), (), (0.1, 0.1), ((0, 1),))
X, Y = np.arange(0, 200, 3, dtype=np.float32), np.arange(0, 160, 3, dtype=np.float32)


@pytest.mark.parametrize(
    "skeleton", [COCO, load_skeleton("mpii16"), load_skeleton("lsp14"), STICK], ids=lambda s: s.name
)
def test_the_shape_is_that_of_the_training_targets(skeleton):
    rng = np.random.default_rng(0)
    drawn = 0
    for _ in range(60):
        points = rng.uniform((20, 20), (180, 140), (skeleton.num_keypoints, 2)).astype(np.float32)
        known = rng.random(skeleton.num_keypoints) < rng.choice([0.2, 0.5, 0.9])
        target = body_targets(
            torch.from_numpy(points)[None, None],
            torch.from_numpy(known)[None, None],
            torch.from_numpy(X),
            torch.from_numpy(Y),
            skeleton,
        )[0].numpy()
        body = draw_body(points, known, skeleton)
        if body is None:
            assert known.sum() <= 1
            continue
        if not target.any():  # no part of a body: dots
            assert len(body.starts) == known.sum() and not body.has_head
            continue
        drawn += 1
        away, in_head = signed_distance(body, X, Y)
        assert away.shape == in_head.shape == target.shape
        assert ((away <= 0) == target)[np.abs(away) > 1e-3].all()
        assert body.has_head or not in_head.any()
    assert drawn > 15


def test_distances_grow_by_a_pixel_a_pixel_outside():
    points = person(100, 20, 100, np.random.default_rng(0))
    x, y = np.arange(200, dtype=np.float32), np.arange(160, dtype=np.float32)
    body = draw_body(points[:, :2], points[:, 2] > 0, COCO)
    assert body is not None
    away, in_head = signed_distance(body, x, y)
    places = np.argwhere(away <= 0)
    for row, column in [(5, 5), (80, 30), (150, 190), (2, 100)]:
        nearest = np.sqrt(np.square(places - (row, column)).sum(axis=1)).min()
        assert away[row, column] == pytest.approx(nearest, abs=1.0)
    eyes = points[1:3, :2].mean(axis=0).round().astype(int)
    ankles = points[15:17, :2].round().astype(int)
    assert in_head[eyes[1], eyes[0]] and away[eyes[1], eyes[0]] < 0
    assert not in_head[ankles[:, 1], ankles[:, 0]].any()
