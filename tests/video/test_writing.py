"""What cannot be written is told in one line, and what was done before is kept."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from fractions import Fraction

import av
import numpy as np
import pytest
from videos import write_film

from strongpose.exceptions import VideoError
from strongpose.video import VideoWriter, open_video

PICTURE = np.full((48, 64, 3), 90, np.uint8)


def written_times(path, times, rate=Fraction(25), tick=Fraction(1, 90_000)):
    with VideoWriter(path, rate, tick) as writer:
        for moment in times:
            writer.write(PICTURE, moment)
    with open_video(str(path)) as video:
        return [frame.time for frame in video]


@pytest.mark.parametrize("rate", [None, Fraction(0), Fraction(1, 1_000_000), Fraction(1_000_000), Fraction(90_000, 7)])
def test_any_rate_can_be_written(tmp_path, rate):
    assert written_times(tmp_path / "a.mp4", [0, 0.04, 0.1], rate) == pytest.approx([0, 0.04, 0.1], abs=1e-4)


@pytest.mark.parametrize(
    "tick", [Fraction(1, 2**31 - 1), Fraction(1, 10**9), Fraction(1001, 10_020_000), Fraction(1, 10_000)]
)
def test_any_time_base_can_be_written_with_hours_between(tmp_path, tick):
    times = [0, 0.04, 10_000.0, 10_000.04]
    assert written_times(tmp_path / "a.mp4", times, tick=tick) == pytest.approx(times, abs=1e-3)


@pytest.mark.parametrize("name", ["a.ts", "a.mp4", "a.mkv"])
def test_hours_between_two_pictures_are_the_same_in_all_that_is_written(strongpose, tiny_model, tmp_path, name):
    times = [0, 0.04, 0.08, 30_000, 30_000.04, 30_000.08]
    film = write_film(tmp_path / name, times, options={"bf": "0"}, tick=Fraction(1, 1000))
    run = strongpose("video", film, "--out", tmp_path / "out", "--model", tiny_model)
    assert (run.returncode, run.stderr) == (0, "")
    told = [json.loads(line)["time"] for line in (tmp_path / "out" / "a.poses.jsonl").read_text().splitlines()]
    assert told == pytest.approx(times, abs=2e-3)
    with open_video(str(tmp_path / "out" / "a.poses.mp4")) as video:
        assert [frame.time for frame in video] == pytest.approx(told, abs=1e-3)


def test_time_goes_on_behind_a_gap_that_mp4_cannot_hold(tmp_path):
    times = written_times(tmp_path / "a.mp4", [0, 0.04, 30_000, 30_000.04, 30_000.08])
    longest = (2**31 - 2) / 90_000
    assert times == pytest.approx([0, 0.04, *(0.04 + longest + n / 25 for n in range(3))], abs=1e-3)


def test_colours_are_named_as_they_are_written(tmp_path):
    written_times(tmp_path / "a.mp4", [0, 0.04])
    with av.open(str(tmp_path / "a.mp4")) as file:
        frame = next(file.decode(video=0))
    assert (frame.colorspace, frame.color_range) == (6, 1)  # SMPTE 170M, 16 to 235


def test_pictures_too_large_for_the_codec_are_told(tmp_path):
    with pytest.raises(VideoError) as error, VideoWriter(tmp_path / "a.mp4") as writer:
        writer.write(np.zeros((2, 20_000, 3), np.uint8), 0)
    assert re.fullmatch(
        rf"{re.escape(str(tmp_path))}/a\.mp4: \w+ cannot hold pictures of 20000×2 \(.+\); scale the video down",
        str(error.value),
    )


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 301), (301, 3)])
def test_the_smallest_pictures_can_be_written(tmp_path, size):
    with VideoWriter(tmp_path / "a.mp4") as writer:
        for n in range(3):
            writer.write(np.full((*size, 3), 90, np.uint8), n / 25)
    with open_video(str(tmp_path / "a.mp4")) as video:
        frames = list(video)
    assert len(frames) == 3
    assert frames[0].image.shape[:2] == tuple(side + side % 2 for side in size)


def test_a_name_with_colons_or_per_cent_signs_is_written_to(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("12:30:05.mp4", "data:x.mp4", "%04d.mp4", "-.mp4"):
        with VideoWriter(tmp_path.joinpath(name).relative_to(tmp_path)) as writer:
            writer.write(PICTURE, 0)
        assert (tmp_path / name).stat().st_size > 500


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("ending", ["mp4", "jsonl", "csv"])
def test_a_full_disk_is_told_in_one_line(strongpose, tiny_model, tmp_path, ending):
    film = write_film(tmp_path / "a.mp4", [n / 25 for n in range(40)])
    (tmp_path / f"a.poses.{ending}").symlink_to("/dev/full")
    run = strongpose("video", film, "--out", tmp_path, "--model", tiny_model)
    assert run.returncode == 1
    assert run.stderr == (
        f"strongpose: --out {tmp_path}: {tmp_path}/a.poses.{ending} cannot be written (No space left on device); "
        "make room there, or name another folder; what was done is kept\n"
    )


def test_what_was_done_before_the_disk_was_full_is_kept(tiny_model, tmp_path):
    film = write_film(tmp_path / "a.mkv", [n / 25 for n in range(150)])
    command = [sys.executable, "-m", "strongpose.cli", "video", film, "--out", tmp_path / "out", "--model", tiny_model]
    run = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (130_000, 130_000)),
    )
    assert run.returncode == 1
    assert run.stderr.endswith(  # a slow machine tells the progress first
        f"strongpose: --out {tmp_path}/out: {tmp_path}/out/a.poses.mp4 cannot be written (File too large); "
        "make room there, or name another folder; what was done is kept\n"
    )
    lines = [json.loads(line) for line in (tmp_path / "out" / "a.poses.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(len(lines))) and 20 < len(lines) < 150
    with open_video(str(tmp_path / "out" / "a.poses.mp4")) as video:
        assert len(list(video)) >= len(lines) - 30


def test_a_film_too_wide_to_be_written_is_told_in_one_line(strongpose, tiny_model, tmp_path):
    film = write_film(tmp_path / "a.mkv", [0, 0.04], "ffv1", size=(32, 16_400), tick=Fraction(1, 1000))
    run = strongpose("video", film, "--out", tmp_path, "--model", tiny_model)
    assert run.returncode == 1
    assert "a.poses.mp4: " in run.stderr and "cannot hold pictures of 16400×32" in run.stderr
    assert run.stderr.startswith("strongpose: ") and run.stderr.count("\n") == 1


def test_a_folder_that_vanishes_is_told(tiny_model, tmp_path):
    film = write_film(tmp_path / "a.mkv", [n / 25 for n in range(400)])
    out = tmp_path / "out"
    command = [sys.executable, "-m", "strongpose.cli", "video", film, "--out", out, "--model", tiny_model]
    run = subprocess.Popen([str(part) for part in command], stderr=subprocess.PIPE, text=True)
    while not (out / "a.poses.mp4").exists() and run.poll() is None:
        time.sleep(0.01)
    shutil.rmtree(out)
    _, complaint = run.communicate(timeout=120)
    assert run.returncode == 1
    *progress, last = complaint.splitlines()  # progress is told where the machine is slow
    assert last.startswith(f"strongpose: --out {out}: {out}/a.poses.jsonl cannot be written (it was removed")
    assert all("s of video" in line for line in progress)


def test_a_video_without_frames_leaves_no_video_behind(strongpose, tiny_model, tmp_path):
    film = write_film(tmp_path / "a.avi", [], "mpeg4", tick=Fraction(1, 25))
    run = strongpose("video", film, "--out", tmp_path / "out", "--model", tiny_model)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith(f"strongpose: {film}: ") and run.stderr.count("\n") == 1
    assert not (tmp_path / "out" / "a.poses.mp4").exists()
