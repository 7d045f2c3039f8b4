"""Averaging: fields of several sizes and of the mirrored photo meet in one frame, exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from strongpose.decode import DecodeOptions, decode
from strongpose.encode import encode
from strongpose.fields import Fields, cell_count
from strongpose.images import FittedImage, fit_image
from strongpose.inference.tta import average, interpolation
from strongpose.skeleton import COCO

RADIUS = 12.0
SIZES = (401, 561, 721)


def people() -> np.ndarray:
    """(3, 17, 2) keypoints in a photo of 640 × 480 pixels: people side by side, joints apart from each other."""
    random = np.random.default_rng(0)
    return random.random((3, 17, 2)) * [150, 400] + np.array([[40, 30], [230, 30], [430, 30]])[:, None]


def seen(points: np.ndarray, size: int, photo: tuple[int, int] = (480, 640)) -> tuple[list[Fields], FittedImage]:
    """The fields that a perfect network finds in a photo with these (N, 17, 2) keypoints."""
    fitted = fit_image(np.zeros((*photo, 3), np.uint8), size, 8)
    keypoints = np.append(fitted.to_input(points), np.ones((*points.shape[:2], 1)), axis=-1)[None]
    h, w = (cell_count(side, 8) for side in fitted.pixels.shape[:2])
    return [encode(torch.tensor(keypoints).float(), (h, w), 8, COCO, RADIUS).fields(0, 8, COCO)], fitted


def ends(fields: Fields, fitted: FittedImage) -> np.ndarray:
    """(17, h, w, 2) where the offsets lead to, in photo pixels."""
    y, x = 8 * np.mgrid[: fields.size[0], : fields.size[1]]
    return fitted.to_photo(np.moveaxis(fields.offsets + np.stack([x, y]), 1, -1))


@pytest.mark.parametrize("frame", range(3))
@pytest.mark.parametrize("photo", [(480, 640), (487, 633)], ids=str)
def test_people_seen_at_three_sizes_are_found_where_they_are(photo, frame):
    truth = people()
    views = [seen(truth, size, photo) for size in SIZES]
    fitted = views[frame][1]
    poses = decode(average(views, fitted), DecodeOptions(disk_radius=RADIUS))
    assert len(poses) == 3
    found = fitted.to_photo(poses.keypoints[..., :2])
    order = [np.abs(found - person).max(axis=(1, 2)).argmin() for person in truth]
    assert sorted(order) == [0, 1, 2]
    assert np.abs(found[order] - truth).max() < 0.01  # pixels of the photo


@pytest.mark.parametrize("frame", range(3))
def test_every_warm_cell_points_at_a_keypoint(frame):
    """Also cells on the edge of a disk, half of whose neighbours know nothing, and cells on the photo's border."""
    truth = people()
    truth[0, :3] = [[1, 200], [3, 478], [300, 0]]
    views = [seen(truth, size) for size in SIZES]
    fields = average(views, views[frame][1])
    misses = np.linalg.norm(ends(fields, views[frame][1])[:, :, :, None] - truth.swapaxes(0, 1)[:, None, None], axis=-1)
    warm = fields.heatmaps > 0.01
    assert warm.sum() > 17 * 3 * 4
    assert misses.min(axis=-1)[warm].max() < 0.01  # pixels of the photo


def test_displacements_lead_from_warm_tails_to_heads():
    truth = people()[:1]
    views = [seen(truth, size) for size in SIZES]
    fields, fitted = average(views, views[1][1]), views[1][1]
    y, x = 8 * np.mgrid[: fields.size[0], : fields.size[1]]
    found = fitted.to_photo(np.moveaxis(fields.displacements + np.stack([x, y]), 1, -1))
    for edge, (tail, head) in enumerate(COCO.directed_edges):
        warm = fields.heatmaps[tail] > 0.01
        assert warm.any()
        assert np.abs(found[edge][warm] - truth[0, head]).max() < 0.01


def test_heat_is_the_mean_and_vectors_follow_the_heat():
    (fields,), fitted = seen(people(), 401)
    cold = replace(
        fields,
        heatmaps=np.zeros_like(fields.heatmaps),
        offsets=fields.offsets + 5,
        displacements=fields.displacements - 5,
        body=np.zeros_like(fields.body),
    )
    mean = average([([fields, cold], fitted)], fitted)
    np.testing.assert_allclose(mean.heatmaps, fields.heatmaps / 2, atol=1e-6)
    np.testing.assert_allclose(mean.body, fields.body / 2)
    warm = fields.heatmaps > 0
    for axis in (0, 1):
        np.testing.assert_allclose(mean.offsets[:, axis][warm], fields.offsets[:, axis][warm], atol=1e-3)
        np.testing.assert_allclose(mean.offsets[:, axis][~warm], fields.offsets[:, axis][~warm] + 2.5, atol=1e-3)
    tail = warm[COCO.directed_edges[:, 0]]
    np.testing.assert_allclose(mean.displacements[:, 0][tail], fields.displacements[:, 0][tail], atol=1e-3)
    np.testing.assert_allclose(mean.displacements[:, 0][~tail], fields.displacements[:, 0][~tail] - 2.5, atol=1e-3)


def test_equal_fields_are_their_own_mean():
    found, fitted = seen(people(), 401)
    mean = average([(found * 3, fitted)], fitted)
    for name in ("heatmaps", "offsets", "displacements", "body"):
        np.testing.assert_allclose(getattr(mean, name), getattr(found[0], name), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (0.0, [1, 0, 0]),
        (0.25, [0.75, 0.25, 0]),
        (1.0, [0, 1, 0]),
        (1.9, [0, 0.1, 0.9]),
        (2.0, [0, 0, 1]),
        (-0.3, [1, 0, 0]),  # outside: the nearest end
        (2.6, [0, 0, 1]),
    ],
)
def test_interpolation_is_linear(position, expected):
    np.testing.assert_allclose(interpolation(np.array([position]), 3)[0], expected, atol=1e-6)


def test_a_line_of_one_value_is_that_value_everywhere():
    np.testing.assert_array_equal(interpolation(np.array([-1.0, 0.0, 2.0]), 1), [[1], [1], [1]])
