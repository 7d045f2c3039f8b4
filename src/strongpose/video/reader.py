"""Reading a video: its frames with their times, or, of what is live, the newest."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Iterator
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from strongpose.video.frame import Frame, reason_of

if TYPE_CHECKING:
    import av
    import av.container

__all__ = ["TIMEOUT", "VideoReader"]

TIMEOUT = (10.0, 10.0)
"""Seconds until a source answers, and between two of its packets."""

_CUT_SHORT = 0.95  # a file that holds a smaller share of the frames it promises is cut short


class VideoReader:
    """The frames of a video, one at a time; made by `open_video`, closed by ``with``.

    Of a camera or a live stream the newest frame is given and those that came in between are passed over, so
    that slow work does not fall behind; of a file, every frame.

    Attributes:
        source: what was opened, as it is named in messages; passwords are left out.
        live: whether it is a camera or a live stream.
        rate: frames a second, or None where that is not known.
        frames: how many frames to expect, or None where that is not known.
        time_base: seconds; all time stamps are multiples.
        aspect: width of a pixel divided by its height, before turning.
        damage: what was wrong with the video, once that was met; frames from before and after were still given.
    """

    def __init__(self, container: av.container.InputContainer, source: str, live: bool) -> None:
        self._container = container
        self._stream = stream = container.streams.video[0]
        self.source, self.live = source, live
        self.rate: Fraction | None = stream.average_rate or stream.guessed_rate or None
        self.time_base: Fraction = stream.time_base or Fraction(1, 90_000)
        self.frames = None if live else _frame_count(container, self.rate)
        self.aspect: Fraction = stream.sample_aspect_ratio or Fraction(1)
        self.damage: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the file, camera or stream back."""
        self._container.close()

    def __iter__(self) -> Iterator[Frame]:
        frames = self._newest() if self.live else self._decoded()
        return (Frame(index, time, _upright(frame, self._stream.metadata)) for index, time, frame in frames)

    def _decoded(self) -> Iterator[tuple[int, float, av.VideoFrame]]:
        """Number, time and frame; time stamps that do not go forward are moved behind the frame before."""
        start: float | None = None
        last, step = -1.0, float(1 / self.rate) if self.rate else 0.04
        for index, frame in enumerate(self._whole_frames()):
            time = frame.time if frame.time is not None else last + step + (start or 0.0)
            start = time if start is None else start
            time = time - start if time - start > last else last + step
            last = time
            yield index, time, frame

    def _whole_frames(self) -> Iterator[av.VideoFrame]:
        """What can be decoded; notes the damage."""
        import av

        count, packets = 0, self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except av.FFmpegError as error:
                self._note(count, f"the rest cannot be read ({reason_of(error)})")
                break
            try:
                frames = packet.decode()
            except av.FFmpegError as error:
                self._note(count, f"a part cannot be decoded ({reason_of(error)})")
                continue
            for frame in frames:
                if frame.is_corrupt and not self.live:
                    self._note(count, "the picture is damaged")
                count += 1
                yield frame
        if self.frames and count < _CUT_SHORT * self.frames:
            self._note(count, f"the video ends early, {self.frames} frames were promised")

    def _note(self, index: int, reason: str) -> None:
        self.damage = self.damage or f"{self.source}: damaged at frame {index}: {reason}; what could be read was kept"

    def _newest(self) -> Iterator[tuple[int, float, av.VideoFrame]]:
        """The newest frame whenever one is asked for; a thread reads meanwhile."""
        latest: queue.Queue[tuple[int, float, Any] | BaseException | None] = queue.Queue(maxsize=1)
        stopped = threading.Event()

        def put(item: tuple[int, float, Any] | BaseException | None) -> None:
            while not stopped.is_set():
                try:
                    return latest.put(item, timeout=0.01)
                except queue.Full:
                    if item is None or isinstance(item, BaseException):
                        continue  # the last frame is still wanted
                    try:
                        latest.get_nowait()
                    except queue.Empty:
                        continue

        def read() -> None:
            try:
                for item in self._decoded():
                    put(item)
                    if stopped.is_set():
                        return
                put(None)
            except BaseException as error:
                put(error)

        thread = threading.Thread(target=read, name=f"reading {self.source}", daemon=True)
        thread.start()
        try:
            while (item := latest.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stopped.set()
            thread.join(sum(TIMEOUT))


def _frame_count(container: av.container.InputContainer, rate: Fraction | None) -> int | None:
    stream = container.streams.video[0]
    if stream.frames:
        return stream.frames
    if stream.duration and stream.time_base and rate:
        return round(stream.duration * stream.time_base * rate) or None
    return round(Fraction(container.duration, 1_000_000) * rate) or None if container.duration and rate else None


def _upright(frame: av.VideoFrame, metadata: dict[str, str]) -> np.ndarray:
    """(H, W, 3) uint8 RGB, turned by the display matrix, or else by the older rotate tag."""
    image = frame.to_ndarray(format="rgb24")
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        degrees = next((value for key, value in metadata.items() if key.lower() == "rotate"), "0")
        turns = round(float(degrees) / 90) if re.fullmatch(r"-?\d+(\.\d+)?", degrees) else 0
        return np.ascontiguousarray(np.rot90(image, -turns))
    # 16.16 fixed point, rows (a, b, u), (c, d, v), …: x' = a·x + c·y, y' = b·x + d·y
    a, b, _, c, d = np.rint(np.frombuffer(bytes(matrix), dtype="=i4")[:5] / 65_536).astype(int)
    if a == d == 0 and b and c:
        image, across, down = image.transpose(1, 0, 2), c, b
    else:
        across, down = a, d
    return np.ascontiguousarray(image[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])
