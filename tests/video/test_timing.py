from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise

import av
import pytest
from videos import number_of, numbered_picture, write_film

from strongpose.video import open_video
from strongpose.video.io.timing import fine_tick, in_order, in_order_at_once

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


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_pictures_of_an_avi_are_timed_in_the_order_they_are_shown(tmp_path, codec):
    times = [n / 25 for n in range(50)]
    with open_video(str(write_film(tmp_path / "a.avi", times, codec, tick=STEP, options={"bf": "3"}))) as video:
        frames = list(video)
    assert [frame.time for frame in frames] == pytest.approx(times, abs=1e-6)
    assert [number_of(frame.image) for frame in frames] == pytest.approx(range(50), abs=1)


@pytest.mark.parametrize(("name", "codec"), [("a.h264", "libx264"), ("a.hevc", "libx265")])
def test_pictures_alone_come_at_the_rate_of_their_codec(tmp_path, name, codec):
    with av.open(str(tmp_path / name), "w") as file:
        stream = file.add_stream(codec, rate=60)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
        for n in range(30):
            frame = av.VideoFrame.from_ndarray(numbered_picture(n), format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, 60)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    with open_video(str(tmp_path / name)) as video:
        assert video.rate == 60
        assert [frame.time for frame in video] == pytest.approx([n / 60 for n in range(30)], abs=1e-6)


@pytest.mark.parametrize("back", [70, 4000])
def test_time_goes_on_where_the_clock_of_a_transport_stream_is_set_back(strongpose, tiny_model, tmp_path, back):
    """FFmpeg takes that for a clock that began anew, 26.5 hours later."""
    times = [n / 25 for n in range(25)]
    parts = [write_film(tmp_path / f"{n}.ts", [start + time for time in times]) for n, start in enumerate((back, 0))]
    (tmp_path / "a.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    run = strongpose("video", tmp_path / "a.ts", "--out", tmp_path, "--model", tiny_model)
    assert (run.returncode, run.stderr) == (0, "")
    told = [json.loads(line)["time"] for line in (tmp_path / "a.poses.jsonl").read_text().splitlines()]
    assert told == pytest.approx([n / 25 for n in range(50)], abs=2e-3)
    with open_video(str(tmp_path / "a.poses.mp4")) as video:
        assert [frame.time for frame in video] == pytest.approx(told, abs=1e-4)


def test_a_clock_that_begins_anew_is_followed(tmp_path):
    times = [n / 25 for n in range(50)]
    path = write_film(tmp_path / "a.ts", [2**33 / 90_000 - 3 + time for time in times], "mpeg2video", tick=STEP)
    with open_video(str(path)) as video:
        assert [frame.time for frame in video] == pytest.approx(times, abs=2e-3)
