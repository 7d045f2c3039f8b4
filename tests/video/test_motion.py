"""Rules of motion on synthetic clips: stick figures moved by simple kinematics, with noise on every keypoint."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from strongpose.poses import Poses
from strongpose.skeleton import COCO
from strongpose.video.motion import MotionRecogniser, PoseWindow, recognise_motion
from strongpose.video.tracking import TrackedPoses

TORSO, THIGH, SHIN, UPPER, FORE = 0.30, 0.22, 0.22, 0.17, 0.15
INDEX = {name: i for i, name in enumerate(COCO.names)}


def towards(angle, length):
    """From a joint down at an angle in radians, positive to the right."""
    return np.array([np.sin(angle), np.cos(angle)]) * length


def figure(
    hip=(0.0, 0.0), lean=0.0, thighs=(0.0, 0.0), knees=(0.0, 0.0), arms=(0.1, -0.1), elbows=(0.1, 0.1), width=0.05
):
    """(17, 2) a stick figure in body heights; knees and elbows bend from the limb above."""
    points = np.zeros((17, 2))
    hip = np.asarray(hip, dtype=float)
    up = towards(lean, -TORSO)
    across = np.array([np.cos(lean), -np.sin(lean)])
    for side, sign, thigh, knee, arm, elbow in zip(
        ("left", "right"), (1, -1), thighs, knees, arms, elbows, strict=True
    ):
        shoulder = hip + up + sign * width * across
        points[INDEX[f"{side}_hip"]] = joint = hip + 0.7 * sign * width * across
        points[INDEX[f"{side}_knee"]] = joint = joint + towards(thigh, THIGH)
        points[INDEX[f"{side}_ankle"]] = joint + towards(thigh - knee, SHIN)
        points[INDEX[f"{side}_shoulder"]] = shoulder
        points[INDEX[f"{side}_elbow"]] = joint = shoulder + towards(lean + arm, UPPER)
        points[INDEX[f"{side}_wrist"]] = joint + towards(lean + arm + elbow, FORE)
        points[INDEX[f"{side}_eye"]] = hip + up * 1.45 + sign * 0.02 * across
        points[INDEX[f"{side}_ear"]] = hip + up * 1.42 + sign * 0.04 * across
    points[INDEX["nose"]] = hip + up * 1.4
    return points


def stand(t):
    return figure(hip=(0.004 * np.sin(t), 0), width=0.12)


def walk(t):
    """From the side: 0.8 body heights a second, 0.95 strides a second."""
    phase = 2 * np.pi * 0.95 * t
    swing = 0.42 * np.sin(phase)
    bend = [0.9 * max(0, np.cos(phase)), 0.9 * max(0, -np.cos(phase))]
    return figure((0.8 * t, 0.015 * np.cos(2 * phase)), 0.05, (swing, -swing), bend, (-swing, swing))


def walk_to_camera(t):
    """Feet lift in turn, knees come forward; the figure grows."""
    phase = 2 * np.pi * 0.95 * t
    points = figure((0.01 * np.sin(phase), 0), width=0.12)
    for side, sign in (("left", 1), ("right", -1)):
        lift = max(0, sign * np.sin(phase))
        points[INDEX[f"{side}_ankle"], 1] -= 0.16 * lift - 0.05 * sign * np.cos(phase)
        points[INDEX[f"{side}_knee"], 1] -= 0.05 * lift
    return points * (1 + 0.1 * t)


def run(t):
    """Two body heights a second, 1.4 strides a second, with flight."""
    phase = 2 * np.pi * 1.4 * t
    swing = 0.75 * np.sin(phase)
    bend = [0.3 + 1.4 * max(0, np.cos(phase)), 0.3 + 1.4 * max(0, -np.cos(phase))]
    return figure((2 * t, -0.04 * abs(np.sin(phase))), 0.15, (swing, -swing), bend, (-swing, swing), (1.4, 1.4))


def run_on_the_spot(t):
    return run(t) - [2 * t, 0]


def jump(t):
    """Once a second: a crouch for 0.3 s, then up with 1.5 body heights a second."""
    phase, speed, gravity = t % 1, 1.5, 6.0
    crouch = 0.10 * np.sin(np.pi * phase / 0.3) if phase < 0.3 else 0
    air = max(0.0, speed * (phase - 0.3) - gravity / 2 * (phase - 0.3) ** 2) if phase >= 0.3 else 0
    bend = 2 * np.arccos(1 - crouch / (THIGH + SHIN))
    return figure((0, crouch - air), 0.1 * (crouch > 0), (bend / 2,) * 2, (bend,) * 2, width=0.12)


def sit(t):
    """From the side, on a chair."""
    return figure((0.003 * np.sin(t), 0), 0.1, (1.45, 1.4), (1.5, 1.5))


def sit_to_camera(t):
    points = figure(width=0.12)
    for side in ("left", "right"):
        points[INDEX[f"{side}_knee"], 1] -= 0.75 * THIGH
        points[INDEX[f"{side}_ankle"], 1] -= 0.75 * THIGH
    return points


def lie(t):
    return figure(lean=1.5, thighs=(-1.5, -1.4), knees=(0.1, 0.2), arms=(0.2, -0.2))


def fall(t):
    """Stiffly to the right at t = 2 s, within 0.6 s."""
    angle = 1.5 * np.clip((t - 2) / 0.6, 0, 1) ** 2
    feet = towards(-angle, THIGH + SHIN)
    return figure(-feet, -angle, (-angle, -angle))


def bend_over(t):
    return figure(lean=1.4, arms=(-1.3, -1.3))


def raise_hand(t):
    return figure(arms=(2.9, -0.1), width=0.12)


def film(kinematics, seconds=4.0, rate=25, height=150.0, noise=0.008, mirrored=False, seed=0):
    """(T,) times and (T, 17, 3) keypoints in pixels."""
    rng = np.random.default_rng(seed)
    times = np.arange(int(seconds * rate)) / rate
    points = np.stack([kinematics(t) for t in times]) + rng.normal(0, noise, (len(times), 17, 2))
    if mirrored:
        points[..., 0] *= -1
    points = points * height + [600, 300]
    return times, np.concatenate([points, np.full((*points.shape[:2], 1), 0.7)], axis=2)


def watch(times, keypoints, classifier=None):
    recogniser = MotionRecogniser(classifier)
    return [
        recogniser.update(TrackedPoses(t, Poses(k[None], np.ones(1)), np.array([5])))[0]
        for t, k in zip(times, keypoints, strict=True)
    ]


CLIPS = [
    (stand, "standing"),
    (walk, "walking"),
    (walk_to_camera, "walking"),
    (run, "running"),
    (run_on_the_spot, "running"),
    (sit, "sitting"),
    (sit_to_camera, "sitting"),
    (lie, "lying"),
]


@pytest.mark.parametrize(("kinematics", "word"), CLIPS, ids=[clip.__name__ for clip, _ in CLIPS])
@pytest.mark.parametrize(("rate", "height", "mirrored"), [(25, 150, False), (50, 80, True), (12.5, 300, False)])
def test_lasting_motions_are_named_in_nearly_all_frames(kinematics, word, rate, height, mirrored):
    times, keypoints = film(kinematics, rate=rate, height=height, mirrored=mirrored)
    words = [w for t, w in zip(times, watch(times, keypoints), strict=True) if t > 1]
    assert np.mean([w == (word,) for w in words]) > 0.9, words


@pytest.mark.parametrize("rate", [25, 50])
def test_jumps_are_named_while_in_the_air_and_not_otherwise(rate):
    times, keypoints = film(jump, rate=rate)
    words = watch(times, keypoints)
    phases = times % 1
    late = times > 1
    peak = late & (phases > 0.5) & (phases < 0.75)
    still = late & (phases > 0.2) & (phases < 0.3)
    assert np.mean([words[i] == ("jumping",) for i in np.flatnonzero(peak)]) > 0.9
    assert not any("jumping" in words[i] for i in np.flatnonzero(still))


def test_a_fall_is_named_and_turns_into_lying():
    times, keypoints = film(fall, seconds=5)
    words = dict(zip(times.round(2).tolist(), watch(times, keypoints), strict=True))
    assert words[1.8] == ("standing",)
    assert words[3.0] == ("fallen",) and words[3.2] == ("fallen",)
    assert words[4.8] == ("lying",)


def test_a_raised_hand_is_named_next_to_what_the_body_does():
    assert watch(*film(raise_hand))[-1] == ("standing", "hand raised")
    assert watch(*film(stand))[-1] == ("standing",)


def test_who_bends_over_does_not_lie():
    assert watch(*film(bend_over))[-1] == ()


def test_nothing_is_said_of_the_first_moments_or_of_bodies_hardly_seen():
    times, keypoints = film(stand)
    words = watch(times, keypoints)
    assert words[:10] == [()] * 10 and words[11] == ("standing",)
    keypoints[:, 11:, 2] = 0.1  # hips and legs are hidden
    assert watch(times, keypoints)[-1] == ()


def test_a_window_does_not_reach_over_a_gap():
    times, keypoints = film(stand)
    times[60:] += 1.0
    words = watch(times, keypoints)
    assert words[59] == ("standing",) and words[60:70] == [()] * 10 and words[71] == ("standing",)


def test_a_classifier_of_ones_own_sees_the_last_moments_of_one_person():
    seen = []

    def classify(window: PoseWindow) -> tuple[str, ...]:
        seen.append(window)
        return ("waving",)

    times, keypoints = film(stand)
    assert watch(times, keypoints, classify) == [("waving",)] * 100
    assert seen[0].keypoints.shape == (1, 17, 3) and seen[0].skeleton == COCO
    assert seen[-1].times[-1] == times[-1] and seen[-1].times[0] == pytest.approx(times[-1] - 1.5, abs=0.041)
    np.testing.assert_allclose(seen[-1].keypoints[-1], keypoints[-1], rtol=1e-6)


def test_skeletons_without_legs_are_refused():
    names = tuple(name.replace("knee", "wheel") for name in COCO.names)
    times, keypoints = film(stand)
    with pytest.raises(ValueError, match=r"need \['left_knee', 'right_knee'\], which skeleton 'robot' lacks"):
        recognise_motion(PoseWindow(times, keypoints, dataclasses.replace(COCO, name="robot", names=names)))
