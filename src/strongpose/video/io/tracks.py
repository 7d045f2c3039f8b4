"""Which track of a container is the film: the first whose pictures move."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from strongpose.exceptions import VideoError

if TYPE_CHECKING:
    import av
    import av.container

__all__ = ["has_several_pictures", "moving_track"]

_STILL_CODECS = ("mjpeg", "png", "bmp", "gif", "webp", "tiff", "jpeg2000")  # of covers, but also of films
_PLENTY = 50  # pictures of one track before the second of another


def moving_track(container: av.container.InputContainer, name: str, path: Path | None) -> av.VideoStream:
    """The first track with moving pictures; covers and thumbnails are none, nor is a single picture beside others.

    Args:
        container: what was opened.
        name: in messages.
        path: of the file, if it is one of this machine; else what covers are is known by their marks only.

    Raises:
        VideoError: if there is none, or none that can be decoded.
    """
    from av.stream import Disposition

    marks = Disposition.attached_pic | Disposition.timed_thumbnails
    tracks = [track for track in container.streams.video if not track.disposition & marks]
    while tracks and len(container.streams) > 1 and _is_still(tracks[0], path):
        del tracks[0]
    if not tracks:
        audio = " (audio only)" if container.streams.audio else ""
        raise VideoError(f"{name}: no video stream{audio}; name a video")
    track = next((track for track in tracks if track.codec_context is not None), None)
    if track is None:
        raise VideoError(f"{name}: this build of PyAV cannot decode its pictures; convert it to H.264 first")
    return track


def has_several_pictures(path: Path, index: int = 0) -> bool:
    """Whether a track goes on after its first picture; where others have many before its second, it does not."""
    import av

    counts: Counter[int] = Counter()
    with suppress(av.FFmpegError, IndexError), av.open(f"file:{path}") as container:
        for packet in container.demux():
            if packet.size and packet.stream.type == "video":
                counts[packet.stream.index] += 1
            if counts[index] > 1 or max(counts.values(), default=0) >= _PLENTY:
                break
    return counts[index] > 1


def _is_still(track: av.VideoStream, path: Path | None) -> bool:
    if track.codec_context is None or track.codec_context.name not in _STILL_CODECS:
        return False
    return path is not None and path.is_file() and not has_several_pictures(path, track.index)
