from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise

import pytest
from videos import write_film

from strongpose.video import open_video
from strongpose.video.timing import fine_tick, in_order, in_order_at_once

STEP = Fraction(1, 25)


def ordered(stamps):
    """Times in seconds."""
    tick = fine_tick(Fraction(1, 1000))
    stamped = [(None if stamp is None else round(stamp / tick), n) for n, stamp in enumerate(stamps)]
    given = list(in_order(stamped, STEP, tick))
    assert [item for _, item in given] == list(range(len(stamps)))
    return [float(time * tick) for time, _ in given]


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        ([], []),
        ([5, 5.04, 5.3], [0, 0.04, 0.3]),
        ([-1, 0, 2], [0, 1, 3]),
        ([0, 1, 1, 2], [0, 1, 1.001, 2]),
        ([0, 1, 1, 1, 1.002], [0, 1, 1.0006, 1.0012, 1.002]),
        ([0, 0.04, 0.08, 0.02, 0.12], [0, 0.04, 0.08, 0.081, 0.12]),
        ([0, 0.04, 0.2, 0.08, 0.12, 0.16, 0.24], [0, 0.04, 0.041, 0.08, 0.12, 0.16, 0.24]),  # the third is the odd one
        ([0, 0.04, 99, *[n / 25 for n in range(2, 14)]], [0, 0.04, 0.041, *[n / 25 for n in range(2, 14)]]),
        ([0, 1, 1], [0, 1, 1.001]),
        ([None, None, None], [0, 0.04, 0.08]),
        ([3, None, 3.2], [0, 0.04, 0.2]),
        ([n / 25 for n in (*range(20), *range(20))], [n / 25 for n in range(40)]),  # two clips in one file
        ([7] * 9, [n / 25 for n in range(9)]),
    ],
)
def test_only_what_does_not_fit_is_moved(stamps, times):
    assert ordered(stamps) == pytest.approx(times, abs=1e-9)


@pytest.mark.parametrize("tick", [Fraction(1, 25), Fraction(1001, 30_000), Fraction(1, 90_000), Fraction(1)])
def test_there_is_room_between_two_ticks(tick):
    ticks = int(tick / fine_tick(tick))
    stamped = [(n * ticks, None) for n in (0, 1000, 1000, 1000, 1001, 1002)]
    times = [time for time, _ in in_order(stamped, tick, fine_tick(tick))]
    assert times[:2] == [0, 1000 * ticks]
    assert all(one < other for one, other in pairwise(times))
    if tick > Fraction(1, 1000):
        assert times[4:] == [1001 * ticks, 1002 * ticks]


def test_live_frames_wait_for_nothing():
    seen = []

    def arriving():
        for n, stamp in enumerate((3, 3.04, 3.04, 3.08, 0, 0.04)):
            seen.append(n)
            yield round(stamp * 100), n

    for n, (time, item) in enumerate(in_order_at_once(arriving(), STEP, Fraction(1, 100))):
        assert seen[-1] == item == n
        assert time == n * 4


def test_a_doubled_time_stamp_moves_one_frame_in_all_that_is_written(strongpose, tiny_model, tmp_path):
    """A screen recording: a burst, and then a frame a second."""
    times = [n / 25 for n in range(10)] + [9 / 25] + [n / 25 for n in range(10, 20)] + [1 + n for n in range(20)]
    path = write_film(tmp_path / "screen.mp4", [n / 25 for n in range(len(times))], "mjpeg", stamps=times)
    expected = [*times[:10], 9 / 25 + 0.001, *times[11:]]
    with open_video(str(path)) as video:
        assert [frame.time for frame in video] == pytest.approx(expected, abs=2e-4)
    run = strongpose("video", path, "--out", tmp_path, "--model", tiny_model)
    assert (run.returncode, run.stderr) == (0, "")
    told = [json.loads(line)["time"] for line in (tmp_path / "screen.poses.jsonl").read_text().splitlines()]
    assert told == pytest.approx(expected, abs=2e-4)
    with open_video(str(tmp_path / "screen.poses.mp4")) as video:
        assert [frame.time for frame in video] == pytest.approx(told, abs=1e-5)


def test_frames_with_ticks_of_their_own_length_keep_them(tmp_path):
    tick = Fraction(1, 25)
    path = write_film(
        tmp_path / "a.mkv", [n / 25 for n in range(6)], "mjpeg", tick=tick, stamps=[0, 0.04, 0.08, 0.08, 0.12, 0.16]
    )
    with open_video(str(path)) as video:
        assert [frame.time for frame in video] == pytest.approx([0, 0.04, 0.08, 0.081, 0.12, 0.16], abs=1e-6)
