"""Pictures: drawn where the keypoints are, nothing below the threshold, every kind of field."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pictures import person

from strongpose import draw
from strongpose.encode import encode
from strongpose.fields import Fields, cell_count
from strongpose.images import fit_image
from strongpose.poses import Poses
from strongpose.skeleton import COCO

GREY = 90


def grey(width: int = 240, height: int = 320) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def standing(score: float = 1.0) -> Poses:
    keypoints = person(120, 30, 250, np.random.default_rng(0))[None]
    keypoints[..., 2] = score
    return Poses(keypoints, [0.9])


def changed(picture: np.ndarray) -> np.ndarray:
    return (picture != GREY).any(axis=2)


def test_every_keypoint_and_limb_is_drawn_and_nothing_far_away():
    photo = grey()
    poses = standing()
    picture = draw.draw_poses(photo, poses)
    assert picture.shape == photo.shape and picture.dtype == np.uint8
    assert not changed(photo).any()  # the photo itself is left as it was
    points = poses.keypoints[0, :, :2]
    middles = [points[list(limb)].mean(axis=0) for limb in COCO.limbs]
    for x, y in [*points, *middles]:
        assert changed(picture)[round(float(y)), round(float(x))]
    rows, columns = np.nonzero(changed(picture))
    x0, y0, x1, y1 = poses.boxes[0]
    assert x0 - 10 < columns.min() and columns.max() < x1 + 10
    assert y0 - 10 < rows.min() and rows.max() < y1 + 10


def test_keypoints_below_the_threshold_and_their_limbs_are_not_drawn():
    poses = standing()
    keypoints = poses.keypoints.copy()
    wrist = COCO.names.index("left_wrist")
    keypoints[0, wrist] = 20, 20, 0.1
    picture = draw.draw_poses(grey(), Poses(keypoints, [0.9]), threshold=0.2)
    assert not changed(picture)[:28, :60].any()
    assert changed(draw.draw_poses(grey(), Poses(keypoints, [0.9]), threshold=0.05))[15:25, 15:25].any()
    assert not changed(draw.draw_poses(grey(), standing(0.05))).any()
    assert not changed(draw.draw_poses(grey(), Poses.empty())).any()


def test_people_have_different_colours_and_lines_grow_with_the_picture():
    keypoints = np.stack([person(x, 30, 250, np.random.default_rng(0)) for x in (60, 180)])
    picture = draw.draw_poses(grey(), Poses(keypoints, [0.9, 0.8]))
    hip = keypoints[:, [11, 13], :2].mean(axis=1).round().astype(int)  # the middle of a thigh
    assert np.abs(np.subtract(*(picture[y, x].astype(int) for x, y in hip))).max() > 60
    large = draw.draw_poses(
        grey(2400, 3200), Poses(np.stack([person(1200, 300, 2500, np.random.default_rng(0))]), [1.0])
    )
    assert changed(large).sum() > 20 * changed(draw.draw_poses(grey(), standing())).sum()


@pytest.mark.parametrize("far", [1e6, -1e6])
def test_keypoints_far_outside_do_no_harm(far):
    keypoints = standing().keypoints.copy()
    keypoints[0, 9, 0] = far
    assert draw.draw_poses(grey(), Poses(keypoints, [0.9])).shape == (320, 240, 3)


@pytest.fixture(scope="module")
def scene():
    """A fitted photo and the fields of one person in it."""
    fitted = fit_image(grey(), 161, 8)
    keypoints = torch.tensor(person(60, 15, 125, np.random.default_rng(0)))[None, None]
    size = tuple(cell_count(side, 4) for side in fitted.pixels.shape[:2])
    return fitted, encode(keypoints, size, 4, COCO).fields(0, 4, COCO), keypoints[0, 0].numpy()


@pytest.mark.parametrize("kind", ["heatmaps", "offsets", "displacements", "body"])
def test_field_pictures_show_the_person_where_it_is(scene, kind):
    fitted, fields, keypoints = scene
    picture = getattr(draw, f"draw_{kind}")(fields, fitted)
    height, width = picture.shape[:2]
    assert max(height, width) >= 960 and picture.dtype == np.uint8
    zoom = width / fitted.scaled_size[1]
    coloured = np.ptp(picture.astype(int), axis=2) > 20  # the photo itself is grey
    rows, columns = np.nonzero(coloured)
    assert len(rows) > 500
    centre = np.array([columns.mean(), rows.mean()]) / zoom
    expected = (keypoints[:, :2].min(axis=0) + keypoints[:, :2].max(axis=0)) / 2
    assert np.abs(centre - expected).max() < 20
    assert not coloured[:, : int(12 * zoom)].any()  # nothing in the empty left part


@pytest.mark.parametrize("kind", ["heatmaps", "offsets", "displacements", "body"])
def test_empty_fields_leave_the_photo_grey(scene, kind):
    fitted, fields, _ = scene
    empty = Fields(
        *(np.zeros_like(getattr(fields, n)) for n in ("heatmaps", "offsets", "displacements", "body")), 4, COCO
    )
    picture = getattr(draw, f"draw_{kind}")(empty, fitted)
    assert np.ptp(picture.astype(int), axis=2).max() == 0


def test_a_warm_cell_is_drawn_on_its_pixel(scene):
    """Cell i lies on input pixel 4·i, which the picture shows enlarged about its centre."""
    fitted, fields, _ = scene
    heat = np.zeros_like(fields.heatmaps)
    heat[0, 10, 20] = 1
    picture = draw.draw_heatmaps(
        Fields(heat, fields.offsets, fields.displacements, fields.body, 4, COCO), fitted
    ).astype(int)
    zoom = picture.shape[1] / fitted.scaled_size[1]
    weight = np.ptp(picture, axis=2).astype(float)
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    found = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()
    np.testing.assert_allclose((found + 0.5) / zoom - 0.5, [80, 40], atol=0.1)
