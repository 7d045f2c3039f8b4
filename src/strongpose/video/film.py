"""The pictures of a file, a camera or a stream, as FFmpeg decodes them."""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongpose.video.ending import is_cut_short
from strongpose.video.frame import Shot, reason_of
from strongpose.video.picture import Turn, pixels, turn_of
from strongpose.video.timing import fine_tick

if TYPE_CHECKING:
    import av
    import av.container
    import numpy as np

__all__ = ["Film"]

_MOST_RATE = 1000  # frames a second; more is no rate, but the tick of the time stamps
_TOO_EARLY = 0.95  # less than this share of what is promised
_INDEXED = ("mov,mp4,m4a,3gp,3g2,mj2",)  # formats that count their packets
_TIMED = ("flv", "mxf")  # formats that say how long the longest track is, and no sizes
_CAMERA = "mpjpeg"  # pictures without time stamps, sent as they are taken
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # FFmpeg's own leave the transparency out


class Film:
    """Shots out of a container.

    Attributes: those of `strongpose.video.frame.Footage`.

    Args:
        container: what was opened.
        stream: its track with the pictures.
        path: of the file, if it is one of this machine.
        live: whether pictures come as they are taken.
    """

    def __init__(
        self, container: av.container.InputContainer, stream: av.VideoStream, path: Path | None, live: bool
    ) -> None:
        self._container, self._stream, self._path, self._live = container, stream, path, live
        rate = stream.average_rate or stream.guessed_rate
        self.rate = Fraction(rate) if rate and 0 < rate <= _MOST_RATE else None
        self._time_base = stream.time_base or Fraction(1, 90_000)
        self.tick = fine_tick(self._time_base)
        self._ticks = int(self._time_base / self.tick)
        self.frames = None if live else self._count()
        self.duration = None if live else self._seconds()
        self.aspect = Fraction(stream.sample_aspect_ratio or 1)
        self.damage: tuple[int, str] | None = None
        self._decoder = self._fitting_decoder()
        self._read, self._end = 0, Fraction(0)  # packets of the pictures; seconds, of all tracks

    def close(self) -> None:
        """Give the file, camera or stream back."""
        self._container.close()

    def shots(self) -> Iterator[Shot]:
        """What can be decoded; notes the damage."""
        for frame in self._frames():
            turn = turn_of(frame, self._stream.metadata)
            yield Shot(self._stamp(frame), partial(_picture, frame, turn), turn.aspect(self.aspect))

    def _frames(self) -> Iterator[av.VideoFrame]:
        import av

        count, whole = 0, False
        for packet in self._packets():
            if isinstance(packet, av.FFmpegError):
                self._note(count, f"the rest cannot be read ({reason_of(packet)})")
                continue
            # what begins in the middle cannot be decoded up to a whole picture
            whole = whole or (packet is not None and packet.is_keyframe)
            try:
                frames = self._decoder.decode(packet)
            except av.FFmpegError as error:
                if whole:
                    self._note(count, f"a part cannot be decoded ({reason_of(error)})")
                continue
            for frame in frames:
                if frame.is_corrupt and not self._live:
                    self._note(count, "the picture is damaged")
                count += 1
                yield frame
        if self._ends_early():
            self._note(count, "the file ends early; copy or download it again")

    def _packets(self) -> Iterator[Any]:
        """Packets of the pictures, and the error that ends them; None gets what the decoder still holds."""
        import av

        timed = self._container.format.name in _TIMED
        packets: Iterator[Any] = self._container.demux() if timed else self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError as error:
                if not self._is_the_end(error):
                    yield error
                yield None
                return
            if timed and packet.pts is not None and packet.time_base:
                self._end = max(self._end, (packet.pts + (packet.duration or 0)) * packet.time_base)
            if packet.stream is self._stream:
                self._read += packet.size > 0 or packet.dts is not None  # the last is neither
                yield packet

    def _is_the_end(self, error: av.FFmpegError) -> bool:
        """Whether an error only means that a camera, or a stream of unknown length, sends no more."""
        import av

        if self._container.format.name == _CAMERA:
            return isinstance(error, av.error.InvalidDataError)
        return self._container.name.startswith("http") and self._container.size <= 0 and error.errno == errno.EIO

    def _ends_early(self) -> bool:
        """Whether the file promises more than it held; trusts no lengths that may be those of another track."""
        if self._live:
            return False
        if self._path is not None and is_cut_short(self._path):
            return True
        if self._container.format.name in _INDEXED:
            return self._read < _TOO_EARLY * len(getattr(self._stream, "index_entries", ()))
        if self._container.format.name in _TIMED and self._container.duration:
            start = Fraction(self._container.start_time or 0, 1_000_000)
            return self._end - start < _TOO_EARLY * Fraction(self._container.duration, 1_000_000)
        return False

    def _note(self, index: int, reason: str) -> None:
        self.damage = self.damage or (index, reason)

    def _stamp(self, frame: av.VideoFrame) -> int | None:
        if self._live and self._container.format.name == _CAMERA:
            return round(time.monotonic() / self.tick)
        if frame.pts is None or frame.time_base is None:
            return None
        if frame.time_base == self._time_base:
            return frame.pts * self._ticks
        return round(frame.pts * frame.time_base / self.tick)

    def _count(self) -> int | None:
        """How many frames the container counts, but for those that an edit list leaves out."""
        if self._container.format.name not in _INDEXED:
            return self._stream.frames or None
        entries = getattr(self._stream, "index_entries", ())  # of PyAV since 16
        if len(entries) == self._stream.frames:
            return len(entries) or None
        return sum(not entry.is_discard for entry in entries) or None if self._stream.frames else None

    def _seconds(self) -> float | None:
        """How long the pictures last, as their own track says."""
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        said = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", self._stream.metadata.get("DURATION", ""))
        if said:
            hours, minutes, seconds = map(float, said.groups())
            return 3600 * hours + 60 * minutes + seconds or None
        alone = len(self._container.streams) == 1
        return self._container.duration / 1_000_000 if alone and self._container.duration else None

    def _fitting_decoder(self) -> Any:
        """FFmpeg's own, but for VP8 and VP9 with transparency, which lies beside the pictures."""
        import av

        alpha = {key.lower(): value for key, value in self._stream.metadata.items()}.get("alpha_mode")
        name = _ALPHA_DECODERS.get(self._stream.codec_context.name)
        if alpha != "1" or name is None or name not in av.codecs_available:
            return self._stream.codec_context
        return av.CodecContext.create(name, "r")


def _picture(frame: av.VideoFrame, turn: Turn) -> np.ndarray:
    return turn.of(pixels(frame))
