"""What frames look like: laid on white, turned, and with the right shape of their pixels; animated pictures."""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image, features
from videos import cut, write_film

from strongpose.exceptions import VideoError
from strongpose.video import open_video

DURATIONS = [100, 300, 50, 200]  # milliseconds
STARTS = [0, 0.1, 0.4, 0.45]


def read(path):
    with open_video(str(path)) as video:
        return list(video), video


def translucent():
    """Clear left, half red in the middle, red right; what is beneath the clear part is black."""
    image = np.zeros((48, 96, 4), np.uint8)
    image[:, 32:64] = (255, 0, 0, 128)
    image[:, 64:] = (255, 0, 0, 255)
    return image


@pytest.mark.parametrize(
    ("name", "codec", "layout", "options"),
    [
        ("a.mov", "qtrle", "argb", {}),
        ("a.mov", "png", "rgba", {}),
        ("a.mov", "prores_ks", "yuva444p10le", {"profile": "4444"}),
        ("a.mkv", "ffv1", "bgra", {}),
        ("a.webm", "libvpx-vp9", "yuva420p", {}),
        ("a.webm", "libvpx", "yuva420p", {"auto-alt-ref": "0"}),
    ],
)
def test_transparency_is_laid_on_white(tmp_path, name, codec, layout, options):
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no {codec}")
    with av.open(str(tmp_path / name), "w") as file:
        stream = file.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 48, layout
        stream.options = options
        for n in range(3):
            frame = av.VideoFrame.from_ndarray(translucent(), format="rgba")
            frame.pts = n
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    frames, video = read(tmp_path / name)
    assert (len(frames), video.damage) == (3, None)
    for frame in frames:
        assert frame.image.shape == (48, 96, 3) and frame.image.flags.c_contiguous
        np.testing.assert_allclose(frame.image[24, 16], (255, 255, 255), atol=6)
        np.testing.assert_allclose(frame.image[24, 48], (255, 127, 127), atol=10)
        np.testing.assert_allclose(frame.image[24, 80], (255, 0, 0), atol=10)


def moving():
    """A red square that moves to the right on nothing."""
    images = []
    for n in range(4):
        image = np.zeros((48, 64, 4), np.uint8)
        image[10:30, 10 * n + 2 : 10 * n + 8] = (255, 0, 0, 255)
        images.append(Image.fromarray(image))
    return images


@pytest.mark.parametrize("name", ["a.webp", "a.gif", "a.png", "a.apng", "a.avif"])
def test_animated_pictures_are_played_at_their_own_times(tmp_path, name):
    if name.endswith("avif") and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    first, *others = moving()
    settings = {"disposal": 2} if name.endswith("gif") else {"lossless": True} if name.endswith("webp") else {}
    form = "PNG" if name.endswith("png") else None
    first.save(tmp_path / name, form, save_all=True, append_images=others, duration=DURATIONS, loop=0, **settings)
    frames, video = read(tmp_path / name)
    assert video.damage is None
    assert [frame.time for frame in frames] == pytest.approx(STARTS, abs=1e-3)
    for n, frame in enumerate(frames):
        np.testing.assert_allclose(frame.image[20, 10 * n + 5], (255, 0, 0), atol=30)
        beside = frame.image[20, (10 * n + 35) % 64].astype(int)
        np.testing.assert_allclose(beside, (255, 255, 255), atol=12)


def test_an_animated_picture_cut_short_is_told(strongpose, tiny_model, tmp_path):
    noise = np.random.default_rng(0)
    images = [Image.fromarray(noise.integers(0, 256, (48, 64, 3), dtype=np.uint8)) for _ in range(6)]
    for name in ("a.webp", "a.gif", "a.png"):
        images[0].save(tmp_path / name, save_all=True, append_images=images[1:], duration=100)
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2])
        try:
            assert 1 <= len(read(tmp_path / name)[0]) <= 5
        except VideoError:
            pass  # Pillow may want the whole file
        run = strongpose("video", tmp_path / name, "--out", tmp_path, "--model", tiny_model)
        assert run.returncode == 1
        assert run.stderr.startswith(f"strongpose: {tmp_path / name}: ") and run.stderr.count("\n") == 1
        assert "damaged at" in run.stderr


@pytest.mark.parametrize("share", [0.3, 0.55, 0.99])
def test_the_whole_pictures_of_a_webp_cut_short_are_kept(tmp_path, share):
    noise = np.random.default_rng(0)
    images = [Image.fromarray(noise.integers(0, 256, (48, 64, 3), dtype=np.uint8)) for _ in range(6)]
    images[0].save(tmp_path / "a.webp", save_all=True, append_images=images[1:], duration=100, lossless=True)
    frames, video = read(cut(tmp_path / "a.webp", share))
    assert len(frames) == int(6 * share)
    assert f"damaged at frame {len(frames)}: the file is truncated; copy or download it again" in video.damage
    assert all(np.array_equal(frame.image, image) for frame, image in zip(frames, images, strict=False))


@pytest.mark.parametrize("name", ["a.webp", "a.avif"])
def test_a_start_that_cannot_be_read_is_told_in_words(tmp_path, name):
    if name.endswith("avif") and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    first, *others = moving()
    first.save(tmp_path / name, save_all=True, append_images=others, duration=100)
    with pytest.raises(VideoError) as error:
        open_video(str(cut(tmp_path / name, 60 / (tmp_path / name).stat().st_size)))
    assert "not a video, or damaged at its start (" in str(error.value) and " at 0x" not in str(error.value)


ONE = 1 << 16


@pytest.mark.parametrize(
    ("matrix", "aspect"),
    [
        ((0, ONE, -ONE, 0), Fraction(1, 2)),
        ((0, -ONE, ONE, 0), Fraction(1, 2)),
        ((0, ONE, ONE, 0), Fraction(1, 2)),
        ((-ONE, 0, 0, -ONE), Fraction(2)),
        ((-ONE, 0, 0, ONE), Fraction(2)),
    ],
)
def test_wide_pixels_become_high_by_a_quarter_turn(strongpose, tiny_model, tmp_path, matrix, aspect):
    path = write_film(tmp_path / "a.mp4", [0, 0.04, 0.08], aspect=Fraction(2))
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 44
    for offset, value in zip((0, 4, 12, 16), matrix, strict=True):
        struct.pack_into(">i", data, place + offset, value)
    path.write_bytes(data)
    frames, video = read(path)
    assert video.aspect == 2 and {frame.aspect for frame in frames} == {aspect}
    run = strongpose("video", path, "--out", tmp_path, "--model", tiny_model)
    assert run.returncode == 0, run.stderr
    with av.open(str(tmp_path / "a.poses.mp4")) as file:
        stream = file.streams.video[0]
        assert (stream.height, stream.width) == frames[0].image.shape[:2]
        assert stream.sample_aspect_ratio == aspect


def test_wide_pixels_become_high_by_a_rotate_tag(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as file:
        stream = file.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        stream.metadata["ROTATE"] = "270"
        file.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 96, 3), np.uint8), format="rgb24")))
        file.mux(stream.encode(None))
    frames, _ = read(tmp_path / "a.mkv")
    assert (frames[0].image.shape, frames[0].aspect) == ((96, 64, 3), Fraction(3, 4))


def test_a_film_whose_size_changes_is_read_and_written_whole(strongpose, tiny_model, tmp_path):
    parts = [write_film(tmp_path / f"{n}.ts", [n / 25 for n in range(10)], size=size) for n, size in enumerate(SIZES)]
    (tmp_path / "a.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    frames, video = read(tmp_path / "a.ts")
    assert {frame.image.shape[:2] for frame in frames} == set(SIZES) and video.damage is None
    run = strongpose("video", tmp_path / "a.ts", "--out", tmp_path, "--model", tiny_model)
    assert (run.returncode, run.stderr) == (0, "")
    written, _ = read(tmp_path / "a.poses.mp4")
    assert len(written) == len(frames) == 20
    assert {frame.image.shape[:2] for frame in written} == {SIZES[0]}


SIZES = [(64, 96), (96, 64)]
