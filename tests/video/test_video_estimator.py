"""VideoEstimator: its parts put together, on frames made of a photo that a hand-held camera would see."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest
from pictures import STANDING

from strongpose import Poses, StrongPose
from strongpose.images import open_image
from strongpose.video import (
    Frame,
    Smoother,
    Tracker,
    TrackOptions,
    VideoError,
    VideoEstimator,
    VideoReader,
    VideoWriter,
    open_video,
)


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
        tracked = estimator(image, n / 10)
        expected = smoother.update(tracker.update(model(image), n / 10))
        np.testing.assert_array_equal(tracked.ids, expected.ids)
        np.testing.assert_array_equal(tracked.poses.keypoints, expected.poses.keypoints)
    assert estimator.summary.tracks == 3 and estimator.summary.frames == 8


def test_poses_lie_on_the_frame_though_the_camera_moves(model, frames):
    estimator = VideoEstimator(model, smooth=False)
    for n, image in enumerate(frames):
        tracked = estimator(image, n / 10)
    nose = tracked.poses.skeleton.names.index("nose")
    assert np.sort(tracked.poses.keypoints[:, nose, 0]) - 28 == pytest.approx([91, 302, 491], abs=8)
    moving = VideoEstimator(model, smooth=False, camera_motion=False)
    for n, image in enumerate(frames):
        moving(image, n / 10)
    assert estimator.summary.jitter[0] < 3 and estimator.summary.tracks == moving.summary.tracks == 3


def test_people_with_lower_scores_than_the_threshold_are_left_out(model, frames):
    nobody = VideoEstimator(model, tracking=TrackOptions.from_threshold(1.0))
    assert [len(nobody(image, n)) for n, image in enumerate(frames)] == [0] * 8


class Unsure:
    """A model that is not sure of a person who comes in the third frame, and finds another in the sixth only."""

    def __init__(self):
        self.frame = -1

    threshold = 0.25

    def with_threshold(self, threshold):
        assert threshold == 0.2
        return self

    def __call__(self, image):
        self.frame += 1
        places = [(100, 50)] * (self.frame >= 2) + [(300, 50)] * (self.frame == 5)
        points = np.array([np.c_[STANDING * 100.0 + place, np.full(17, 0.8)] for place in places]).reshape(-1, 17, 3)
        return Poses(points, np.full(len(places), 0.3))


def grey_frames(count=9):
    return [Frame(2 * n, n / 10, np.full((60, 80, 3), 90, np.uint8), Fraction(1)) for n in range(count)]


def test_people_are_there_from_their_first_frame():
    frames = grey_frames()
    given = list(VideoEstimator(Unsure()).track(frames))
    assert [frame is expected for (frame, _), expected in zip(given, frames, strict=True)] == [True] * 9
    assert [people.ids.tolist() for _, people in given] == [[]] * 2 + [[1]] * 7
    assert [people.time for _, people in given] == [frame.time for frame in frames]
    live = VideoEstimator(Unsure()).track(grey_frames(), delay=0)
    assert [people.ids.tolist() for _, people in live] == [[]] * 4 + [[1]] * 5


def test_frames_are_held_back_no_longer_than_confirming_takes():
    taken = []
    frames = VideoEstimator(Unsure(), tracking=TrackOptions(window=4)).track(
        taken.append(frame.index) or frame for frame in grey_frames()
    )
    assert [(frame.index, len(taken)) for frame, _ in frames] == [
        *((2 * n, n + 4) for n in range(6)),
        *((2 * n, 9) for n in (6, 7, 8)),
    ]


def test_frames_before_a_damaged_place_are_given():
    def frames():
        yield from grey_frames(3)
        raise VideoError("street.mp4: damaged at frame 3")

    estimator, given = VideoEstimator(Unsure()).track(frames()), []
    with pytest.raises(VideoError, match="damaged at frame 3"):
        for pair in estimator:
            given.append(pair)
    assert [frame.index for frame, _ in given] == [0, 2, 4]


def test_people_start_at_the_models_threshold_and_are_followed_below_it(model, frames):
    [best, *_] = scores = model(frames[0]).scores
    few = VideoEstimator(model.with_threshold(float(best) - 1e-3), smooth=False)
    assert [len(few(frames[0], n / 10)) for n in range(4)] == [0, 0, 1, 1] and len(scores) == 3
    options = TrackOptions(low_score=0, high_score=0.05, confirm_score=0.05)
    everybody = VideoEstimator(model, tracking=options, smooth=False, camera_motion=False)
    assert len(everybody(frames[0], 0.0)) == len(model.with_threshold(0.05)(frames[0]))


@pytest.mark.parametrize("count", [1, 2])
def test_people_in_a_video_too_short_to_confirm_them_are_given(model, frames, count):
    few = [Frame(n, n / 10, image, Fraction(1)) for n, image in enumerate(frames[:count])]
    given = [sorted(people.ids.tolist()) for _, people in VideoEstimator(model).track(few)]
    assert given == [[1, 2, 3]] * count
    assert [len(people) for _, people in VideoEstimator(Unsure()).track(grey_frames(3))] == [0] * 3


def test_time_goes_forward(model, frames):
    estimator = VideoEstimator(model)
    estimator(frames[0], 1.0)
    with pytest.raises(ValueError, match="order of time"):
        estimator(frames[1], 1.0)


@pytest.fixture(scope="module")
def clip(frames, tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "group.mp4"
    with VideoWriter(path, Fraction(10)) as writer:
        for n, image in enumerate(frames):
            writer.write(image, n / 10)
    return path


def test_a_model_tracks_a_video_file(model, clip):
    pairs = list(model.track(clip))
    estimator = VideoEstimator(model)
    with open_video(str(clip)) as video:
        expected = [people for _, people in estimator.track(video)]
    assert [frame.index for frame, _ in pairs] == list(range(8))
    for (frame, people), same in zip(pairs, expected, strict=True):
        assert people.ids.tolist() == same.ids.tolist() and sorted(people.ids.tolist()) == [1, 2, 3]
        assert people.time == frame.time
        np.testing.assert_array_equal(people.poses.keypoints, same.poses.keypoints)


def test_the_options_of_track(model, clip):
    assert len(list(model.track(clip, max_frames=3))) == 3
    assert [len(people) for _, people in model.track(str(clip), threshold=1.0)] == [0] * 8
    (_, rough), (_, smooth) = (list(model.track(clip, smooth=on, camera_motion=False))[-1] for on in (False, True))
    assert np.abs(rough.poses.keypoints - smooth.poses.keypoints).max() > 0.1
    with pytest.raises(VideoError, match=r"nope\.mp4: no such file"):
        next(model.track("nope.mp4"))


def test_track_tells_what_is_damaged(model, clip, tmp_path):
    data, cut, empty = clip.read_bytes(), tmp_path / "cut.mkv", tmp_path / "empty.mkv"
    whole = tmp_path / "whole.mkv"
    with VideoWriter(whole, Fraction(10)) as writer:
        for n, (frame, _) in enumerate(model.track(clip)):
            writer.write(frame.image, n / 10)
    data = whole.read_bytes()
    cut.write_bytes(data[: 9 * len(data) // 10])
    empty.write_bytes(data[:1500])
    with pytest.warns(UserWarning, match=r"cut\.mkv: damaged at frame \d"):
        assert list(model.track(cut))
    with pytest.raises(VideoError, match=r"empty\.mkv: "):
        list(model.track(empty))
    with pytest.raises(ValueError, match="max_frames must be at least 1, got 0"):
        list(model.track(clip, max_frames=0))


def test_track_closes_the_video_at_the_end_and_on_break(model, clip, monkeypatch):
    closed = []
    close = VideoReader.close
    monkeypatch.setattr(VideoReader, "close", lambda self: (closed.append(self.source), close(self)))
    list(model.track(clip, max_frames=2))
    assert closed == [str(clip)]
    for _frame, _people in (running := model.track(clip)):
        break
    running.close()  # which is what forgetting it does
    assert closed == [str(clip)] * 2
