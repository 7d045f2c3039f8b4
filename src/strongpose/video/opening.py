"""Opening whatever holds a video: a file, numbered pictures, a camera or an address."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from strongpose.video.film import Film
from strongpose.video.frame import VideoError, reason_of
from strongpose.video.pictures import IS_PHOTO, NumberedPictures, animated_picture, is_pattern
from strongpose.video.reader import TIMEOUT, VideoReader

if TYPE_CHECKING:
    import av
    import av.container

__all__ = ["local_path", "open_video"]

_LIVE = ("rtsp", "rtsps", "rtmp", "rtmps", "srt", "udp", "rtp", "tcp")  # sources that do not wait
_CAMERA_FORMATS = ("mpjpeg",)
_PLAYLISTS = ("hls", "dash")


def open_video(source: str) -> VideoReader:
    """Open a video file, a camera or a stream.

    What exists under a name is opened as a file, whatever colons or per cent signs are in the name.

    Args:
        source: a path, also of numbered pictures (frames/%04d.png), the number of a camera ("0" is /dev/video0), or
            an address such as rtsp://….

    Raises:
        VideoError: if there is no such thing, it is no video, or it holds sound or a photo only.
        ImportError: if PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise ImportError("video needs the package av: pip install 'strongpose[video]'") from error
    av.logging.set_level(av.logging.PANIC)  # what is wrong is said once, by VideoError and `damage`
    path = local_path(source)
    if path is not None:
        return _open_file(path)
    if source.isdecimal():
        return _film(_open_camera(source), f"camera {source}", None, live=True)
    name, scheme = _without_password(source), urlsplit(source).scheme.lower()
    options = {"rtsp_transport": "tcp"} if scheme.startswith("rtsp") else {}
    try:
        container = av.open(source, options=options, timeout=TIMEOUT)
    except PermissionError as error:
        raise VideoError(f"{name}: may not be read; check its permissions") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise VideoError(f"{name}: cannot be opened ({reason_of(error)}); check that it is there and sends") from error
    return _film(container, name, None, scheme in _LIVE or _has_no_end(container))


def local_path(source: str) -> str | None:
    """The path that is meant; None where it is a camera's number or an address."""
    if os.path.exists(source):
        return source
    if source.lower().startswith("file:"):
        return unquote(urlsplit(source).path) if source[5:7] == "//" else source[5:]
    return None if source.isdecimal() or re.match(r"[a-z][a-z0-9+]+://", source, re.IGNORECASE) else source


def _open_file(path: str) -> VideoReader:
    import av

    if os.path.isdir(path):
        raise VideoError(f"{path}: is a folder; name one video in it")
    if not os.path.exists(path) and is_pattern(path):
        return VideoReader(NumberedPictures(path), path, live=False)
    picture = animated_picture(Path(path))
    if picture is not None:
        return VideoReader(picture, path, live=False)
    try:
        # the name of a photo is not to be taken for the pattern of many; PyAV before 16 crashes on options to FLV
        container = av.open(f"file:{path}", options={"pattern_type": "none"} if "%" in path else {})
    except FileNotFoundError as error:
        raise VideoError(f"{path}: no such file; check the path") from error
    except PermissionError as error:
        raise VideoError(f"{path}: may not be read; check its permissions") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise VideoError(f"{path}: not a video, or damaged at its start ({reason_of(error)})") from error
    kind = container.format.name
    if kind == "image2" or kind.endswith("_pipe") or (kind == "gif" and container.streams.video[0].frames == 1):
        container.close()
        raise VideoError(f"{path}: {IS_PHOTO}")
    return _film(container, path, Path(path), live=False)


def _open_camera(number: str) -> av.container.InputContainer:
    import av

    try:
        return av.open(f"/dev/video{number}", format="v4l2")
    except FileNotFoundError as error:
        have = ", ".join(sorted(path.name.removeprefix("video") for path in Path("/dev").glob("video*"))) or "none"
        raise VideoError(f"camera {number}: no /dev/video{number}; cameras here: {have}") from error
    except PermissionError as error:
        raise VideoError(f"camera {number}: may not be read; check its permissions") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise VideoError(
            f"camera {number}: cannot be opened ({reason_of(error)}); check that it is there and sends"
        ) from error


def _film(container: av.container.InputContainer, name: str, path: Path | None, live: bool) -> VideoReader:
    """The track with moving pictures; covers and thumbnails are none."""
    from av.stream import Disposition

    still = Disposition.attached_pic | Disposition.timed_thumbnails
    tracks = [track for track in container.streams.video if not track.disposition & still]
    if not tracks:
        holds = "sound only" if container.streams.audio else "no moving pictures"
        container.close()
        raise VideoError(f"{name}: holds {holds}; a video with pictures is needed")
    track = next((track for track in tracks if track.codec_context is not None), None)
    if track is None:
        container.close()
        raise VideoError(f"{name}: this build of PyAV cannot decode its pictures; convert it to H.264 first")
    return VideoReader(Film(container, track, path, live), name, live)


def _has_no_end(container: av.container.InputContainer) -> bool:
    """Whether what comes from an address is live: a camera, or a stream of no known length."""
    kind = container.format.name
    if kind in _CAMERA_FORMATS:
        return True
    return not container.duration and (kind in _PLAYLISTS or container.size <= 0)


def _without_password(address: str) -> str:
    return re.sub(r"//[^/@]*@", "//", address)
