from __future__ import annotations

import numpy as np
import pytest
from pictures import STANDING

from strongpose.poses import Poses
from strongpose.video.similarity import person_sizes
from strongpose.video.smoothing import Smoother, SmoothOptions
from strongpose.video.tracking import TrackedPoses

RATE = 30.0


def moving(offsets, scores=0.8, height=200.0):
    """A standing person at the (T, 2) or (T, 17, 2) offsets; keypoints of every frame (T, 17, 3)."""
    offsets = np.asarray(offsets, dtype=float)
    offsets = offsets[:, None] if offsets.ndim == 2 else offsets
    points = np.broadcast_to(STANDING * height, (len(offsets), 17, 2)) + offsets
    return np.concatenate([points, np.broadcast_to(np.asarray(scores, float), (len(offsets), 17))[..., None]], axis=2)


def smooth(keypoints, rate=RATE, options=None, ids=None):
    smoother = Smoother(options)
    out = []
    for n, frame in enumerate(keypoints):
        identifier = 1 if ids is None else ids[n]
        tracked = TrackedPoses(n / rate, Poses(frame[None], np.ones(1)), np.array([identifier]))
        out.append(smoother.update(tracked).poses.keypoints[0])
    return np.array(out, dtype=float)


def lag(signal, smoothed, rate):
    """Seconds by which the smoothed signal comes later: where their correlation is highest, between samples too."""
    t = np.arange(len(signal)) / rate
    shifts = np.linspace(-0.1, 0.2, 601)
    middle = slice(len(t) // 4, -len(t) // 8)
    match = [np.corrcoef(np.interp(t - s, t, signal)[middle], smoothed[middle])[0, 1] for s in shifts]
    return shifts[int(np.argmax(match))]


@pytest.mark.parametrize("rate", [25.0, 30.0, 50.0])
def test_a_moving_sinusoid_lags_less_than_a_frame(rate):
    """A walker's swinging ankle: 1 Hz, half a person's size to either side."""
    size = person_sizes(Poses(moving([[0, 0]]), np.ones(1)))[0]
    t = np.arange(int(6 * rate)) / rate
    wave = 0.5 * size * np.sin(2 * np.pi * t)
    smoothed = smooth(moving(np.stack([wave, 0 * wave], axis=1)), rate)[:, 15, 0]
    assert lag(wave, smoothed - STANDING[15, 0] * 200, rate) < 1 / rate
    assert np.ptp(smoothed[30:]) > 0.93 * size


def test_jitter_at_rest_is_reduced_to_less_than_a_fifth():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1.5, (300, 17, 2))  # about 2 % of the person's size
    keypoints = moving(noise)
    smoothed = smooth(keypoints)

    def jitter(points):
        return np.median(np.linalg.norm(np.diff(points[..., :2], n=2, axis=0), axis=-1))

    assert jitter(smoothed) < jitter(keypoints) / 5
    spread = np.std(smoothed[60:, :, :2] - STANDING * 200)
    assert spread < 1.5 / 2


def test_half_the_frame_rate_and_twice_the_size_make_no_difference():
    t = np.arange(120) / 60
    path = np.stack([40 * np.sin(2 * np.pi * t), 0 * t], axis=1)
    fine, coarse = smooth(moving(path), 60), smooth(moving(path[::2]), 30)
    assert np.abs(fine[::2, :, :2] - coarse[:, :, :2]).max() < 3.5
    large = smooth(moving(2 * path, height=400), 60)
    np.testing.assert_allclose(large[..., :2], 2 * fine[..., :2], atol=0.01)


def test_a_guess_hardly_moves_a_sure_keypoint_and_a_sure_one_replaces_a_guess():
    offsets = np.zeros((20, 17, 2))
    scores = np.full((20, 17), 0.9)
    offsets[10, 9], scores[10, 9] = [60, 0], 0.05  # the left wrist is guessed once
    offsets[:10, 10], scores[:10, 10] = [60, 0], 0.05  # the right one at first
    smoothed = smooth(moving(offsets, scores))
    assert abs(smoothed[10, 9, 0] - STANDING[9, 0] * 200) < 2
    assert abs(smoothed[10, 10, 0] - STANDING[10, 0] * 200) < 6
    assert smoothed[10, 9, 2] == pytest.approx(0.05)  # scores stay


def test_the_first_frame_and_other_people_are_left_alone():
    keypoints = moving([[0, 0], [50, 0], [0, 0]])
    smoothed = smooth(keypoints, ids=[1, 2, 3])
    np.testing.assert_allclose(smoothed, keypoints, rtol=1e-6)


def test_after_a_gap_keypoints_start_anew():
    smoother = Smoother()
    for time, x in ((0.0, 0.0), (0.04, 0.0), (3.0, 80.0)):
        tracked = TrackedPoses(time, Poses(moving([[x, 0]]), np.ones(1)), np.array([1]))
        result = smoother.update(tracked)
    np.testing.assert_allclose(result.poses.keypoints, tracked.poses.keypoints)
    assert result.ids.tolist() == [1] and result.time == 3.0


def test_wrong_options_are_refused():
    with pytest.raises(ValueError, match="expected positive frequencies"):
        SmoothOptions(min_cutoff=0)
