"""What a video with people followed is written to: a video with poses, JSON lines and a CSV table."""

from __future__ import annotations

import errno
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Self

from strongpose.video.io.writer import VideoWriter

if TYPE_CHECKING:
    import numpy as np

    from strongpose.video.io.frame import Frame
    from strongpose.video.io.reader import VideoReader
    from strongpose.video.tracked_poses import TrackedPoses

__all__ = ["PoseFiles"]


class PoseFiles:
    """NAME.poses.mp4, .jsonl and .csv; each frame is written at once.

    Args:
        folder: where to; it is made if need be.
        name: NAME.
        reader: the video.
        every: of how many frames one is written.

    Raises:
        OSError: if a file cannot be written, or is gone at the end.
        VideoError: if the pictures are too large for the codec.
    """

    def __init__(self, folder: Path, name: str, reader: VideoReader, every: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._start, self._header_written = folder / f"{name}.poses", False
        self._rate = None if reader.rate is None else reader.rate / every
        self._time_base, self._duration = reader.time_base, reader.duration
        self._writer: VideoWriter | None = None
        with ExitStack() as stack:
            self._jsonl = stack.enter_context(_opened(self._path("jsonl")))
            self._csv = stack.enter_context(_opened(self._path("csv")))
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stack.close()
        endings = ["jsonl", "csv"] if self._writer is None else ["jsonl", "csv", "mp4"]
        for path in map(self._path, endings):
            if kind is None and not path.exists():
                raise FileNotFoundError(errno.ENOENT, "it was removed meanwhile", str(path))

    def write(self, frame: Frame, tracked: TrackedPoses, picture: np.ndarray) -> None:
        """Append a frame.

        Args:
            frame: of the video.
            tracked: the people in it.
            picture: (H, W, 3) uint8 RGB, with the people drawn.
        """
        if self._writer is None:
            self._writer = self._stack.enter_context(
                VideoWriter(self._path("mp4"), self._rate, self._time_base, frame.aspect, self._duration)
            )
        header, *rows = tracked.to_csv(frame.index).splitlines()
        _put(self._jsonl, tracked.to_json(frame.index) + "\n")
        _put(self._csv, "".join(line + "\n" for line in (rows if self._header_written else [header, *rows])))
        self._header_written = True
        self._writer.write(picture, tracked.time)

    def _path(self, ending: str) -> Path:
        return self._start.with_name(f"{self._start.name}.{ending}")


def _opened(path: Path) -> FileIO:
    """A file whose lines are written at once, so that nothing is left to be written when it is closed."""
    return path.open("wb", buffering=0)


def _put(file: FileIO, text: str) -> None:
    data = text.encode()
    try:
        while data:
            data = data[file.write(data) :]
    except OSError as error:
        raise OSError(error.errno, error.strerror, file.name) from error
