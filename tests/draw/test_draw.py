"""Pictures: drawn where the keypoints are, nothing below the threshold, every kind of field."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from pictures import person

from strongpose.decode import DecodeOptions, decode
from strongpose.decode.body import BodyRegions
from strongpose.decode.grouping import GroupedPoses, group_poses
from strongpose.decode.peaks import find_seeds
from strongpose.draw import fields as draw_fields
from strongpose.draw import poses as draw
from strongpose.draw.sheet import draw_fields as draw_sheet
from strongpose.encode import encode
from strongpose.fields import Fields, cell_count
from strongpose.images import FittedImage, fit_image
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


def test_body_regions_are_tinted_in_the_colours_of_the_poses():
    instance_map = np.full((320, 240), -1, np.int16)
    instance_map[100:200, 20:80] = 0
    instance_map[150:250, 120:200] = 1
    regions = BodyRegions(instance_map, np.array([[20, 100, 60, 100], [120, 150, 80, 100]]))
    picture = draw.draw_bodies(grey(), regions)
    assert (changed(picture)[instance_map >= 0]).all()
    assert not changed(picture)[:95].any() and not changed(picture)[:, 90:110].any()
    keypoints = np.zeros((2, 17, 3))
    keypoints[:, 5:7] = [[(50, 20, 1), (90, 20, 1)], [(50, 60, 1), (90, 60, 1)]]
    limbs = draw.draw_poses(grey(), Poses(keypoints, [0.9, 0.8]))
    for (x, y), row in (((50, 150), 20), ((160, 200), 60)):
        tint, limb = picture[y, x].astype(float) - GREY, limbs[row, 70].astype(float) - GREY
        assert tint @ limb > 0.9 * np.linalg.norm(tint) * np.linalg.norm(limb)
    assert not changed(draw.draw_bodies(grey(), BodyRegions(np.full((320, 240), -1), np.zeros((0, 4), int)))).any()


@pytest.fixture(scope="module")
def scene():
    """A fitted photo and the fields of one person in it."""
    fitted = fit_image(grey(), 161, 8)
    keypoints = torch.tensor(person(60, 15, 125, np.random.default_rng(0)))[None, None]
    size = tuple(cell_count(side, 4) for side in fitted.pixels.shape[:2])
    return fitted, encode(keypoints, size, 4, COCO).fields(0, 4, COCO), keypoints[0, 0].numpy()


OPTIONS = DecodeOptions()
PANELS = {
    "heatmaps": draw_fields.draw_heatmaps,
    "offsets": draw_fields.draw_offsets,
    "votes": lambda fields, fitted: draw_fields.draw_votes(fields, fitted, find_seeds(fields, OPTIONS), OPTIONS),
    "displacements": lambda fields, fitted: draw_fields.draw_displacements(
        fields, fitted, find_seeds(fields, OPTIONS), OPTIONS.disk_radius
    ),
    "growth": lambda fields, fitted: draw_fields.draw_growth(grouped(fields), fitted, people(fields, fitted)),
    "body": draw_fields.draw_body,
}


def grouped(fields: Fields) -> GroupedPoses:
    return group_poses(fields, find_seeds(fields, OPTIONS), OPTIONS)


def people(fields: Fields, fitted: FittedImage) -> Poses:
    """The people in the fields, in photo pixels."""
    poses = decode(fields, OPTIONS)
    keypoints = poses.keypoints.copy()
    keypoints[..., :2] = fitted.to_photo(keypoints[..., :2])
    return Poses(keypoints, poses.scores)


@pytest.mark.parametrize("panel", PANELS)
def test_field_pictures_show_the_person_where_it_is(scene, panel):
    fitted, fields, keypoints = scene
    picture = PANELS[panel](fields, fitted)
    height, width = picture.shape[:2]
    assert max(height, width) >= 960 and picture.dtype == np.uint8
    zoom = width / fitted.scaled_size[1]
    coloured = np.ptp(picture.astype(int), axis=2) > 20  # the photo itself is grey
    rows, columns = np.nonzero(coloured)
    assert len(rows) > 500
    centre = np.array([columns.mean(), rows.mean()]) / zoom
    expected = (keypoints[:, :2].min(axis=0) + keypoints[:, :2].max(axis=0)) / 2
    assert np.abs(centre - expected).max() < 25
    assert not coloured[:, : int(12 * zoom)].any()  # nothing in the empty left part


@pytest.mark.parametrize("panel", PANELS)
def test_empty_fields_leave_the_photo_grey(scene, panel):
    fitted, fields, _ = scene
    empty = Fields(
        *(np.zeros_like(getattr(fields, n)) for n in ("heatmaps", "offsets", "displacements", "body")), 4, COCO
    )
    assert np.ptp(PANELS[panel](empty, fitted).astype(int), axis=2).max() == 0


def test_a_warm_cell_is_drawn_on_its_pixel(scene):
    """Cell i lies on input pixel 4·i, which the picture shows enlarged about its centre."""
    fitted, fields, _ = scene
    heat = np.zeros_like(fields.heatmaps)
    heat[0, 10, 20] = 1
    picture = draw_fields.draw_heatmaps(
        Fields(heat, fields.offsets, fields.displacements, fields.body, 4, COCO), fitted
    ).astype(int)
    zoom = picture.shape[1] / fitted.scaled_size[1]
    weight = np.ptp(picture, axis=2).astype(float)
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    found = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()
    np.testing.assert_allclose((found + 0.5) / zoom - 0.5, [80, 40], atol=0.1)


def test_hough_maps_peak_inside_the_rings_of_the_seeds(scene):
    fitted, fields, _ = scene
    picture = PANELS["votes"](fields, fitted).astype(int)
    zoom = picture.shape[1] / fitted.scaled_size[1]
    seeds = find_seeds(fields, OPTIONS)
    places = np.round(seeds.points * zoom + (zoom - 1) / 2).astype(int)
    for k, (x, y) in zip(seeds.keypoints, places, strict=True):
        apart = np.linalg.norm(places[seeds.keypoints != k] - (x, y), axis=1).min()
        if apart > 20 * zoom:  # nothing else is mixed in
            colour = np.array(draw_fields.keypoint_colour(k, 17), float)
            colour, seen = colour - colour.min(), picture[y, x] - picture[y, x].min()
            assert colour @ seen > 0.95 * np.linalg.norm(colour) * np.linalg.norm(seen)
            around = np.ptp(picture[y - 40 : y + 41, x - 40 : x + 41], axis=2)
            peak = np.array(np.unravel_index(around.argmax(), around.shape)) - 40
            assert np.abs(peak).max() < 3 * zoom  # the ring's radius
    assert len(places) == 17


def test_growth_shows_every_keypoint_in_the_colour_of_its_turn(scene):
    fitted, fields, _ = scene
    picture = PANELS["growth"](fields, fitted).astype(int)
    zoom = picture.shape[1] / fitted.scaled_size[1]
    grown = grouped(fields)
    assert len(grown.points) == 1
    colours = draw_fields.order_colours(17)
    assert sorted(grown.order[0]) == list(range(17))
    for k in range(17):
        x, y = np.round(grown.points[0, k] * zoom + (zoom - 1) / 2).astype(int)
        disk = picture[y - 9 : y + 10, x - 9 : x + 10].reshape(-1, 3)
        assert (np.abs(disk - colours[grown.order[0, k]]).max(axis=1) < 8).any()
    assert (picture == 255).all(axis=2).sum() > 40  # the ring around the seed


def test_the_sheet_shows_all_six_panels_with_titles_and_legend(scene):
    fitted, fields, _ = scene
    panel = draw_fields.draw_body(fields, fitted)
    sheet = draw_sheet(fields, fitted, people(fields, fitted), OPTIONS)
    height, width = panel.shape[:2]
    assert sheet.shape[1] == 3 * width + 32
    assert 2 * height < sheet.shape[0] < 2 * height + 400
    _, _, (x, y), _ = cv2.minMaxLoc(cv2.matchTemplate(sheet, panel, cv2.TM_SQDIFF))
    assert (sheet[y : y + height, x : x + width] == panel).all()  # the body's panel is there, unchanged
    paper = (sheet == 255).all(axis=2)
    for k in range(17):
        assert (sheet[-150:] == draw_fields.keypoint_colour(k, 17)).all(axis=2).sum() > 100
    assert 0.9 < paper[:10].mean()  # nothing but paper above the first titles
    wide = fit_image(np.full((100, 200, 3), GREY, np.uint8), 161, 8)
    size = tuple(cell_count(side, 4) for side in wide.pixels.shape[:2])
    nobody = encode(torch.zeros(1, 1, 17, 3), size, 4, COCO).fields(0, 4, COCO)
    assert draw_sheet(nobody, wide, Poses.empty(), OPTIONS).shape[1] == 2 * 966 + 16


def test_tracked_people_keep_their_colour_and_carry_a_label():
    alone = draw.draw_poses(grey(), standing(), ids=[4])
    both = Poses(np.concatenate([standing().keypoints + np.array([400, 0, 0]), standing().keypoints]), [0.5, 0.9])
    np.testing.assert_array_equal(alone, draw.draw_poses(grey(), both, ids=[9, 4]))
    assert (alone != draw.draw_poses(grey(), standing(), ids=[5])).any()
    labelled = draw.draw_poses(grey(), standing(), ids=[4], labels=["4 walking"])
    rows = np.flatnonzero((labelled != alone).any(axis=(1, 2)))
    assert len(rows) and rows.max() <= standing().boxes[0, 1] + 1
