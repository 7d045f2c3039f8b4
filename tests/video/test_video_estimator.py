"""VideoEstimator: its parts put together, on frames made of a photo that a hand-held camera would see."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from strongpose import StrongPose
from strongpose.images import open_image
from strongpose.video import MotionRecogniser, Smoother, Tracker, TrackOptions, VideoEstimator


@pytest.fixture(scope="module")
def model():
    return StrongPose.from_pretrained(size=241, runtime="onnx", threads=1)


@pytest.fixture(scope="module")
def frames(photos):
    """Eight frames of three people; the camera moves to the left by 4 pixels a frame."""
    photo = cv2.resize(open_image(photos / "group.jpg"), (600, 210), interpolation=cv2.INTER_AREA)
    return [np.roll(photo, 4 * n, axis=1) for n in range(8)]


def test_without_more_it_is_a_tracker_and_a_smoother(model, frames):
    estimator, tracker, smoother = VideoEstimator(model, camera_motion=False), Tracker(), Smoother()
    for n, image in enumerate(frames):
        tracked, motions = estimator(image, n / 10)
        expected = smoother.update(tracker.update(model(image), n / 10))
        assert motions is None
        np.testing.assert_array_equal(tracked.ids, expected.ids)
        np.testing.assert_array_equal(tracked.poses.keypoints, expected.poses.keypoints)
    assert estimator.summary.tracks == 3 and estimator.summary.frames == 8
    assert estimator.motion_shares == []


def test_poses_lie_on_the_frame_though_the_camera_moves(model, frames):
    estimator = VideoEstimator(model, smooth=False)
    for n, image in enumerate(frames):
        tracked, _ = estimator(image, n / 10)
    nose = tracked.poses.skeleton.names.index("nose")
    assert np.sort(tracked.poses.keypoints[:, nose, 0]) - 28 == pytest.approx([91, 302, 491], abs=8)
    moving = VideoEstimator(model, smooth=False, camera_motion=False)
    for n, image in enumerate(frames):
        moving(image, n / 10)
    assert estimator.summary.jitter[0] < 3 and estimator.summary.tracks == moving.summary.tracks == 3


def test_it_says_what_people_do_and_whom_it_leaves_out(model, frames):
    recogniser = MotionRecogniser(lambda window: ("waving",) if len(window.times) > 4 else ())
    estimator = VideoEstimator(model, recogniser=recogniser)
    said = [estimator(image, n / 10)[1] for n, image in enumerate(frames)]
    assert set(said[3]) == {()} and set(said[-1]) == {("waving",)}
    shares = dict(estimator.motion_shares)
    assert set(shares) == {"waving", "not clear"} and sum(shares.values()) == pytest.approx(1)
    nobody = VideoEstimator(model, tracking=TrackOptions.from_threshold(1.0))
    assert [len(nobody(image, n)[0]) for n, image in enumerate(frames)] == [0] * 8


def test_time_goes_forward(model, frames):
    estimator = VideoEstimator(model)
    estimator(frames[0], 1.0)
    with pytest.raises(ValueError, match="order of time"):
        estimator(frames[1], 1.0)
