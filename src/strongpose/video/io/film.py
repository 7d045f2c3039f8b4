"""The pictures of a file, a camera or a stream, as FFmpeg decodes them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongpose.video.io.frame import Damage, Shot, reason_of
from strongpose.video.io.packets import CAMERA, INDEXED, Packets
from strongpose.video.io.picture import Turn, pixels, turn_of
from strongpose.video.io.timing import fine_tick

if TYPE_CHECKING:
    import av
    import av.container
    import numpy as np

__all__ = ["Film"]

_MOST_RATE = 1000  # frames a second; more is no rate, but the tick of the time stamps
_RAW = ("h264", "hevc", "vvc", "m4v", "mpegvideo", "cavsvideo", "vc1")  # pictures alone, without time stamps
_UNPRESENTED = ("avi",)  # formats that say when pictures are decoded, not when they are shown
_WRAPPING = ("mpegts", "mpeg")  # formats whose clock begins anew
_WRAP = 1 << 33  # ticks after which it does
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # FFmpeg's own leave the transparency out


class Film:
    """Shots out of a container.

    Attributes: those of `strongpose.video.io.frame.Footage`.

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
        kind = container.format.name
        rate = stream.guessed_rate if kind in _RAW else stream.average_rate or stream.guessed_rate
        self.rate = Fraction(rate) if rate and 0 < rate <= _MOST_RATE else None
        self._time_base = stream.time_base or Fraction(1, 90_000)
        self.tick = fine_tick(self._time_base)
        self._ticks = int(self._time_base / self.tick)
        self.frames = None if live else self._count()
        self.duration = None if live else self._seconds()
        self.aspect = Fraction(stream.sample_aspect_ratio or 1)
        self.damage: Damage | None = None
        self._decoder = self._fitting_decoder()
        self._last = self._wrapped = 0  # ticks: of the picture before; to be taken off

    def close(self) -> None:
        """Give the file, camera or stream back."""
        self._container.close()

    def shots(self) -> Iterator[Shot]:
        """What can be decoded; notes the damage."""
        turn, rotation = Turn(), None
        for frame in self._frames():
            if frame.rotation != rotation:  # PyAV's side data hold on to their frame until garbage is collected
                turn, rotation = turn_of(frame, self._stream.metadata), frame.rotation
            yield Shot(self._stamp(frame), partial(_picture, frame, turn), turn.aspect(self.aspect))

    def _frames(self) -> Iterator[av.VideoFrame]:
        import av

        count, whole = 0, False
        packets = Packets(self._container, self._stream, self._path, self.rate)
        for packet in packets:
            if isinstance(packet, av.FFmpegError):
                self._note_broken_off(count, packet)
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
        if not self._live and (missing := packets.what_is_missing()):
            self._note(count, missing)

    def _note(self, index: int, reason: str, what: str = "damaged") -> None:
        self.damage = self.damage or Damage(index, reason, what)

    def _note_broken_off(self, index: int, error: av.FFmpegError) -> None:
        import av

        if index == 0 and self._container.format.name in INDEXED and not (self._path and self._path.is_file()):
            self._note(
                index, "its index lies at its end, and there is no way back from it; save it to a file first", "ended"
            )
        elif isinstance(error, av.error.ExitError):
            self._note(index, "nothing more came in time; check that it sends", "ended")
        elif self._live and isinstance(error, OSError):
            self._note(index, f"the connection was closed ({reason_of(error)}); open it again", "ended")
        else:
            self._note(index, f"the rest cannot be read ({reason_of(error)})")

    def _stamp(self, frame: av.VideoFrame) -> int | None:
        kind = self._container.format.name
        if self._live and kind == CAMERA:
            return round(time.monotonic() / self.tick)
        stamp = frame.dts if kind in _UNPRESENTED else frame.pts
        if stamp is None or frame.time_base is None:
            return None
        if kind in _WRAPPING:
            stamp = self._set_back(stamp)
        if frame.time_base == self._time_base:
            return stamp * self._ticks
        return round(stamp * frame.time_base / self.tick)

    def _set_back(self, stamp: int) -> int:
        """What the clock says: FFmpeg takes one that was set back by minutes for one that began anew."""
        stamp -= self._wrapped
        if abs(stamp - self._last) > _WRAP // 2 and self._last:
            back = _WRAP if stamp > self._last else -_WRAP
            self._wrapped += back
            stamp -= back
        self._last = stamp
        return stamp

    def _count(self) -> int | None:
        """How many frames the container counts, but for those that an edit list leaves out."""
        if self._container.format.name not in INDEXED:
            return self._stream.frames or None
        entries = getattr(self._stream, "index_entries", ())  # of PyAV since 16
        if len(entries) == self._stream.frames:
            return len(entries) or None
        return sum(not entry.is_discard for entry in entries) or None if self._stream.frames else None

    def _seconds(self) -> float | None:
        """How long the pictures last, as their own track says."""
        wraps = self._container.format.name in _WRAPPING
        if wraps and (self._container.duration or 0) * 90_000 // 1_000_000 > _WRAP // 2:
            return None  # the clock was set back
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        said = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", self._stream.metadata.get("DURATION", ""))
        if said:
            hours, minutes, seconds = map(float, said.groups())
            return 3600 * hours + 60 * minutes + seconds or None
        if len(self._container.streams) != 1 or not self._container.duration:
            return None
        return self._container.duration / 1_000_000

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
