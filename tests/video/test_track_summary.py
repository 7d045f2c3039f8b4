from __future__ import annotations

import numpy as np
import pytest
from pictures import STANDING

from strongpose.poses import Poses
from strongpose.video.similarity import person_sizes
from strongpose.video.track_summary import TrackSummary
from strongpose.video.tracking import TrackedPoses


def frame(time, people):
    """``people``: id → (x, y) of the head's top."""
    points = np.array([STANDING * 100 + where for where in people.values()]).reshape(-1, 17, 2)
    keypoints = np.concatenate([points, np.full((len(people), 17, 1), 0.8)], axis=2)
    return TrackedPoses(time, Poses(keypoints, np.ones(len(people))), np.array(list(people), dtype=int))


def summary(frames):
    result = TrackSummary()
    for n, people in enumerate(frames):
        result.update(frame(n / 10, people))
    return result


def test_tracks_and_their_lengths():
    found = summary([{1: (0, 0)}] * 11 + [{}] * 40 + [{2: (0, 0), 3: (200, 0)}] * 6 + [{3: (200, 0)}] * 5)
    assert (found.tracks, found.frames, found.people) == (3, 62, 11 + 12 + 5)
    assert found.median_seconds == pytest.approx(1.0)
    assert found.fragments == 0


def test_a_track_that_begins_where_another_just_ended_is_a_fragment():
    assert summary([{1: (0, 0)}] * 5 + [{}] * 3 + [{2: (20, 0)}] * 5).fragments == 1
    assert summary([{1: (0, 0)}] * 5 + [{}] * 3 + [{2: (200, 0)}] * 5).fragments == 0
    assert summary([{1: (0, 0)}] * 5 + [{}] * 30 + [{2: (20, 0)}] * 5).fragments == 0
    assert summary([{1: (0, 0)}] * 5 + [{1: (0, 0), 2: (20, 0)}] * 5).fragments == 0


def test_jitter_is_the_second_difference_and_even_motion_has_none():
    still, even = [{1: (0, 0)}] * 6, [{1: (8 * n, 3 * n)} for n in range(6)]
    assert summary(still).jitter == (0, 0) and summary(even).jitter[0] == pytest.approx(0, abs=1e-4)
    pixels, share = summary([{1: (4 * (n % 2), 0)} for n in range(9)]).jitter
    assert pixels == pytest.approx(8, abs=1e-4)
    assert share == pytest.approx(8 / person_sizes(frame(0, {1: (0, 0)}).poses)[0], rel=1e-4)


def test_jitter_is_not_taken_over_gaps():
    assert summary([{1: (0, 0)}, {1: (0, 0)}, {}, {1: (50, 0)}, {1: (50, 0)}]).jitter == (0, 0)


def test_no_people_at_all():
    assert str(summary([{}, {}])) == (
        "0 tracks, median 0.00 s, 0.0 people a frame, 0 fragments, jitter 0.00 px/frame² (0.00 % of a person's size)"
    )
