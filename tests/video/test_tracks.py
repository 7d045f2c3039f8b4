"""Which track of several is looked at, and what becomes of those that begin midway."""

from __future__ import annotations

import av
import numpy as np
import pytest
from videos import SIZE, number_of, numbered_picture, write_film

from strongpose.exceptions import VideoError
from strongpose.video import open_video

EVEN = [n / 25 for n in range(50)]
SECOND = [2 + n / 25 for n in range(50)]
GROUPS = {"g": "12", "sc_threshold": "0"}


def read(path):
    with open_video(str(path)) as video:
        return list(video), video


@pytest.mark.parametrize(
    "numbers", [{"mpegts_start_pid": "300", "mpegts_pmt_start_pid": "4100"}, {"mpegts_start_pid": "300"}]
)
def test_pictures_that_go_on_in_another_track_are_told(strongpose, tiny_model, tmp_path, numbers):
    first = write_film(tmp_path / "1.ts", EVEN, options=GROUPS)
    second = write_film(tmp_path / "2.ts", SECOND, options=GROUPS, container_options=numbers)
    (tmp_path / "a.ts").write_bytes(first.read_bytes() + second.read_bytes())
    run = strongpose("video", tmp_path / "a.ts", "--out", tmp_path, "--model", tiny_model)
    assert (run.returncode, run.stderr) == (
        1,
        f"strongpose: {tmp_path}/a.ts: damaged at frame 50: the rest lies in another track that begins midway; "
        "join the parts with FFmpeg; what could be read was kept\n",
    )
    assert len((tmp_path / "a.poses.jsonl").read_text().splitlines()) == 50


@pytest.mark.parametrize(("name", "codec", "sound_codec"), [("a.flv", "flv", "aac"), ("a.ts", "libx264", "aac")])
def test_sound_that_begins_midway_changes_nothing(tmp_path, name, codec, sound_codec):
    first = write_film(tmp_path / f"1{name}", [n / 25 for n in range(400)], codec)
    second = write_film(
        tmp_path / f"2{name}",
        [16 + n / 25 for n in range(50)],
        codec,
        sound=30.0 if name == "a.flv" else 18.0,
        sound_codec=sound_codec,
    )
    start = 13 if name == "a.flv" else 0  # bytes of a header
    (tmp_path / name).write_bytes(first.read_bytes() + second.read_bytes()[start:])
    for _ in range(5):  # PyAV looks at memory that is not its own
        frames, video = read(tmp_path / name)
        assert (len(frames), video.damage) == (450, None)


def write_thumb(path, film=0, sound=0.0):
    """A track with one red picture, not marked as cover, before one with a film, or sound."""
    with av.open(str(path), "w") as file:
        thumb = file.add_stream("mjpeg", rate=25)
        thumb.width, thumb.height, thumb.pix_fmt = 32, 32, "yuvj420p"
        other = file.add_stream("libx264" if film else "aac", rate=25 if film else 48_000)
        if film:
            other.height, other.width = SIZE
            other.pix_fmt = "yuv420p"
        else:
            other.layout = "mono"
        file.start_encoding()
        red = av.VideoFrame.from_ndarray(np.full((32, 32, 3), (255, 0, 0), np.uint8), format="rgb24")
        red.pts = 0
        packets = thumb.encode(red) + thumb.encode(None)
        for n in range(film):
            frame = av.VideoFrame.from_ndarray(numbered_picture(n), format="rgb24")
            frame.pts = n
            packets += other.encode(frame)
        for at in range(0, round(48_000 * sound), 1024):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate, silence.pts = 48_000, at
            packets += other.encode(silence)
        for packet in packets + other.encode(None):
            file.mux(packet)
    return path


@pytest.mark.parametrize("name", ["a.mkv", "a.mov", "a.avi"])
def test_a_single_picture_before_a_film_is_a_cover(tmp_path, name):
    frames, video = read(write_thumb(tmp_path / name, film=25))
    assert ([number_of(frame.image) for frame in frames], video.damage) == (list(range(25)), None)


def test_a_single_picture_beside_sound_is_a_cover(tmp_path):
    with pytest.raises(VideoError, match=r"a\.mov: no video stream \(audio only\); name a video"):
        open_video(str(write_thumb(tmp_path / "a.mov", sound=1.0)))


def test_a_film_of_whole_pictures_beside_another_is_kept(tmp_path):
    path = write_film(tmp_path / "a.mov", EVEN, "mjpeg", sound=2.0)
    assert len(read(path)[0]) == 50
