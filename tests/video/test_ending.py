"""What is whole passes for whole, and what ends early is told, whatever the container says of its length."""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import pytest
from PIL import Image
from videos import cut, number_of, numbered_picture, write_film

from strongpose.video import open_video
from strongpose.video.io.ending import is_cut_short

EVEN = [n / 25 for n in range(50)]
UNEVEN = [n / 30 for n in range(30)] + [float(n) for n in range(1, 21)]
COUNTS = hasattr(av.VideoStream, "index_entries")
SHORT_GROUPS = {"g": "12"}
FRONT = {"movflags": "faststart"}
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov"}


def read(path):
    with open_video(str(path)) as video:
        return list(video), video


@pytest.mark.parametrize(("times", "sound"), [(EVEN, 4.0), (UNEVEN, 0.0)], ids=["longer sound", "uneven"])
@pytest.mark.parametrize(
    ("name", "codec", "sound_codec"),
    [
        ("a.mkv", "libx264", "aac"),
        ("a.webm", "libvpx", "libopus"),
        ("a.flv", "flv", "aac"),
        ("a.mp4", "libx264", "aac"),
        ("a.mov", "mpeg4", "aac"),
        ("a.ts", "libx264", "aac"),
        ("a.wmv", "wmv2", "aac"),
    ],
)
def test_whole_videos_are_not_called_damaged(tmp_path, name, codec, sound_codec, times, sound):
    path = write_film(tmp_path / name, times, codec, tick=Fraction(1, 1000), sound=sound, sound_codec=sound_codec)
    frames, video = read(path)
    assert video.damage is None
    assert [frame.time for frame in frames] == pytest.approx([round(time, 3) for time in times], abs=2e-3)


def test_a_whole_avi_with_longer_sound_is_not_called_damaged(tmp_path):
    path = write_film(tmp_path / "a.avi", EVEN, "mpeg4", tick=Fraction(1, 25), sound=4.0, sound_codec="mp3")
    frames, video = read(path)
    assert (len(frames), video.damage) == (50, None)


def test_a_timelapse_and_a_video_that_begins_late_are_whole(tmp_path):
    frames, video = read(write_film(tmp_path / "a.mkv", [30.0 * n for n in range(20)], tick=Fraction(1, 1000)))
    assert (len(frames), frames[-1].time, video.damage) == (20, 570, None)
    frames, video = read(write_film(tmp_path / "b.mkv", [7 + n / 25 for n in range(20)], sound=9.0))
    assert (len(frames), frames[0].time, video.damage) == (20, 0, None)


@pytest.mark.parametrize("options", [{}, {"bf": "0"}], ids=["B-frames", "no B-frames"])
@pytest.mark.parametrize(("first", "last"), [(20, 50), (0, 25), (5, 20)])
def test_what_an_edit_list_leaves_out_is_not_missing(tmp_path, options, first, last):
    path = write_film(tmp_path / "a.mp4", EVEN, options={**options, **SHORT_GROUPS})
    data = bytearray(path.read_bytes())
    place = data.index(b"elst") + 12  # version, flags, count; duration in the film's ticks, first tick of the track
    (shift,) = struct.unpack_from(">i", data, place + 4)
    (ticks,) = struct.unpack_from(">I", data, data.index(b"mvhd") + 16)  # a second, behind version, flags and times
    struct.pack_into(">Ii", data, place, ticks * (last - first) // 25, shift + 512 * first)
    path.write_bytes(data)
    frames, video = read(path)
    assert video.damage is None
    assert abs(len(frames) - (last - first)) <= 2 and video.frames == (len(frames) if COUNTS else None)
    assert abs(number_of(frames[0].image) - first) <= 1


@pytest.mark.parametrize(("share", "sound"), [(0.5, 4.0), (0.97, 0.0)], ids=["half", "the end of a silent one"])
@pytest.mark.parametrize(
    ("name", "codec", "sound_codec", "container_options"),
    [
        ("a.mkv", "libx264", "aac", {}),
        ("a.webm", "libvpx", "libopus", {}),
        ("a.mp4", "libx264", "aac", FRONT),
        ("a.mov", "mpeg4", "aac", FRONT),
        ("fragments.mp4", "libx264", "aac", FRAGMENTS),
        ("a.avi", "mpeg4", "mp3", {}),
        ("a.wmv", "wmv2", "aac", {}),
    ],
)
def test_a_file_that_ends_early_is_told(tmp_path, name, codec, sound_codec, container_options, sound, share):
    path = write_film(
        tmp_path / name,
        EVEN,
        codec,
        tick=Fraction(1, 25),
        sound=sound,
        sound_codec=sound_codec,
        options=SHORT_GROUPS,
        container_options=container_options,
    )
    path = cut(path, share)
    frames, video = read(path)
    assert 1 <= len(frames) <= 50
    assert video.damage.startswith(f"{path}: damaged at frame ")
    assert video.damage.endswith("; what could be read was kept")


def test_a_transport_stream_that_ends_within_a_packet_is_told(tmp_path):
    path = write_film(tmp_path / "a.ts", EVEN)
    data = path.read_bytes()
    (tmp_path / "b.ts").write_bytes(data[: 188 * (len(data) // 376) + 100])
    frames, video = read(tmp_path / "b.ts")
    assert 10 < len(frames) < 50
    assert f"damaged at frame {len(frames)}: the file is truncated; copy or download it again" in video.damage or (
        f"damaged at frame {len(frames) - 1}: the picture is damaged" in video.damage
    )


def test_a_flash_video_that_ends_early_is_told(tmp_path):
    _, video = read(cut(write_film(tmp_path / "a.flv", EVEN, "flv", tick=Fraction(1, 1000), sound=2.0), 0.8))
    assert video.damage


def test_a_recording_that_begins_between_two_whole_pictures_is_not_damaged(tmp_path):
    data = write_film(tmp_path / "a.ts", EVEN, options={"g": "25", "sc_threshold": "0"}).read_bytes()
    (tmp_path / "b.ts").write_bytes(data[188 * (len(data) // 188 // 8) :])
    frames, video = read(tmp_path / "b.ts")
    assert len(frames) == 25 and number_of(frames[0].image) == 25 and video.damage is None


def test_sizes_that_were_never_filled_in_promise_nothing(tmp_path):
    path = write_film(tmp_path / "a.mkv", EVEN, tick=Fraction(1, 1000))
    data = bytearray(path.read_bytes())
    place = data.index(b"\x18\x53\x80\x67") + 4
    assert data[place] == 1  # a size of eight bytes
    data[place : place + 8] = b"\x01" + b"\xff" * 7
    path.write_bytes(data[: len(data) // 2])
    assert not is_cut_short(path)
    (tmp_path / "trailer.mp4").write_bytes(
        write_film(tmp_path / "a.mp4", EVEN).read_bytes() + struct.pack(">I", 1 << 30) + b"SEFTmore"
    )
    assert not is_cut_short(tmp_path / "trailer.mp4")
    assert not is_cut_short(tmp_path / "nope.mp4")


def test_how_many_frames_to_expect_is_said_where_it_is_counted_only(tmp_path):
    for name, frames in (("a.mp4", 50 if COUNTS else None), ("a.mkv", None)):
        _, video = read(write_film(tmp_path / name, UNEVEN, tick=Fraction(1, 1000), sound=40.0))
        assert video.frames == frames
        assert video.duration == pytest.approx(20, rel=0.1)
    _, video = read(write_film(tmp_path / "a.flv", EVEN, "flv", tick=Fraction(1, 1000), sound=4.0))
    assert (video.frames, video.duration) == (None, None)


@pytest.mark.parametrize(
    ("times", "codec", "tick"),
    [
        (EVEN[:25], "libx264", Fraction(1, 25)),
        (EVEN, "libx264", Fraction(1, 1000)),
        ([0.0], "flv", Fraction(1, 25)),
        ([float(n) for n in range(15)], "libx264", Fraction(1)),
    ],
    ids=["a second", "two seconds", "one picture", "one a second"],
)
def test_a_short_flash_video_whose_length_counts_from_before_its_start_is_whole(tmp_path, times, codec, tick):
    frames, video = read(write_film(tmp_path / "a.flv", times, codec, tick=tick))
    assert (len(frames), video.damage) == (len(times), None)


@pytest.mark.parametrize(
    ("name", "more"), [("a.ts", bytes(4096)), ("a.gif", b"\n"), ("a.gif", b"more" * 300), ("a.png", bytes(2000))]
)
def test_what_was_appended_to_a_whole_file_is_no_damage(tmp_path, name, more):
    path = tmp_path / name
    if name == "a.ts":
        write_film(path, EVEN[:5])
    else:
        first, *others = (Image.fromarray(numbered_picture(n)) for n in range(5))
        first.save(path, save_all=True, append_images=others, duration=40)
    path.write_bytes(path.read_bytes() + more)
    frames, video = read(path)
    assert (len(frames), video.damage) == (5, None)


def test_a_fragment_that_a_list_in_front_promises_is_missed(tmp_path):
    flags = "dash+frag_keyframe+empty_moov+default_base_moof+global_sidx"
    options = {**SHORT_GROUPS, "sc_threshold": "0"}
    path = write_film(tmp_path / "a.mp4", EVEN, options=options, container_options={"movflags": flags})
    frames, video = read(path)
    assert (len(frames), video.damage) == (50, None)
    data = path.read_bytes()
    fragments = [n - 4 for n in range(len(data)) if data[n : n + 4] == b"moof"]
    path.write_bytes(data[: fragments[2]])
    frames, video = read(path)
    assert 20 < len(frames) < 30 and "the file is truncated; copy or download it again" in video.damage


@pytest.mark.parametrize(("name", "codec"), [("a.webm", "libvpx"), ("a.avi", "mjpeg"), ("a.wmv", "wmv2")])
@pytest.mark.parametrize("sound", [0.0, 4.0], ids=["silent", "longer sound"])
def test_an_end_that_was_never_written_is_told(tmp_path, name, codec, sound):
    sound_codec = {"a.webm": "libopus", "a.avi": "mp3", "a.wmv": "aac"}[name]
    tick = Fraction(1, 25 if name == "a.avi" else 1000)
    path = write_film(
        tmp_path / name, EVEN, codec, tick=tick, sound=sound, sound_codec=sound_codec, options=SHORT_GROUPS
    )
    data = path.read_bytes()
    assert read(path)[1].damage is None
    kept = round(0.6 * len(data))
    path.write_bytes(data[:kept] + bytes(len(data) - kept))
    frames, video = read(path)
    assert 10 < len(frames) < 50 and "the file is truncated; copy or download it again" in video.damage
    path.write_bytes(data + bytes(5000))
    assert read(path)[1].damage is None


def test_pictures_that_an_avi_lists_but_does_not_hold_are_missed(tmp_path):
    path = write_film(tmp_path / "a.avi", EVEN, "mjpeg", tick=Fraction(1, 25))
    data = path.read_bytes()
    half = len(data) // 2
    path.write_bytes(data[:half] + bytes(6000) + data[half + 6000 :])
    frames, video = read(path)
    assert 40 < len(frames) < 50
    if COUNTS:
        assert "a part of the file cannot be found; copy or download it again" in video.damage


@pytest.mark.parametrize(("name", "codec"), [("a.ivf", "libvpx"), ("a.ogv", "libvpx"), ("a.y4m", "rawvideo")])
def test_a_half_frame_or_page_at_the_end_is_told(tmp_path, name, codec):
    options = SHORT_GROUPS if codec == "libvpx" else {}
    path = write_film(tmp_path / name, EVEN, codec, tick=Fraction(1, 25), options=options)
    assert (len(read(path)[0]), read(path)[1].damage) == (50, None)
    assert is_cut_short(cut(path, 0.6)) and read(cut(path, 0.6))[1].damage
