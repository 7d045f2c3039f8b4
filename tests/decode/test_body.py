"""Body regions: every warm pixel to the nearest person, in photo pixels, and to COCO and back."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from faster_coco_eval.core import mask as coco_mask
from pictures import person

from strongpose.decode.body import body_regions
from strongpose.encode import encode
from strongpose.fields import Fields, cell_count
from strongpose.images import FittedImage, fit_image
from strongpose.poses import Poses
from strongpose.skeleton import COCO, Skeleton

STRIDE = 4
STICK = Skeleton("stick", ("top", "foot"), ((0, 1),), (), (0.1, 0.1), ((0, 1),))


def people(*places: tuple[float, float, float]) -> Poses:
    """Standing people: x of the middle, y of the head's top, height; each less sure than the one before."""
    keypoints = np.stack([person(*place, np.random.default_rng(i)) for i, place in enumerate(places)])
    keypoints[..., 2] = 1
    return Poses(keypoints, 0.9 - 0.1 * np.arange(len(places)))


def perfect(poses: Poses, fitted: FittedImage) -> Fields:
    """What a perfect network would say about people in a photo."""
    keypoints = poses.keypoints.copy()
    keypoints[..., :2] = fitted.to_input(keypoints[..., :2])
    size = tuple(cell_count(side, STRIDE) for side in fitted.pixels.shape[:2])
    return encode(torch.from_numpy(keypoints)[None], size, STRIDE, COCO).fields(0, STRIDE, COCO)


def photo(width: int, height: int, size: int = 161) -> FittedImage:
    return fit_image(np.zeros((height, width, 3), np.uint8), size, 8)


def stick(body: np.ndarray, points: list[tuple[float, float]]) -> tuple[Fields, Poses]:
    """Fields that say nothing but where bodies are, and a limb from one point to another."""
    h, w = body.shape
    fields = Fields(np.zeros((2, h, w)), np.zeros((2, 2, h, w)), np.zeros((2, 2, h, w)), body, STRIDE, STICK)
    return fields, Poses(np.array([[(*point, 1.0) for point in points]]), [0.8], STICK)


@pytest.mark.parametrize("zoom", [1, 3])
def test_everybody_gets_the_pixels_around_their_own_limbs(zoom):
    fitted = photo(160 * zoom, 120 * zoom)
    poses = people((40 * zoom, 10 * zoom, 100 * zoom), (115 * zoom, 20 * zoom, 80 * zoom))
    regions = body_regions(perfect(poses, fitted), poses, fitted)
    assert len(regions) == 2 and regions.instance_map.shape == (120 * zoom, 160 * zoom)
    assert regions.instance_map[5 * zoom, 80 * zoom] == -1
    for i, region in enumerate(regions):
        for x, y in poses.keypoints[i, :, :2].round().astype(int):
            assert regions.instance_map[y, x] == i
        rows, columns = np.nonzero(region.mask)
        assert region.area == len(rows)
        assert region.bbox.tolist() == [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
        x0, y0, x1, y1 = poses.boxes[i]
        x, y, w, h = region.bbox
        margins = np.array([x0 - x, y0 - y, x + w - 1 - x1, y + h - 1 - y1]) / zoom
        assert (margins > 0).all() and (margins < 16).all(), margins  # limbs are thick


def test_warm_pixels_far_from_everybody_are_nobodys():
    fitted = photo(160, 120)
    poses = people((40, 10, 100), (115, 20, 80))
    fields = perfect(poses, fitted)
    regions = body_regions(fields, poses[:1], fitted)
    assert len(regions) == 1
    assert not regions[0].mask[:, 75:].any()
    assert fields.body[:, 20:].any()


def test_a_weak_duplicate_takes_nothing():
    fitted = photo(160, 120)
    alone = people((60, 10, 100))
    fields = perfect(alone, fitted)
    keypoints = np.repeat(alone.keypoints, 2, axis=0)
    keypoints[1, :, 0] += 2
    both = body_regions(fields, Poses(keypoints, [0.8, 0.1]), fitted)
    one = body_regions(fields, alone, fitted)
    assert both[0].area > 0.95 * one[0].area
    swapped = body_regions(fields, Poses(keypoints[::-1], [0.1, 0.8]), fitted)
    assert swapped[1].area == both[0].area


def test_the_farther_from_a_limb_the_more_heat_it_takes():
    fitted = photo(161, 121)
    widths = []
    for heat in (0.02, 0.35, 0.5, 0.8):
        fields, poses = stick(np.full((31, 41), heat, np.float32), [(40, 60), (120, 60)])
        x, y, w, h = body_regions(fields, poses, fitted)[0].bbox
        assert h == 0 or (abs(2 * y + h - 1 - 120) <= 2 and abs(2 * x + w - 1 - 160) <= 2)  # even on both sides
        widths.append(h)
    assert widths[0] == 0 and widths[1] > 0
    assert (np.diff(widths[1:]) >= 4).all(), widths


@pytest.mark.parametrize("zoom", [1, 2])
def test_where_the_heat_ends_the_region_ends(zoom):
    """Heat falls from 1 at cell 19 to 0 at cell 20, between input pixels 76 and 80."""
    fitted = photo(161 * zoom, 121 * zoom)
    body = np.zeros((31, 41), np.float32)
    body[:, :20] = 1
    fields, poses = stick(body, [(10 * zoom, 60 * zoom), (150 * zoom, 60 * zoom)])
    region = body_regions(fields, poses, fitted)[0]
    last = np.flatnonzero(region.mask[60 * zoom])[-1]
    assert 76 * zoom <= last <= 80 * zoom


def test_holes_are_filled_unless_somebody_else_is_there():
    fitted = photo(161, 121)
    body = np.ones((31, 41), np.float32)
    body[12:14, 18:22] = 0
    fields, poses = stick(body, [(40, 60), (120, 60)])
    assert body_regions(fields, poses, fitted)[0].mask[52, 80]
    keypoints = np.concatenate([poses.keypoints, [[(72, 52, 1), (88, 52, 1)]]])
    fields = replace(fields, body=np.ones((31, 41), np.float32))
    regions = body_regions(fields, Poses(keypoints, [0.8, 0.8], STICK), fitted)
    assert regions.instance_map[52, 80] == 1 and regions.instance_map[60, 80] == 0


def test_regions_survive_the_way_through_cocos_run_length_encoding():
    fitted = photo(160, 120)
    poses = people((40, 10, 100), (115, 20, 80))
    for region in body_regions(perfect(poses, fitted), poses, fitted):
        coco = json.loads(json.dumps(region.to_coco()))
        assert (coco_mask.decode(coco["segmentation"]).astype(bool) == region.mask).all()
        assert coco["area"] == region.area == coco_mask.area(coco["segmentation"])
        assert coco["bbox"] == region.bbox.tolist() == coco_mask.toBbox(coco["segmentation"]).tolist()


def test_nobody_cold_bodies_unsure_keypoints_and_people_outside_do_no_harm():
    fitted = photo(160, 120)
    poses = people((40, 10, 100))
    fields = perfect(poses, fitted)
    assert len(body_regions(fields, poses[:0], fitted)) == 0
    keypoints = poses.keypoints.copy()
    cold = replace(fields, body=np.zeros_like(fields.body))
    unsure, outside, far = keypoints.copy(), keypoints.copy(), keypoints.copy()
    unsure[0, 1:, 2] = 0.05
    outside[..., 0] += 4000
    far[0, 9, 0] = 1e6
    assert body_regions(cold, poses, fitted)[0].area < 20
    for points in (unsure, outside):
        region = body_regions(fields, Poses(points, [0.9]), fitted)[0]
        assert region.area == 0 and region.bbox.tolist() == [0, 0, 0, 0] and not region.mask.any()
    assert len(body_regions(fields, Poses(far, [0.9]), fitted)) == 1
    far[0, 9, 0] = 1e30
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(body_regions(fields, Poses(far, [0.9]), fitted)) == 1
    with pytest.raises(IndexError):
        body_regions(fields, poses, fitted)[1]


def test_a_region_holds_the_whole_head_where_the_heat_is_low():
    fitted = photo(160, 120)
    poses = people((80, 30, 80))
    fields = perfect(poses, fitted)
    faint = replace(fields, body=np.full_like(fields.body, 0.2))
    mask = body_regions(faint, poses, fitted)[0].mask
    eyes = poses.keypoints[0, 1:3, :2].mean(axis=0)
    shoulders = poses.keypoints[0, 5:7, :2].mean(axis=0)
    x, y = np.round(eyes + 0.5 * (eyes - shoulders)).astype(int)  # the forehead
    assert mask[y, x - 2 : x + 3].all()
    assert not mask[y, [x - 20, x + 20]].any()
    without_head = Poses(np.where(np.arange(17)[None, :, None] < 7, [0, 0, 0.01], poses.keypoints), poses.scores)
    assert not body_regions(faint, without_head, fitted)[0].mask[y, x]
