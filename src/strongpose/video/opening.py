"""Opening a file, a camera or an address that holds a video."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from strongpose.video.frame import VideoError, reason_of
from strongpose.video.reader import TIMEOUT, VideoReader

__all__ = ["open_video"]

_LIVE = ("rtsp", "rtsps", "rtmp", "rtmps", "srt", "udp", "rtp", "tcp")  # sources that do not wait


def open_video(source: str) -> VideoReader:
    """Open a video file, a camera or a stream.

    Args:
        source: a path, the number of a camera ("0" is /dev/video0), or an address such as rtsp://….

    Raises:
        VideoError: if there is no such thing, it is no video, or it holds sound only.
        ImportError: if PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise ImportError("video needs the package av: pip install 'strongpose[video]'") from error
    av.logging.set_level(av.logging.PANIC)  # what is wrong is said once, by VideoError and `damage`
    url = urlsplit(source) if re.match(r"[a-z][a-z0-9+]+://", source, re.IGNORECASE) else None
    camera = source.isdecimal() and not Path(source).exists()
    live = camera or (url is not None and url.scheme.lower() in _LIVE)
    name = source if url is None else _without_password(source)
    what = f"camera {source}" if camera else name
    if url is None and not camera and Path(source).is_dir():
        raise VideoError(f"{source}: is a folder; name one video in it")
    options = {"rtsp_transport": "tcp"} if url is not None and url.scheme.lower().startswith("rtsp") else {}
    try:
        container = av.open(
            f"/dev/video{source}" if camera else source,
            format="v4l2" if camera else None,
            options=options,
            timeout=None if url is None else TIMEOUT,
        )
    except FileNotFoundError as error:
        if camera:
            have = ", ".join(sorted(path.name.removeprefix("video") for path in Path("/dev").glob("video*"))) or "none"
            raise VideoError(f"camera {source}: no /dev/video{source}; cameras here: {have}") from error
        raise VideoError(f"{name}: no such file; check the path") from error
    except PermissionError as error:
        raise VideoError(f"{what}: may not be read; check its permissions") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        if url is None and not camera:
            raise VideoError(f"{what}: not a video, or damaged at its start ({reason_of(error)})") from error
        raise VideoError(f"{what}: cannot be opened ({reason_of(error)}); check that it is there and sends") from error
    if not container.streams.video:
        holds = "sound only" if container.streams.audio else "no pictures"
        container.close()
        raise VideoError(f"{what}: holds {holds}; a video with pictures is needed")
    if container.streams.video[0].codec_context is None:
        container.close()
        raise VideoError(f"{what}: this build of PyAV cannot decode its pictures; convert it to H.264 first")
    return VideoReader(container, what, live)


def _without_password(address: str) -> str:
    return re.sub(r"//[^/@]*@", "//", address)
