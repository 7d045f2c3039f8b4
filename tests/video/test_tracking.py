from __future__ import annotations

import json

import numpy as np
import pytest
from pictures import STANDING

from strongpose.poses import Poses
from strongpose.skeleton import COCO
from strongpose.video.appearance import Appearances
from strongpose.video.similarity import person_sizes, pose_similarities
from strongpose.video.track_options import TrackOptions
from strongpose.video.tracked_poses import TrackedPoses
from strongpose.video.tracking import Tracker

RATE = 25


def people(*where, score=0.7, height=100.0, noise=0.0, seed=0):
    """Standing people whose head tops are at the (x, y) given."""
    rng = np.random.default_rng(seed)
    points = np.zeros((len(where), 17, 3))
    for i, (x, y) in enumerate(where):
        points[i, :, :2] = STANDING * height + [x, y] + rng.normal(0, noise, (17, 2))
        points[i, :, 2] = 0.8
    return Poses(points, np.broadcast_to(score, len(where))) if where else Poses.empty()


def follow(frames, options=None, rate=RATE):
    """The ids of every frame."""
    tracker = Tracker(options)
    return [tracker.update(poses, n / rate).ids.tolist() for n, poses in enumerate(frames)]


def test_two_people_who_cross_keep_their_ids():
    frames = [people((100 + 4 * n, 50), (300 - 4 * n, 58), noise=1.0, seed=n) for n in range(50)]
    assert follow(frames) == [[1, 2]] * 50


def test_ids_stay_with_people_whatever_the_order_of_the_poses():
    frames = [people((100, 50), (300, 50)), people((300, 50), (100, 50)), people((101, 50), (299, 50))]
    assert follow(frames) == [[1, 2], [2, 1], [1, 2]]


def test_a_hidden_person_who_crosses_keeps_the_id_over_a_gap_of_five_frames():
    """The one behind is not found while both overlap; velocity tells who comes out on which side."""
    frames = []
    for n in range(50):
        a, b = (100 + 4 * n, 50), (300 - 4 * n, 55)
        frames.append(people(a) if 23 <= n < 28 else people(a, b))
    assert follow(frames) == [[1, 2]] * 23 + [[1]] * 5 + [[1, 2]] * 22


@pytest.mark.parametrize(("missing", "identifier"), [(5, 1), (12, 1), (20, 2)])
def test_gaps_are_bridged_for_a_while(missing, identifier):
    frames = [people((100, 50))] * 10 + [people()] * missing + [people((100, 50))] * 3
    assert follow(frames, TrackOptions(max_age=0.6)) == [[1]] * 10 + [[]] * missing + [[identifier]] * 3


def test_few_missed_frames_are_bridged_at_any_frame_rate():
    frames = [people((100, 50)), people(), people(), people((100, 50))]
    assert follow(frames, TrackOptions(max_age=0.6), rate=1) == [[1], [], [], [1]]


def test_who_is_sure_gets_an_id_at_once_and_others_when_seen_in_three_of_five_frames():
    unsure = people((100, 50), score=0.3)
    options = TrackOptions(high_score=0.25, confirm_score=0.5, min_hits=3, window=5)
    assert follow([people((100, 50), score=0.5)], options) == [[1]]
    assert follow([unsure] * 4, options) == [[], [], [1], [1]]
    assert follow([unsure, people(), unsure, people(), unsure], options) == [[], [], [], [], [1]]
    assert follow([unsure, people(), people(), people(), unsure, unsure, unsure], options) == [[]] * 6 + [[1]]
    assert follow([people((100, 50), score=0.24)] * 9, options) == [[]] * 9


def test_who_is_confirmed_later_is_known_from_the_first_frame():
    """Asked at the end, an observation knows whom the frames after confirmed, and leaves out whom they did not."""
    tracker = Tracker(TrackOptions(min_hits=3, window=5))
    unsure = people((100, 50), (300, 50), score=0.3)
    frames = [unsure, unsure[[0]], unsure[[0]], unsure[[0]]]
    seen = [tracker.observe(poses, n / RATE) for n, poses in enumerate(frames)]
    assert [observation.confirmed().ids.tolist() for observation in seen] == [[1]] * 4
    assert seen[0].confirmed().poses.keypoints.tolist() == unsure[[0]].keypoints.tolist()


def test_faint_poses_carry_tracks_on_but_start_none():
    faint = people((100, 50), score=0.2)
    assert follow([faint] * 5) == [[]] * 5
    assert follow([people((100, 50)), *[faint] * 40]) == [[1]] * 41
    assert follow([people((100, 50)), *[faint] * 3], TrackOptions(low_score=0.25)) == [[1], [], [], []]


def test_a_person_found_twice_gets_one_id():
    frames = [people((100, 50), (103, 51), score=(0.7, s)) for s in (0.2, 0.3, 0.5, 0.9)]
    assert follow(frames) == [[1]] * 4
    assert follow(frames, TrackOptions(duplicate_oks=1.0))[-1] == [1, 2]


def test_a_new_person_elsewhere_gets_a_new_id_and_ids_are_not_given_twice():
    frames = [people((100, 50))] * 3 + [people((400, 50))] * 3 + [people()] * 40 + [people((100, 50))]
    assert follow(frames) == [[1]] * 3 + [[2]] * 3 + [[]] * 40 + [[3]]


def looks_of(*colours, unoccluded=True):
    """Appearances of people in plain colours, each a bin of the histogram."""
    looks = Appearances.unknown(len(colours))
    looks.histograms[np.arange(len(colours)), :, list(colours)] = 1
    looks.unoccluded[:] = unoccluded
    return looks


def follow_dressed(frames, options=None):
    tracker = Tracker(options)
    return [tracker.update(poses, n / RATE, looks).ids.tolist() for n, (poses, looks) in enumerate(frames)]


@pytest.mark.parametrize(("colours", "ids"), [((3, 9), [1, 2]), ((3, 3), [2, 1])])
def test_people_who_turn_back_where_they_meet_keep_their_ids_if_dressed_differently(colours, ids):
    """They are found as one person for five frames; by their velocities they would have passed each other."""
    frames = []
    for n in range(40):
        if 18 <= n < 23:
            frames.append((people((180, 50)), looks_of(colours[0], unoccluded=False)))
        else:
            away = 4 * (20 - n if n < 20 else n - 20)
            frames.append((people((180 - away, 50), (180 + away, 50)), looks_of(*colours)))
    assert follow_dressed(frames)[0] == [1, 2] and follow_dressed(frames)[-1] == ids


def test_somebody_who_was_hidden_for_longer_is_reidentified_by_the_clothes():
    nobody = (people(), looks_of())
    frames = [(people((100, 50)), looks_of(3))] * 10 + [nobody] * 30
    assert follow_dressed([*frames, (people((130, 50)), looks_of(3))])[-1] == [1]
    assert follow_dressed([*frames, (people((130, 50)), looks_of(9))])[-1] == [2]
    assert follow_dressed([*frames, (people((130, 50)), looks_of(3, unoccluded=False))])[-1] == [2]
    assert follow_dressed([*frames, (people((900, 50)), looks_of(3))])[-1] == [2]  # too far away
    assert follow_dressed([*frames, *[nobody] * 30, (people((130, 50)), looks_of(3))])[-1] == [2]  # too late


def test_somebody_else_in_the_same_place_is_not_taken_for_the_same():
    frames = [(people((100, 50)), looks_of(3))] * 5
    assert follow_dressed([*frames, (people((100, 50)), looks_of(9))])[-1] == [2]
    assert follow_dressed([*frames, (people((100, 50)), looks_of(9, unoccluded=False))])[-1] == [1]


def test_fast_people_are_followed_at_low_frame_rates():
    """Half a body height a frame; the velocity is known from the second frame on."""
    frames = [people((100 + 12 * n + 1.5 * n**2, 50)) for n in range(16)]
    assert follow(frames, rate=5) == [[1]] * 16


def test_output_keeps_the_order_and_values_of_the_poses():
    tracker = Tracker()
    poses = people((100, 50), (300, 50), (500, 50), score=(0.7, 0.2, 0.9))
    tracked = tracker.update(poses, 2.5)
    assert tracked.time == 2.5 and tracked.ids.tolist() == [1, 2]
    np.testing.assert_array_equal(tracked.poses.keypoints, poses.keypoints[[0, 2]])


def test_sizes_are_roots_of_areas_and_thin_people_do_not_vanish():
    points = np.zeros((2, 17, 3))
    points[0, :, :2] = np.linspace([0, 0], [100, 212], 17)
    points[1, :, :2] = np.linspace([0, 0], [0, 200], 17)
    points[..., 2] = 0.5
    points[:, 3] = [1e4, 1e4, 0.01]  # a guess far away
    np.testing.assert_allclose(person_sizes(Poses(points, np.ones(2))), [np.sqrt(0.53 * 100 * 212), 80])


def test_similarity_is_cocos():
    one = people((0, 0)).keypoints
    shifted = one + np.array([6.0, 8.0, 0.0])
    alike = pose_similarities(one, np.array([50.0]), shifted, np.array([50.0]), COCO.sigmas)
    expected = np.mean(np.exp(-100 / (2 * 2500 * (2 * np.array(COCO.sigmas)) ** 2)))
    np.testing.assert_allclose(alike, [[expected]])


def test_wrong_input_is_refused():
    tracker = Tracker()
    tracker.update(people(), 1.0)
    with pytest.raises(ValueError, match=r"order of time, got 1.0 s after 1.0 s"):
        tracker.update(people(), 1.0)
    with pytest.raises(ValueError, match=r"expected 2 different ids, got \[1, 1\]"):
        TrackedPoses(0.0, people((0, 0), (50, 0)), np.array([1, 1]))
    with pytest.raises(ValueError, match="1 <= min_hits <= window, got 4 of 3"):
        TrackOptions(min_hits=4, window=3)


def test_tracked_poses_as_one_line_of_json_and_rows_of_csv():
    tracked = TrackedPoses(0.48, people((100, 50), (300, 50)), np.array([7, 3]))
    line = tracked.to_json(12)
    assert "\n" not in line
    data = json.loads(line)
    assert (data["version"], data["frame"], data["time"]) == (1, 12, 0.48)
    assert [person["id"] for person in data["people"]] == [7, 3]
    assert data["people"][0]["score"] == 0.7 and data["people"][0]["keypoints"]["nose"] == [100, 59, 0.8]
    assert data["people"][0]["box"] == [81, 57, 119, 146]
    header, first, second = [row.split(",") for row in tracked.to_csv(12).splitlines()]
    assert header[:8] == ["frame", "time", "id", "score", "x0", "y0", "x1", "y1"] and header[8] == "nose_x"
    assert first[:4] == ["12", "0.48", "7", "0.7"] and second[2] == "3" and len(first) == len(header) == 8 + 51
