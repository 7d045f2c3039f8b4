"""Why something cannot be opened as a video, and the remedy."""

from __future__ import annotations

from pathlib import Path

from strongpose.video.io.ending import is_mp4, lacks_index
from strongpose.video.io.frame import reason_of

__all__ = ["why_not_address", "why_not_file"]


def why_not_file(path: Path, error: BaseException) -> str:
    """What is said of a file.

    Args:
        path: of the file.
        error: what FFmpeg made of it.
    """
    if isinstance(error, FileNotFoundError):
        return "no such file; check the path"
    if isinstance(error, PermissionError):
        return "may not be read; check its permissions"
    if not path.is_file():
        return (
            f"not a video, or damaged at its start ({reason_of(error)}); "
            "an mp4 with its index at its end cannot be read from a pipe: save it to a file first"
        )
    if path.stat().st_size == 0:
        return "the file is empty; copy or download it again"
    if lacks_index(path):
        return (
            "lacks its end (no index): the recording or copy was cut off; copy it again, or repair or record it again"
        )
    return f"not a video, or damaged at its start ({reason_of(error)})"


def why_not_address(address: str, error: BaseException, timeout: tuple[float, float]) -> str:
    """What is said of an address.

    Args:
        address: as it was opened.
        error: what FFmpeg made of it.
        timeout: seconds until it answers, and between two packets.
    """
    import av

    if isinstance(error, PermissionError):
        return "may not be read; check its permissions"
    if isinstance(error, av.error.InvalidDataError) and is_mp4(_start(address, timeout)):
        return "cannot be opened: its index lies at its end, or is missing; download it first"
    reason = "no answer in time" if isinstance(error, av.error.ExitError) else reason_of(error)
    return f"cannot be opened ({reason}); check that it is there and sends"


def _start(address: str, timeout: tuple[float, float]) -> bytes:
    import av

    try:
        with av.open(address, format="data", timeout=timeout) as container:
            return bytes(next(container.demux()))
    except (av.FFmpegError, OSError, ValueError, StopIteration):
        return b""
