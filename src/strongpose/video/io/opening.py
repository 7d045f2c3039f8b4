"""Opening whatever holds a video: a file, numbered pictures, a camera or an address."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from strongpose._util.installing import install_command
from strongpose.exceptions import VideoError
from strongpose.video.io.film import Film
from strongpose.video.io.frame import reason_of
from strongpose.video.io.pictures import IS_PHOTO, NumberedPictures, animated_picture, animated_webp, is_pattern
from strongpose.video.io.reader import TIMEOUT, VideoReader
from strongpose.video.io.refusal import why_not_address, why_not_file
from strongpose.video.io.tracks import has_several_pictures, moving_track

if TYPE_CHECKING:
    import av
    import av.container

__all__ = ["local_path", "open_video"]

_LIVE = ("rtsp", "rtsps", "rtmp", "rtmps", "srt", "udp", "rtp", "tcp")  # sources that do not wait
_CAMERA_FORMATS = ("mpjpeg",)
_PLAYLISTS = ("hls", "dash")
_LISTS = (".m3u8", ".m3u")
_LIST_TIMEOUT = 60.0  # seconds; longer than FFmpeg waits for a list to grow
_MANY_JPEGS = (".mjpeg", ".mjpg")
_DRAWN_TEXT = ("tty", "bin", "xbin", "adf", "idf")


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
        raise ImportError(f"video needs the package av: {install_command('video')}") from error
    av.logging.set_level(av.logging.PANIC)  # what is wrong is said once, by VideoError and `damage`
    path = local_path(source)
    if path is not None:
        return _open_file(path)
    if source.isdecimal():
        return _film(_open_camera(source), f"camera {source}", None, live=True)
    name, scheme = _without_password(source), urlsplit(source).scheme.lower()
    source = scheme + source[len(scheme) :]  # FFmpeg knows them in small letters only
    options = {"rtsp_transport": "tcp"} if scheme.startswith("rtsp") else {}
    try:
        container = av.open(source, options=options, timeout=TIMEOUT)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise VideoError(f"{name}: {why_not_address(source, error, TIMEOUT)}") from error
    if container.format.name == "webp_pipe":
        with container:
            data = bytearray(bytes(next(container.demux())))
        return VideoReader(animated_webp(data, name), name, live=False)
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
    options = {"pattern_type": "none"} if "%" in path else {}  # the name of a photo is not the pattern of many
    timeout = None
    if path.lower().endswith(_LISTS):
        # one that a recorder has not ended yet is read from its start and up to what it lists
        options, timeout = {"live_start_index": "0", "max_reload": "1"}, (TIMEOUT[0], _LIST_TIMEOUT)
    try:
        container = av.open(f"file:{path}", options=options, timeout=timeout)  # PyAV before 16: no options to FLV
    except (av.FFmpegError, OSError, ValueError) as error:
        raise VideoError(f"{path}: {why_not_file(Path(path), error)}") from error
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
    try:
        _refuse_what_does_not_move(container, name, path)
        track = moving_track(container, name, path)
    except VideoError:
        container.close()
        raise
    return VideoReader(Film(container, track, path, live), name, live)


def _refuse_what_does_not_move(container: av.container.InputContainer, name: str, path: Path | None) -> None:
    kind = container.format.name
    if kind in _DRAWN_TEXT:
        raise VideoError(f"{name}: is a text, not a video; name a video")
    if kind == "jpeg_pipe" and name.lower().endswith(_MANY_JPEGS):
        photo = path is not None and path.is_file() and not has_several_pictures(path)
    elif kind == "gif":
        photo = container.streams.video[0].frames == 1
    else:
        photo = kind in ("image2", "ico") or kind.endswith("_pipe")
    if photo:
        raise VideoError(f"{name}: {IS_PHOTO}")


def _has_no_end(container: av.container.InputContainer) -> bool:
    """Whether what comes from an address is live: a camera, or a stream of no known length."""
    kind = container.format.name
    if kind in _CAMERA_FORMATS:
        return True
    return not container.duration and (kind in _PLAYLISTS or (container.size or 0) <= 0)


def _without_password(address: str) -> str:
    return re.sub(r"//[^/@]*@", "//", address)
