"""What a name stands for: a file, whatever it is called; or numbered pictures."""

from __future__ import annotations

import io
import json
import shutil
import struct
import time

import av
import numpy as np
import pytest
from PIL import Image
from videos import FIVE, mark_as_cover, number_of, numbered_picture, numbers, write_film

from strongpose.exceptions import VideoError
from strongpose.video import open_video


@pytest.mark.parametrize(
    "name",
    [
        "2024-05-01T12:30:05.mp4",
        "clip:1.mp4",
        "data:x.mp4",
        "file:x.mp4",
        "http:x.mp4",
        "concat:a|b.mp4",
        "-dashed.mp4",
        "clip%d.mp4",
        "clip%04d.mp4",
        "two\nlines.mp4",
        "12",
        "what?.mp4",
    ],
)
def test_a_file_is_opened_whatever_it_is_called(film, tmp_path, monkeypatch, name):
    shutil.copy(film, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    found, video = numbers(name)
    assert found == [0, 1, 2, 3, 4]
    assert (video.source, video.live) == (name, False)


def test_files_may_be_named_by_file_addresses(film, tmp_path):
    shutil.copy(film, tmp_path / "a b.mp4")
    for source in (f"file:{tmp_path}/a b.mp4", f"file://{tmp_path}/a%20b.mp4"):
        assert numbers(source)[0] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", ["2024-05-01T12:30:05.mp4", "concat:a.ts|b.ts", "file:nope.mp4"])
def test_a_missing_file_with_a_colon_is_called_missing(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VideoError, match=r"no such file; check the path"):
        open_video(name)


def test_results_are_named_after_a_file_with_a_colon(strongpose, tiny_model, film, tmp_path, monkeypatch):
    shutil.copy(film, tmp_path / "12:30:05.mp4")
    monkeypatch.chdir(tmp_path)
    run = strongpose("video", "12:30:05.mp4", "--out", "out:1", "--model", tiny_model)
    assert (run.returncode, run.stderr) == (0, "")
    assert sorted(path.name for path in (tmp_path / "out:1").iterdir()) == [
        "12:30:05.poses.csv",
        "12:30:05.poses.jsonl",
        "12:30:05.poses.mp4",
    ]
    assert numbers(tmp_path / "out:1" / "12:30:05.poses.mp4")[0] == [0, 1, 2, 3, 4]


def pictures(folder, numbers, pattern="{:04d}.png"):
    for number in numbers:
        Image.fromarray(numbered_picture(number)).save(folder / pattern.format(number))


def test_numbered_pictures_are_a_video(tmp_path):
    pictures(tmp_path, range(3, 15))
    (tmp_path / "00007.png").touch()  # of five digits, and so no such number
    with open_video(str(tmp_path / "%04d.png")) as video:
        frames = list(video)
    assert [number_of(frame.image) for frame in frames] == list(range(3, 15))
    assert [frame.index for frame in frames] == list(range(12))
    assert [frame.time for frame in frames] == pytest.approx([n / 25 for n in range(12)])
    assert (video.frames, video.rate, video.damage) == (12, 25, None)


def test_gaps_in_numbered_pictures_are_read_across_and_told(strongpose, tiny_model, tmp_path):
    there = [*range(1, 9), *range(30, 34), 35]
    pictures(tmp_path, there, "f {}.jpg")
    run = strongpose("video", tmp_path / "f %d.jpg", "--out", tmp_path, "--model", tiny_model, "--every", 2)
    assert run.returncode == 1
    assert run.stderr == (
        f"strongpose: {tmp_path}/f %d.jpg: damaged at frame 8: numbers 9 to 29 missing; what could be read was kept\n"
    )
    lines = [json.loads(line) for line in (tmp_path / "f %d.poses.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == [0, 2, 4, 6, 8, 10, 12]
    assert [line["time"] for line in lines] == pytest.approx([(n - 1) / 25 for n in there[::2]])


def test_a_damaged_one_of_numbered_pictures_is_told(tmp_path):
    pictures(tmp_path, range(4))
    (tmp_path / "0002.png").write_bytes(b"no picture")
    found, video = numbers(tmp_path / "%04d.png")
    assert found == [0, 1, 3]
    assert f"damaged at frame 2: {tmp_path}/0002.png: not a photo" in video.damage
    with pytest.raises(VideoError, match=r"%05d\.png: no such files; check the path"):
        open_video(str(tmp_path / "%05d.png"))


@pytest.mark.parametrize(
    ("name", "container", "codec", "cover_codec"),
    [
        ("song.mp3", "mp3", "mp3", "mjpeg"),
        ("song.m4a", "mp4", "aac", "mjpeg"),
        ("song.flac", "flac", "flac", "png"),
    ],
)
def test_sound_with_a_cover_is_sound_only(tmp_path, name, container, codec, cover_codec):
    with av.open(str(tmp_path / name), "w", format=container) as file:
        sound = file.add_stream(codec, rate=44_100)
        sound.layout = "mono"
        cover = file.add_stream(cover_codec, rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "rgb24" if cover_codec == "png" else "yuvj420p"
        mark_as_cover(cover)
        file.start_encoding()
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        frame.pts = 0
        file.mux(cover.encode(frame) + cover.encode(None))
        form, kind = ("s16", np.int16) if codec == "flac" else ("fltp", np.float32)
        for at in range(0, 44_100, 4410):
            block = av.AudioFrame.from_ndarray(np.zeros((1, 4410), kind), format=form, layout="mono")
            block.sample_rate, block.pts = 44_100, at
            file.mux(sound.encode(block))
        file.mux(sound.encode(None))
    with av.open(str(tmp_path / name)) as file:
        assert len(file.streams.video) == 1
    with pytest.raises(VideoError, match=r"no video stream \(audio only\); name a video"):
        open_video(str(tmp_path / name))


def test_the_cover_of_a_video_is_not_taken_for_the_video(tmp_path):
    path = write_film(tmp_path / "a.mp4", FIVE, cover=True)
    data = path.read_bytes()
    moov, track, about = (data.rindex(name) - 4 for name in (b"moov", b"trak", b"udta"))
    assert moov < track < about  # FFmpeg makes tracks in this order; the cover lies in the last
    (tmp_path / "b.mp4").write_bytes(data[:track] + data[about:] + data[track:about])
    with av.open(str(tmp_path / "b.mp4")) as file:
        assert [stream.codec_context.name for stream in file.streams.video] == ["mjpeg", "h264"]
    for place in (path, tmp_path / "b.mp4"):
        found, video = numbers(place)
        assert (found, video.damage) == ([0, 1, 2, 3, 4], None)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.bmp", "a.tiff", "a.gif", "a.avif", "a%03d.jpg"])
def test_a_photo_is_called_one(tmp_path, name):
    if name.endswith("avif") and ".avif" not in Image.registered_extensions():
        pytest.skip("this Pillow has no AVIF")
    Image.fromarray(numbered_picture(3)).save(tmp_path / name)
    with pytest.raises(VideoError) as error:
        open_video(str(tmp_path / name))
    assert str(error.value) == f"{tmp_path / name}: is a photo, not a video; use strongpose predict"


def test_a_picture_in_an_icon_is_called_a_photo(tmp_path):
    Image.fromarray(numbered_picture(3)).save(tmp_path / "a.ico")
    with pytest.raises(VideoError, match="is a photo, not a video; use strongpose predict"):
        open_video(str(tmp_path / "a.ico"))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("notes.txt", "Just some notes.\nAnother line.\n" * 20, "is a text, not a video; name a video"),
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\nhello\n\n", "no video stream; name a video"),
        ("empty.mp4", "", "the file is empty; copy or download it again"),
    ],
)
def test_a_text_is_no_video(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(VideoError) as error:
        open_video(str(tmp_path / name))
    assert f"{tmp_path}/{name}: {message}" in str(error.value)


@pytest.mark.parametrize("name", ["a.mjpeg", "a.mjpg"])
def test_many_jpegs_in_a_row_are_a_video(tmp_path, name):
    files = []
    for n in range(20):
        file = io.BytesIO()
        Image.fromarray(numbered_picture(n)).save(file, "JPEG", quality=95)
        files.append(file.getvalue())
    (tmp_path / name).write_bytes(b"".join(files))
    assert numbers(tmp_path / name)[0] == list(range(20))
    (tmp_path / name).write_bytes(files[0])
    with pytest.raises(VideoError, match="is a photo, not a video"):
        open_video(str(tmp_path / name))


def test_numbers_without_a_zero_in_their_pattern_are_numbers_too(tmp_path):
    with pytest.raises(VideoError, match=r"f-%3d\.png: no such files; check the path"):
        open_video(str(tmp_path / "f-%3d.png"))
    pictures(tmp_path, range(4), "f-{:03d}.png")
    assert numbers(tmp_path / "f-%3d.png")[0] == [0, 1, 2, 3]


def test_a_list_that_is_not_ended_is_read_from_its_start_to_its_end(tmp_path):
    for n in range(5):
        write_film(tmp_path / f"{n}.ts", [n + k / 25 for k in range(25)], options={"bf": "0"})
    lines = "".join(f"#EXTINF:1.0,\n{n}.ts\n" for n in range(5))
    (tmp_path / "a.m3u8").write_text("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n" + lines)
    begun = time.monotonic()
    with open_video(str(tmp_path / "a.m3u8")) as video:
        frames = list(video)
    assert (len(frames), video.live, video.damage) == (125, False, None)
    assert frames[-1].time == pytest.approx(124 / 25, abs=2e-3)
    assert time.monotonic() - begun < 30


def test_an_mp4_without_its_index_is_told(tmp_path):
    data = write_film(tmp_path / "a.mp4", FIVE).read_bytes()
    end = data.rindex(b"moov") - 4
    for kept in (data[:end], data[: end - 100], data[:end] + bytes(len(data) - end)):
        (tmp_path / "a.mp4").write_bytes(kept)
        with pytest.raises(VideoError) as error:
            open_video(str(tmp_path / "a.mp4"))
        assert str(error.value) == (
            f"{tmp_path}/a.mp4: lacks its end (no index): the recording or copy was cut off; "
            "copy it again, or repair or record it again"
        )


def test_a_heic_photo_is_called_one(tmp_path):
    (tmp_path / "a.heic").write_bytes(struct.pack(">I4s4sI4s", 20, b"ftyp", b"heic", 0, b"mif1") + bytes(100))
    with pytest.raises(VideoError, match="is a photo, not a video; use strongpose predict"):
        open_video(str(tmp_path / "a.heic"))


def test_a_message_is_one_line_whatever_the_file_is_called(strongpose, tmp_path):
    run = strongpose("video", tmp_path / "two\nlines.mp4", "--out", tmp_path)
    assert (run.returncode, run.stderr) == (
        1,
        f"strongpose: {tmp_path}/two\\nlines.mp4: no such file; check the path\n",
    )
