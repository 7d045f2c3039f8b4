from __future__ import annotations

import cv2
import numpy as np
import pytest
from pictures import draw, person

from strongpose.images import open_image
from strongpose.poses import Poses
from strongpose.video.camera_motion import CameraMotion, shifted

NOBODY = np.zeros((0, 4))


def crop(photo, x, y, width=640, height=400):
    """The part of a photo whose top left corner is at (x, y), between pixels too."""
    return cv2.warpAffine(photo, np.array([[1, 0, -x], [0, 1, -y]], dtype=float), (width, height))


def test_a_shaken_camera_is_followed_to_a_pixel(photos):
    photo = cv2.resize(open_image(photos / "group.jpg"), (1600, 560))
    path = [(400 + 12 * np.sin(n), 70 + 15 * np.cos(1.3 * n)) for n in range(20)]
    camera = CameraMotion()
    shifts = np.array([camera.update(crop(photo, *place), NOBODY) for place in path])
    np.testing.assert_allclose(shifts, -(np.array(path) - path[0]), atol=1.0)


def test_people_who_walk_before_a_camera_that_stands_still_do_not_count():
    rng = np.random.default_rng(0)
    ground = cv2.resize(rng.integers(60, 160, (30, 48, 3), dtype=np.uint8), (640, 400))
    camera, people = CameraMotion(), [person(0, 40, 320, rng), person(0, 100, 250, rng)]
    for n in range(20):
        walking = [people[0] + [150 + 8 * n, 0, 0], people[1] + [500 - 6 * n, 0, 0]]
        drawn = draw(walking, 640, 400, np.random.default_rng(1))
        plain = draw([], 640, 400, np.random.default_rng(1))
        picture = np.where((drawn != plain).any(axis=2, keepdims=True), drawn, ground)
        shift = camera.update(picture, Poses(np.stack(walking), np.ones(2)).boxes)
    np.testing.assert_allclose(shift, [0, 0], atol=1.0)


@pytest.mark.parametrize("size", [(400, 640), (2, 2), (1, 900)])
def test_pictures_without_edges_and_cuts_move_nothing(size):
    camera, rng = CameraMotion(), np.random.default_rng(0)
    grey, black = (np.full((*size, 3), value, np.uint8) for value in (120, 0))
    for picture in (grey, grey, black):
        assert camera.update(picture, NOBODY).tolist() == [0, 0]
    camera.update(rng.integers(0, 255, (400, 640, 3), dtype=np.uint8), NOBODY)
    assert camera.update(rng.integers(0, 255, (400, 640, 3), dtype=np.uint8), NOBODY).tolist() == [0, 0]


def test_poses_are_shifted_with_their_boxes():
    poses = Poses(person(50, 20, 100, np.random.default_rng(0))[None], [0.5])
    moved = shifted(poses, np.array([7.0, -3.0]))
    np.testing.assert_allclose(moved.keypoints - poses.keypoints, np.broadcast_to([7, -3, 0], (1, 17, 3)), atol=1e-4)
    np.testing.assert_allclose(moved.boxes - poses.boxes, [[7, -3, 7, -3]], atol=1e-4)
    np.testing.assert_array_equal(moved.scores, poses.scores)
