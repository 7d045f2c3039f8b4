"""``strongpose video`` on small videos made here."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from videos import write_film

from strongpose.images import open_image
from strongpose.video import VideoWriter, open_video

OPTIONS = ("--runtime", "onnx", "--threads", 1)


@pytest.fixture(scope="module")
def clip(photos, tmp_path_factory):
    """Three people on a photo that moves to the right, 5 pixels a frame; ten frames with uneven time stamps."""
    photo = cv2.resize(open_image(photos / "group.jpg"), (600, 210), interpolation=cv2.INTER_AREA)
    path = tmp_path_factory.mktemp("clip") / "group.mp4"
    with VideoWriter(path, Fraction(10)) as writer:
        for n in range(10):
            image = cv2.warpAffine(photo, np.array([[1.0, 0, 5 * n], [0, 1, 0]]), (660, 210))
            writer.write(image, n / 10 + 0.03 * (n % 2))
    return path


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory):
    """A thousand frames of nothing."""
    path = tmp_path_factory.mktemp("clip") / "long.mp4"
    with VideoWriter(path, Fraction(25)) as writer:
        for n in range(1000):
            writer.write(np.full((64, 64, 3), 90, dtype=np.uint8), n / 25)
    return path


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_people_are_followed_through_a_clip(strongpose, clip, tmp_path):
    run = strongpose("video", clip, "--out", tmp_path / "out", *OPTIONS)
    assert run.returncode == 0, run.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "group.poses.csv",
        "group.poses.jsonl",
        "group.poses.mp4",
    ]
    frames = lines(tmp_path / "out" / "group.poses.jsonl")
    assert [frame["frame"] for frame in frames] == list(range(10))
    times = [n / 10 + 0.03 * (n % 2) for n in range(10)]
    np.testing.assert_allclose([frame["time"] for frame in frames], times, atol=1e-4)
    third, last = ({person["id"]: person for person in frames[n]["people"]} for n in (3, 9))
    for x in (91, 302, 491):  # the three of the photo
        (identifier,) = [i for i, person in last.items() if abs(person["keypoints"]["nose"][0] - x - 45) < 8]
        assert third[identifier]["keypoints"]["nose"][0] - x == pytest.approx(15, abs=8)
    with (tmp_path / "out" / "group.poses.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(frame["people"]) for frame in frames)
    assert float(rows[-1]["time"]) == pytest.approx(0.93)
    identifier, nose = int(rows[-1]["id"]), float(rows[-1]["nose_x"])
    assert nose == pytest.approx(last[identifier]["keypoints"]["nose"][0], abs=0.01)
    with open_video(str(tmp_path / "out" / "group.poses.mp4")) as drawn, open_video(str(clip)) as plain:
        pictures, originals = list(drawn), list(plain)
    assert len(pictures) == 10
    np.testing.assert_allclose([picture.time for picture in pictures], times, atol=1e-4)
    x, y = np.round(last[identifier]["keypoints"]["left_shoulder"][:2]).astype(int)
    assert np.abs(pictures[-1].image[y, x].astype(int) - originals[-1].image[y, x]).max() > 40
    assert "10 frames, " in run.stdout and "3 tracks, median 0." in run.stdout and "jitter" in run.stdout


def test_people_are_in_the_files_from_their_first_frame(strongpose, clip, tmp_path):
    """None of them is sure enough to be confirmed at once."""
    run = strongpose("video", clip, "--out", tmp_path, "--size", 241, *OPTIONS)
    assert run.returncode == 0, run.stderr
    frames = lines(tmp_path / "group.poses.jsonl")
    assert [len(frame["people"]) for frame in frames] == [3] * 10
    assert {tuple(sorted(person["id"] for person in frame["people"])) for frame in frames} == {(1, 2, 3)}


def test_several_videos_and_folders_in_one_call(strongpose, tiny_model, clip, tmp_path):
    """Names that clash are kept apart, and what is broken does not end the others."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "group.mp4").write_bytes(clip.read_bytes())
    (tmp_path / "two" / "broken.mp4").write_bytes(b"no video")
    (tmp_path / "two" / "notes.txt").write_text("not looked at")
    out = tmp_path / "out"
    run = strongpose(
        *("video", tmp_path / "one" / "group.mp4", tmp_path / "two", "--out", out, "--model", tiny_model),
        *("--max-frames", 2, *OPTIONS),
    )
    assert run.returncode == 1
    assert sorted(path.name for path in out.glob("*.mp4")) == ["group-2.poses.mp4", "group.poses.mp4"]
    for name in ("group", "group-2"):
        assert [frame["frame"] for frame in lines(out / f"{name}.poses.jsonl")] == [0, 1]
    assert f"{tmp_path / 'two' / 'broken.mp4'}: " in run.stderr
    told = run.stdout.splitlines()
    assert told[0].startswith(f"[1/3] {tmp_path / 'one' / 'group.mp4'}: 2 frames, ")
    assert told[1].startswith(f"[3/3] {tmp_path / 'two' / 'group.mp4'}, results called group-2: 2 frames, ")
    assert told[2] == f"2 of 3 videos; results in {out}; failed or damaged: {tmp_path / 'two' / 'broken.mp4'}"


def test_what_was_drawn_before_is_no_video_of_a_folder(strongpose, tiny_model, clip, tmp_path):
    (tmp_path / "group.mp4").write_bytes(clip.read_bytes())
    command = ("video", tmp_path, "--out", tmp_path, "--model", tiny_model, "--max-frames", 1, *OPTIONS)
    for _ in range(2):
        assert strongpose(*command).returncode == 0
        assert sorted(path.name for path in tmp_path.glob("*.mp4")) == ["group.mp4", "group.poses.mp4"]
    (tmp_path / "empty").mkdir()
    run = strongpose("video", tmp_path / "empty", "--out", tmp_path)
    assert (run.returncode, run.stderr) == (
        1,
        f"strongpose: {tmp_path / 'empty'}: no video in this folder; folders in it must be named as well\n",
    )


def test_some_frames_only_and_no_people(strongpose, tiny_model, clip, tmp_path):
    run = strongpose(
        "video", clip, "--out", tmp_path, "--every", 3, "--max-frames", 2, "--model", tiny_model, "--no-smooth"
    )
    assert run.returncode == 0, run.stderr
    frames = lines(tmp_path / "group.poses.jsonl")
    assert [(frame["frame"], frame["people"]) for frame in frames] == [(0, []), (3, [])]
    assert (tmp_path / "group.poses.csv").read_text().startswith("frame,time,id,score,x0,")
    with open_video(str(tmp_path / "group.poses.mp4")) as video:
        assert len(list(video)) == 2


@pytest.mark.parametrize(("number", "name"), [(signal.SIGINT, "SIGINT"), (signal.SIGTERM, "SIGTERM")])
def test_an_interrupted_run_leaves_whole_files(tiny_model, long_clip, tmp_path, number, name):
    process, written = start(long_clip, tiny_model, tmp_path)
    process.send_signal(number)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert complaint == f"strongpose: ended early by {name}; what was done is kept\n"
    frames = lines(written)
    assert 20 <= len(frames) < 1000
    with open_video(str(tmp_path / "long.poses.mp4")) as video:
        assert len(list(video)) == len(frames) and video.damage is None


def test_a_killed_run_leaves_files_that_can_be_read(tiny_model, long_clip, tmp_path):
    process, written = start(long_clip, tiny_model, tmp_path, least=55)
    process.kill()
    process.communicate(timeout=60)
    whole = written.read_text().splitlines(keepends=True)
    assert all(json.loads(line) for line in whole if line.endswith("\n"))
    with open_video(str(tmp_path / "long.poses.mp4")) as video:
        assert len(whole) - 30 < len(list(video)) <= len(whole) + 1


def start(clip, model, out, least=20):
    """A run that has written some lines."""
    command = [sys.executable, "-m", "strongpose.cli", "video", clip, "--out", out, "--model", model, *OPTIONS]
    process = subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    written = out / "long.poses.jsonl"
    deadline = time.monotonic() + 60
    while not written.exists() or written.read_text().count("\n") < least:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    return process, written


def test_a_damaged_video_is_done_as_far_as_it_can_be_read(strongpose, tiny_model, clip, tmp_path):
    data = clip.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    run = strongpose("video", tmp_path / "cut.mp4", "--out", tmp_path, "--model", tiny_model)
    assert run.returncode == 1
    done = len(lines(tmp_path / "cut.poses.jsonl"))
    assert 2 <= done <= 8
    assert any(f"cut.mp4: damaged at frame {n}: " in run.stderr for n in (done - 1, done))
    with open_video(str(tmp_path / "cut.poses.mp4")) as video:
        assert len(list(video)) == done


@pytest.mark.parametrize(
    ("name", "told"),
    [("a.mp4", r" \d+/120 frames, [^\r]* 00:\d\d left"), ("a.mkv", r" \d/6 s of video, [^\r]* 00:\d\d left")],
)
def test_progress_tells_the_time_left_and_frames_where_they_are_counted(tiny_model, tmp_path, name, told):
    """Sound is ten times as long, and most frames come in the first of six seconds."""
    if name == "a.mp4" and not hasattr(av.VideoStream, "index_entries"):
        pytest.skip("this PyAV does not count")
    times = [n / 110 for n in range(110)] + [1 + n / 2 for n in range(10)]
    film = write_film(tmp_path / name, times, tick=Fraction(1, 1000), sound=60.0)
    command = [sys.executable, "-m", "strongpose.cli", "video", film, "--out", tmp_path, "--model", tiny_model]
    terminal, end = os.openpty()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=end)
    os.close(end)
    said = b""
    with suppress(OSError):  # which is how a terminal ends
        while data := os.read(terminal, 4096):
            said += data
    os.close(terminal)
    assert process.wait() == 0
    assert re.search(told, said.decode()), said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nope.mp4", "--out", "out"), "nope.mp4: no such file; check the path"),
        (("7319", "--out", "out"), "camera 7319: no /dev/video7319"),
        (("clip",), "nothing to do: name a folder with --out, or open a window with --show"),
        (("clip", "--out", "clip/under"), "--out "),
        (("clip", "--out", "out", "--every", "0"), "--every and --max-frames must be at least 1, got 0"),
        (("clip", "--show"), "--show: "),
        (("clip", "--out", "out", "--model", "nope"), "nope"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(strongpose, clip, tmp_path, arguments, message, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    places = [a.replace("clip", str(clip)) if "clip" in a else a for a in arguments]
    places = [str(tmp_path / a) if a == "out" else a for a in places]
    run = strongpose("video", *places)
    assert run.returncode == 1
    assert run.stderr.startswith("strongpose: ") and message in run.stderr and run.stderr.count("\n") == 1


def test_the_guides_code_runs(clip, tmp_path):
    guide = (Path(__file__).parents[2] / "docs" / "video.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    assert len(blocks) == 2
    (tmp_path / "street.mp4").write_bytes(clip.read_bytes())
    run = subprocess.run([sys.executable, "-c", "\n".join(blocks)], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert len(run.stdout.splitlines()) > 15
