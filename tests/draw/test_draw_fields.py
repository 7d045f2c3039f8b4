"""Pictures of fields: every kind shows the person where it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pictures import person

from strongpose.decode import DecodeOptions, decode
from strongpose.decode.grouping import GroupedPoses, group_poses
from strongpose.decode.peaks import find_seeds
from strongpose.draw import fields as draw_fields
from strongpose.draw.colours import keypoint_colour, order_colours
from strongpose.draw.sheet import draw_fields as draw_sheet
from strongpose.encode import encode
from strongpose.fields import Fields, cell_count
from strongpose.images import FittedImage, fit_image
from strongpose.poses import Poses
from strongpose.skeleton import COCO

GREY = 90


def grey(width: int = 240, height: int = 320) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


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
            colour = np.array(keypoint_colour(k, 17), float)
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
    colours = order_colours(17)
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
    middle = sheet[height + 52 :, 2 * (width + 16) :][: height + 100]  # the body's panel is the last, and unchanged
    assert any((middle[y : y + height, :width] == panel).all() for y in range(middle.shape[0] - height))
    paper = (sheet == 255).all(axis=2)
    for k in range(17):
        assert (sheet[-150:] == keypoint_colour(k, 17)).all(axis=2).sum() > 100
    assert 0.9 < paper[:10].mean()  # nothing but paper above the first titles
    wide = fit_image(np.full((100, 200, 3), GREY, np.uint8), 161, 8)
    size = tuple(cell_count(side, 4) for side in wide.pixels.shape[:2])
    nobody = encode(torch.zeros(1, 1, 17, 3), size, 4, COCO).fields(0, 4, COCO)
    assert draw_sheet(nobody, wide, Poses.empty(), OPTIONS).shape[1] == 2 * 966 + 16
