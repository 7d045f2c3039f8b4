from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from fractions import Fraction

import av
import numpy as np
import pytest

from strongpose.exceptions import VideoError
from strongpose.video import VideoWriter, open_video


def picture(n, height=64, width=96):
    """Red top left, green top right, blue bottom left, grey n bottom right."""
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[: height // 2, : width // 2, 0] = 200
    image[: height // 2, width // 2 :, 1] = 200
    image[height // 2 :, : width // 2, 2] = 200
    image[height // 2 :, width // 2 :] = n
    return image


def write(path, times, height=64, width=96, rate=25):
    with VideoWriter(path, Fraction(rate), Fraction(1, 90_000)) as writer:
        for n, moment in enumerate(times):
            writer.write(picture(4 * n % 256, height, width), moment)
    return path


def read(path):
    with open_video(str(path)) as video:
        return list(video), video


def corners(image):
    """The colours' places, clockwise from the top left: r, g, b or - (grey)."""
    h, w = image.shape[0] // 4, image.shape[1] // 4
    return "".join(
        "rgb"[image[y, x].argmax()] if np.ptp(image[y, x].astype(int)) > 80 else "-"
        for y, x in ((h, w), (h, 3 * w), (3 * h, 3 * w), (3 * h, w))
    )


def test_pictures_and_uneven_time_stamps_come_back(tmp_path):
    times = [0, 0.04, 0.05, 0.2, 0.31]
    frames, video = read(write(tmp_path / "a.mp4", times))
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    np.testing.assert_allclose([frame.time for frame in frames], times, atol=1e-4)
    assert frames[0].image.shape == (64, 96, 3) and frames[0].image.dtype == np.uint8
    assert corners(frames[0].image) == "rg-b"
    assert [abs(int(frame.image[48, 72, 0]) - 4 * n) < 8 for n, frame in enumerate(frames)] == [True] * 5
    assert video.damage is None


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(50), Fraction(30_000, 1001)])
def test_the_frame_rate_is_kept(tmp_path, rate):
    path = write(tmp_path / "a.mp4", [n / rate for n in range(60)], rate=rate)
    frames, video = read(path)
    assert len(frames) == 60
    assert abs(video.rate / rate - 1) < 1e-3
    assert frames[-1].time == pytest.approx(float(59 / rate), abs=1e-4)


def test_odd_sizes_grow_to_even_ones_and_other_sizes_are_scaled(tmp_path):
    with VideoWriter(tmp_path / "a.mp4") as writer:
        writer.write(picture(0, 63, 95), 0)
        writer.write(picture(0, 126, 190), 0.04)
    frames, _ = read(tmp_path / "a.mp4")
    assert [frame.image.shape for frame in frames] == [(64, 96, 3)] * 2
    assert [corners(frame.image) for frame in frames] == ["rg-b"] * 2


ONE = 1 << 16


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((0, ONE, -ONE, 0), "brg-"),  # a phone held upright: a quarter turn clockwise
        ((-ONE, 0, 0, -ONE), "-brg"),
        ((0, -ONE, ONE, 0), "g-br"),
        ((-ONE, 0, 0, ONE), "grb-"),  # a selfie, mirrored
    ],
)
def test_videos_are_turned_as_their_display_matrix_says(tmp_path, matrix, shown):
    path = write(tmp_path / "a.mp4", [0, 0.04])
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 44  # version and flags, times, id, reserved, duration, layer, group, volume
    a, b, c, d = (value.to_bytes(4, "big", signed=True) for value in matrix)
    assert data[place : place + 4] == ONE.to_bytes(4, "big")
    for offset, value in ((0, a), (4, b), (12, c), (16, d)):
        data[place + offset : place + offset + 4] = value
    path.write_bytes(data)
    frames, _ = read(path)
    assert [corners(frame.image) for frame in frames] == [shown, shown]
    assert frames[0].image.shape[:2] == ((96, 64) if matrix[0] == 0 else (64, 96))


def test_decoded_frames_are_given_back_without_garbage_collection(tmp_path):
    path = write(tmp_path / "a.mp4", np.arange(50) / 25)
    gc.disable()
    try:
        with open_video(str(path)) as video:
            alive = [sum(type(thing) is av.VideoFrame for thing in gc.get_objects(0)) for frame in video]
    finally:
        gc.enable()
    assert len(alive) == 50 and max(alive[10:]) <= max(alive[:10])


def test_videos_are_turned_as_their_rotate_tag_says(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.metadata["ROTATE"] = "90"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(0), format="rgb24")))
        container.mux(stream.encode(None))
    frames, _ = read(tmp_path / "a.mkv")
    assert corners(frames[0].image) == "brg-"


def test_a_file_cut_short_gives_what_is_there(tmp_path):
    path = tmp_path / "a.avi"
    noise = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for _ in range(40):
            image = noise.integers(0, 256, (64, 96, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    frames, video = read(path)
    assert 10 <= len(frames) <= 22
    assert video.damage.startswith(f"{path}: damaged at frame {len(frames) - 1}: ")
    assert video.damage.endswith("; what could be read was kept")


def test_damage_in_the_middle_is_named_and_the_rest_still_read(tmp_path):
    path = write(tmp_path / "a.mp4", [n / 25 for n in range(60)])
    data = bytearray(path.read_bytes())
    boxes = [n for n in range(len(data)) if data[n : n + 4] == b"mdat"]  # one a second
    assert len(boxes) == 3
    size = int.from_bytes(data[boxes[1] - 4 : boxes[1]], "big")
    data[boxes[1] + 4 : boxes[1] - 4 + size] = bytes(size - 8)
    path.write_bytes(data)
    frames, video = read(path)
    assert frames[0].time == 0 and frames[-1].time == pytest.approx(59 / 25, abs=1e-3)
    assert 35 <= len(frames) <= 60
    assert "damaged at frame 25: " in video.damage


def sound(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), dtype=np.int16), format="s16", layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("nope.mp4", lambda path: None, "nope.mp4: no such file; check the path"),
        ("notes.mp4", lambda path: path.write_text("not a video"), "notes.mp4: not a video, or damaged at its start"),
        ("empty.mp4", lambda path: path.touch(), "empty.mp4: the file is empty; copy or download it again"),
        ("sound.wav", sound, "sound.wav: no video stream (audio only); name a video"),
        ("folder", lambda path: path.mkdir(), "folder: is a folder; name one video in it"),
    ],
)
def test_what_is_no_video_is_named(tmp_path, name, make, message):
    make(tmp_path / name)
    with pytest.raises(VideoError) as error:
        open_video(str(tmp_path / name))
    assert message in str(error.value)


def test_a_missing_camera_and_a_dead_stream_are_named_without_the_password(tmp_path):
    with pytest.raises(VideoError, match="camera 7319: no /dev/video7319; cameras here: "):
        open_video("7319")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(VideoError) as error:
        open_video(f"rtsp://me:secret@127.0.0.1:{port}/live")
    assert f"rtsp://127.0.0.1:{port}/live: cannot be opened" in str(error.value) and "secret" not in str(error.value)


def test_a_live_stream_gives_the_newest_frame_and_the_last(tmp_path):
    path = tmp_path / "a.ts"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for n in range(50):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(4 * n), format="rgb24")))
        container.mux(stream.encode(None))
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        with server, server.accept()[0] as connection:
            connection.sendall(path.read_bytes())

    threading.Thread(target=serve, daemon=True).start()
    seen = []
    with open_video(f"tcp://127.0.0.1:{server.getsockname()[1]}") as video:
        assert video.live and video.frames is None
        for frame in video:
            seen.append(frame)
            time.sleep(0.2)  # far slower than the stream
    indices = [frame.index for frame in seen]
    assert 2 <= len(seen) < 25 and indices == sorted(set(indices)) and indices[-1] == 49
    assert seen[-1].time == pytest.approx(49 / 25, abs=1e-3)
    assert abs(int(seen[-1].image[48, 72, 0]) - 4 * 49) < 10


def test_a_killed_writer_leaves_a_file_that_plays(tmp_path):
    path = tmp_path / "a.mp4"
    code = f"""
import sys, time, numpy as np
from fractions import Fraction
from pathlib import Path
from strongpose.video import VideoWriter
writer = VideoWriter(Path({str(path)!r}), Fraction(25))
noise = np.random.default_rng(0)
for n in range(110):
    writer.write(noise.integers(0, 256, (64, 96, 3), dtype=np.uint8), n / 25)
print("written", flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"written\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    frames, _ = read(path)
    assert len(frames) >= 75
