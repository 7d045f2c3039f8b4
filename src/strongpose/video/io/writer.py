"""Writing a video: pictures with times to an mp4."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from PIL import Image

from strongpose.exceptions import VideoError
from strongpose.video.io.frame import reason_of

__all__ = ["VideoWriter"]

_MPEG4_TICKS = 60_000  # a second; mpeg4 cannot count finer than 1/65535 s
_MOST_TICKS = 90_000  # a second; finer ones leave no room for hours between two frames
_LEAST_TICKS = 10_000  # a second; FFmpeg counts finer than coarser ones
_MOST_APART = (1 << 31) - 2  # of FFmpeg's ticks between two frames; mp4 counts no further
_SMPTE170M, _NARROW = 6, 1  # how FFmpeg makes YUV out of RGB
_RATES = Fraction(1, 1000), Fraction(1000)  # frames a second that an encoder is told


class VideoWriter:
    """Writes pictures to an .mp4 file that can be played up to the last second, even if the process is killed.

    H.264, or MPEG-4 where PyAV was built without it. Odd widths and heights grow by one pixel, as H.264 needs
    even ones; pictures of another size than the first are scaled to the first's.

    Args:
        path: of the file; an older one is overwritten.
        rate: frames a second, of which the player is told; the time stamps are what counts.
        time_base: seconds; time stamps are rounded to its multiples, or to those of 1/90,000 s if it is finer.
        aspect: width of a pixel divided by its height.
        duration: seconds between the first and the last picture, if that is known; where two may lie hours apart,
            times are rounded further. Those that still lie too far apart are brought as near as mp4 needs it.

    Raises:
        OSError: if the file cannot be written, here and in all methods.
    """

    def __init__(
        self,
        path: Path,
        rate: Fraction | None = None,
        time_base: Fraction = Fraction(1, 90_000),
        aspect: Fraction = Fraction(1),
        duration: float | None = None,
    ) -> None:
        import av

        self.codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        options = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}
        self._path = path
        with self._named():
            self._container = av.open(f"file:{path}", "w", format="mp4", options=options)
        self._rate = min(max(Fraction(rate or 25), _RATES[0]), _RATES[1]).limit_denominator(65_535)
        ticks = _MPEG4_TICKS if self.codec == "mpeg4" else _MOST_TICKS
        self._time_base = time_base if time_base.denominator <= ticks else Fraction(1, ticks)
        if duration and Fraction(duration) / self._time_base > self._apart():
            fitting = math.floor(_MOST_APART / Fraction(duration))
            self._time_base = Fraction(1, min(self._time_base.denominator, max(_LEAST_TICKS, fitting)))
        self._aspect = aspect
        self._stream: Any = None
        self._last, self._left_out = -1, 0  # ticks

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, image: np.ndarray, time: float) -> None:
        """Append a picture.

        Args:
            image: (H, W, 3) uint8 RGB.
            time: seconds, later than that of the picture before.

        Raises:
            VideoError: if the first picture is too large for the codec.
        """
        import av

        if self._stream is None:
            self._start(image.shape[0], image.shape[1])
        height, width = self._stream.height, self._stream.width
        if image.shape[:2] != self._size:
            image = np.asarray(Image.fromarray(image).resize(self._size[::-1], Image.Resampling.BILINEAR))
        if image.shape[:2] != (height, width):
            image = np.pad(image, ((0, height - image.shape[0]), (0, width - image.shape[1]), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        stamp = round(Fraction(time) / self._time_base) - self._left_out
        if self._last >= 0 and (beyond := stamp - self._last - self._apart()) > 0:
            self._left_out += beyond
            stamp -= beyond
        self._last = max(self._last + 1, stamp)
        frame.pts, frame.time_base = self._last, self._time_base
        with self._named():
            self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what the encoder still holds, and close the file."""
        stream, self._stream = self._stream, None
        try:
            if stream is not None and stream.codec_context.is_open:
                with self._named():
                    self._container.mux(stream.encode(None))
        finally:
            with self._named():
                self._container.close()

    def _start(self, height: int, width: int) -> None:
        import av

        self._size = height, width
        stream: Any = self._container.add_stream(self.codec, rate=self._rate)
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = self._time_base
        stream.codec_context.sample_aspect_ratio = self._aspect
        stream.codec_context.colorspace, stream.codec_context.color_range = _SMPTE170M, _NARROW
        stream.codec_context.gop_size = min(max(1, round(self._rate)), 120)  # a fragment of the file each second
        if self.codec == "libx264":
            stream.options = {"preset": "veryfast", "tune": "zerolatency", "crf": "20"}
        else:
            stream.codec_context.bit_rate = max(1_000_000, 4 * width * height)
        try:
            stream.codec_context.open()
        except av.FFmpegError as error:
            raise VideoError(
                f"{self._path}: {self.codec} cannot hold pictures of {width}×{height} ({reason_of(error)}); "
                "scale the video down"
            ) from error
        self._stream = stream

    def _apart(self) -> int:
        """Ticks that two frames may lie apart."""
        ticks = self._time_base.denominator
        finer = 1
        while ticks * finer < _LEAST_TICKS:
            finer *= 2
        return _MOST_APART // (finer * self._time_base.numerator)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Turns whatever FFmpeg raises into an OSError that names the file."""
        import av

        try:
            yield
        except (av.FFmpegError, OSError) as error:
            number = error.errno if isinstance(error, OSError) else None
            text = os.strerror(number) if number else reason_of(error)
            raise OSError(number or 0, text, str(self._path)) from error
