"""The packets of a track, how far those of all tracks reach, and whether the file promised more."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongpose.video.io.ending import ends_in_zeros, is_cut_short, last_flv_track
from strongpose.video.io.transport import FEW, pictures_after

if TYPE_CHECKING:
    import av
    import av.container

__all__ = ["CAMERA", "INDEXED", "Packets"]

INDEXED = ("mov,mp4,m4a,3gp,3g2,mj2",)
"""Formats that count their packets."""
CAMERA = "mpjpeg"
"""The format of cameras: pictures without time stamps, sent as they are taken."""

_TIMED = ("flv", "mxf")  # formats that say how long the longest track is, and no sizes
_TIMED_AND_SIZED = ("avi", "matroska,webm", "asf", "asf_o")
_TOO_EARLY = Fraction(95, 100)  # less than this share of what is promised
_STEPS = 4  # pictures that may be missing by how their times are counted


class Packets:
    """What lies in a container, for one of its tracks.

    Args:
        container: what was opened.
        stream: the track.
        path: of the file, if it is one of this machine.
        rate: pictures a second, if that is known.
    """

    def __init__(
        self, container: av.container.InputContainer, stream: av.VideoStream, path: Path | None, rate: Fraction | None
    ) -> None:
        self._container, self._stream, self._path = container, stream, path
        self._kind = container.format.name
        self._read = self._own = self._place = 0  # packets of the track; bytes, of the track and of all
        self._end = Fraction(0)  # seconds, of all tracks
        self._firsts: dict[int, int] = {}  # bytes at which other tracks with pictures begin
        self._others: Counter[int] = Counter()  # their packets
        self._step = 1 / (rate or Fraction(25))  # seconds, the longest between two pictures
        self._last: int | None = None  # ticks

    def __iter__(self) -> Iterator[Any]:
        """Packets of the track, and the error that ends them; None gets what the decoder still holds."""
        import av

        packets: Iterator[Any] = self._container.demux()
        flushed = False
        while True:
            try:
                packet = next(packets)
            except (StopIteration, IndexError):  # IndexError: PyAV meets the end after a new track began midway
                break
            except av.FFmpegError as error:
                if not self._is_the_end(error):
                    yield error
                break
            self._place = max(self._place, packet.pos or 0)
            if packet.pts is not None and packet.time_base:
                self._end = max(self._end, (packet.pts + (packet.duration or 0)) * packet.time_base)
            if packet.stream is self._stream:
                flushed = packet.size == 0 and packet.dts is None
                if not flushed:
                    self._count(packet)
                yield packet
            elif packet.stream.type == "video" and packet.pos is not None:
                self._firsts.setdefault(packet.stream.index, packet.pos)
                self._others[packet.stream.index] += 1
        if not flushed:
            yield None

    def what_is_missing(self) -> str | None:
        """What the file promises beyond what came; asked once all has come."""
        early = "the file is truncated; copy or download it again"
        if self._path is not None and is_cut_short(self._path):
            return early
        if self._kind == "mpegts" and self._goes_on_elsewhere():
            return "the rest lies in another track that begins midway; join the parts with FFmpeg"
        if self._kind in INDEXED:
            return early if self._read < _TOO_EARLY * self._index() else None
        if self._kind == "avi" and self._read < _TOO_EARLY * min(self._index(), self._stream.frames):
            return "a part of the file cannot be found; copy or download it again"
        known = {None, *(track.type for track in self._container.streams)}
        if self._kind == "flv" and self._path is not None and last_flv_track(self._path) not in known:
            return None  # a track that began midway is the longest
        zeros = self._kind in _TIMED_AND_SIZED and self._path is not None and ends_in_zeros(self._path)
        return early if (zeros or self._kind in _TIMED) and self._stops_too_soon() else None

    def _count(self, packet: av.Packet) -> None:
        self._read += 1
        self._own = max(self._own, packet.pos or 0)
        if packet.dts is None or not packet.time_base:
            return
        if self._last is not None:
            self._step = max(self._step, (packet.dts - self._last) * packet.time_base)
        self._last = packet.dts

    def _goes_on_elsewhere(self) -> bool:
        if any(place > self._own and self._others[track] > FEW for track, place in self._firsts.items()):
            return True
        return self._path is not None and pictures_after(self._path, self._place)

    def _index(self) -> int:
        return len(getattr(self._stream, "index_entries", ()))  # of PyAV since 16

    def _stops_too_soon(self) -> bool:
        """Whether no track lasts as long as the container says; a few pictures may be lost in counting."""
        if not self._container.duration:
            return False
        said = Fraction(self._container.duration, 1_000_000)
        start = Fraction(self._container.start_time or 0, 1_000_000)
        return self._end - start < _TOO_EARLY * said - _STEPS * self._step

    def _is_the_end(self, error: av.FFmpegError) -> bool:
        """Whether an error only means that a camera, or a stream of unknown length, sends no more."""
        import av

        if self._kind == CAMERA:
            return isinstance(error, av.error.InvalidDataError)
        live = self._container.name.startswith("http") and (self._container.size or 0) <= 0
        return live and error.errno == errno.EIO
