"""Reading a video: its frames with their times, or, of what is live, the newest."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from fractions import Fraction
from types import TracebackType
from typing import Self

from strongpose.video.io.frame import Footage, Frame, Shot
from strongpose.video.io.timing import in_order, in_order_at_once

__all__ = ["TIMEOUT", "VideoReader"]

TIMEOUT = (10.0, 10.0)
"""Seconds until a source answers, and between two of its packets."""

_USUAL_RATE = Fraction(25)  # frames a second, where it is not known


class VideoReader:
    """The frames of a video, one at a time; made by `open_video`, closed by ``with``.

    Of a camera or a live stream the newest frame is given and those that came in between are passed over, so
    that slow work does not fall behind; of a file, every frame.

    Attributes:
        source: what was opened, as it is named in messages; passwords are left out.
        live: whether it is a camera or a live stream.
        rate: frames a second, or None where that is not known.
        frames: how many frames to expect, or None where they are not counted.
        duration: how many seconds to expect, or None where that is not known.
        time_base: seconds; all times are multiples.
        aspect: width of a pixel divided by its height, before turning; `Frame.aspect` is that of the frames given.
        damage: what was wrong with the video, once that was met; frames from before and after were still given.
    """

    def __init__(self, footage: Footage, source: str, live: bool) -> None:
        self._footage = footage
        self.source, self.live = source, live
        self.rate, self.frames, self.duration = footage.rate, footage.frames, footage.duration
        self.time_base, self.aspect = footage.tick, footage.aspect
        self._step = 1 / (self.rate or _USUAL_RATE)

    @property
    def damage(self) -> str | None:  # noqa: D102 - described above
        return None if self._footage.damage is None else f"{self.source}: {self._footage.damage}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the file, camera or stream back."""
        self._footage.close()

    def __iter__(self) -> Iterator[Frame]:
        if self.live:
            return (Frame(index, time, shot.image(), shot.aspect) for index, time, shot in self._newest())
        # pictures are made before their time is settled, while what was decoded is still in the cache
        stamped = ((shot.stamp, (shot.image(), shot.aspect)) for shot in self._footage.shots())
        timed = in_order(stamped, self._step, self.time_base)
        return (Frame(index, self._seconds(time), *picture) for index, (time, picture) in enumerate(timed))

    def _timed(self) -> Iterator[tuple[int, float, Shot]]:
        stamped = ((shot.stamp, shot) for shot in self._footage.shots())
        timed = in_order_at_once(stamped, self._step, self.time_base)
        return ((index, self._seconds(time), shot) for index, (time, shot) in enumerate(timed))

    def _seconds(self, ticks: int) -> float:
        return ticks * self.time_base.numerator / self.time_base.denominator

    def _newest(self) -> Iterator[tuple[int, float, Shot]]:
        """The newest frame whenever one is asked for; a thread reads meanwhile."""
        latest: queue.Queue[tuple[int, float, Shot] | BaseException | None] = queue.Queue(maxsize=1)
        stopped = threading.Event()

        def put(item: tuple[int, float, Shot] | BaseException | None) -> None:
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
                for item in self._timed():
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
