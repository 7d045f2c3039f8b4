"""Small videos made with PyAV, as recorders and editors leave them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from strongpose.video import VideoReader, open_video

SIZE = (64, 96)  # height and width
FIVE = [n / 25 for n in range(5)]  # seconds
_LAG = 4000  # ticks by which decoding is ahead, so that time stamps may go back


def numbered_picture(number: int, height: int = SIZE[0], width: int = SIZE[1]) -> np.ndarray:
    """Grey of four times the number, which `number_of` finds again, and noise below that makes it large."""
    image = np.full((height, width, 3), 4 * number % 256, dtype=np.uint8)
    image[height // 2 :] = np.random.default_rng(number).integers(0, 256, (height - height // 2, width, 3))
    return image


def number_of(image: np.ndarray) -> int:
    return round(float(image[: image.shape[0] // 2 - 4].mean()) / 4)


def mark_as_cover(stream: av.VideoStream) -> None:
    """Skips the test where PyAV cannot."""
    try:
        stream.disposition = av.stream.Disposition.attached_pic
    except (AttributeError, TypeError):
        pytest.skip("this PyAV cannot mark covers")


def write_film(
    path: Path,
    times: list[float],
    codec: str = "libx264",
    *,
    tick: Fraction = Fraction(1, 12_800),
    stamps: list[float] | None = None,
    sound: float = 0.0,
    sound_codec: str = "aac",
    cover: bool = False,
    size: tuple[int, int] = SIZE,
    aspect: Fraction = Fraction(1),
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """A film of numbered pictures, 25 frames a second by name.

    Args:
        path: its ending tells the container.
        times: of the pictures, in seconds.
        codec: of the pictures.
        tick: seconds; times are rounded to its multiples.
        stamps: seconds, written over the times of the packets; of codecs without B-frames.
        sound: seconds of silence beside the pictures.
        sound_codec: of the silence.
        cover: whether a picture of red is the first track.
        size: height and width.
        aspect: width of a pixel divided by its height.
        options: of the encoder.
        container_options: of the muxer.
    """
    with av.open(f"file:{path}", "w", options=container_options or {}) as file:
        front = file.add_stream("mjpeg", rate=1) if cover else None
        if front is not None:
            front.width, front.height, front.pix_fmt = 32, 32, "yuvj420p"
            mark_as_cover(front)
        stream = file.add_stream(codec, rate=25)
        stream.height, stream.width = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base, stream.codec_context.sample_aspect_ratio = tick, aspect
        stream.options = options or {}
        noise = file.add_stream(sound_codec, rate=48_000) if sound else None
        if noise is not None:
            noise.layout = "mono"
        file.start_encoding()
        if front is not None:
            red = np.full((32, 32, 3), (255, 0, 0), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(red, format="rgb24")
            frame.pts = 0
            file.mux(front.encode(frame) + front.encode(None))
        packets = []
        for number, moment in enumerate(times):
            frame = av.VideoFrame.from_ndarray(numbered_picture(number, *size), format="rgb24")
            frame.pts, frame.time_base = round(moment / tick), tick
            packets += stream.encode(frame)
        packets += stream.encode(None)
        last = -_LAG - 1
        for packet, stamp in zip(packets, stamps or [], strict=stamps is not None):
            packet.pts = round(stamp / tick)
            packet.dts = last = max(last + 1, packet.pts - _LAG)
        if noise is not None:
            count = noise.codec_context.frame_size or 960
            for at in range(0, round(sound * 48_000), count):
                silence = av.AudioFrame.from_ndarray(np.zeros((1, count), np.float32), format="fltp", layout="mono")
                silence.sample_rate, silence.pts, silence.time_base = 48_000, at, Fraction(1, 48_000)
                packets += noise.encode(silence)
            packets += noise.encode(None)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            file.mux(packet)
    return path


def cut(path: Path, share: float) -> Path:
    """The file without its end, beside it."""
    data = path.read_bytes()
    shorter = path.with_name(f"cut-{path.name}")
    shorter.write_bytes(data[: round(len(data) * share)])
    return shorter


def numbers(source: object) -> tuple[list[int], VideoReader]:
    """The number on each frame of a video, and its reader."""
    with open_video(str(source)) as video:
        return [number_of(frame.image) for frame in video], video
