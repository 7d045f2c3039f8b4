"""Whether a video file ends before its container says: the sizes that its boxes, segments and chunks promise."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

__all__ = ["is_cut_short"]

_MP4_FIRST = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp", b"pnot")
_MP4_CONTENT = (b"moov", b"mdat", b"moof")
_ASF, _ASF_PROPERTIES = (
    bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
    bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"),
)
_GIF, _PNG = b"GIF8", b"\x89PNG"
_MATROSKA, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_TS_PACKETS = {188: 0, 192: 4, 204: 0}  # bytes of a packet, and at which of them it says that it begins
_TS_BEGINS = 0x47


def is_cut_short(path: Path) -> bool:
    """Whether a file holds less than its own sizes say.

    mp4 and mov, Matroska and WebM, AVI, WMV, GIF, PNG, and MPEG transport streams say it; others, and those whose
    sizes were never filled in because they were streamed, pass for whole.

    Args:
        path: of a video file.
    """
    try:
        if not path.is_file():
            return False
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(1024)
            file.seek(0)
            if head[4:8] in _MP4_FIRST:
                return _mp4_promises(file, size) > size
            if head.startswith(_MATROSKA):
                return _matroska_promises(head) > size
            if head.startswith(b"RIFF") and head[8:11] == b"AVI":
                return _avi_promises(file, size) > size
            if head.startswith(_ASF):
                return _asf_promises(head) > size
            if head.startswith((_GIF, _PNG)):
                file.seek(-min(size, 1024), os.SEEK_END)
                tail = file.read().rstrip(b"\0")
                return not tail.endswith(b";") if head.startswith(_GIF) else b"IEND" not in tail
    except OSError:
        return False
    packet = next((n for n, at in _TS_PACKETS.items() if _begins(head, at, n)), 1)
    return size % packet != 0


def _mp4_promises(file: BinaryIO, size: int) -> int:
    """Where the last box with content ends."""
    at = end = 0
    while at + 8 <= size:
        file.seek(at)
        header = file.read(16)
        length, kind = struct.unpack(">I4s", header[:8])
        if length == 1 and len(header) == 16:
            length = int.from_bytes(header[8:], "big")
        if kind in _MP4_CONTENT:
            end = at + length
        if length < 8:  # up to the end of the file, or no box at all
            break
        at += length
    return end


def _matroska_promises(head: bytes) -> int:
    """Where the segment ends; 0 where it is not known."""
    length, at = _matroska_size(head, len(_MATROSKA))
    at += length or 0
    if head[at : at + 4] != _SEGMENT:
        return 0
    length, at = _matroska_size(head, at + 4)
    return 0 if length is None else at + length


def _matroska_size(head: bytes, at: int) -> tuple[int | None, int]:
    """An element's size, None where it is left open; and where its content begins."""
    first = head[at] if at < len(head) else 0
    if first == 0:
        return None, at
    count = 9 - first.bit_length()  # bytes; leading zeros tell it
    size = int.from_bytes(head[at : at + count], "big") & (1 << 7 * count) - 1
    return (None if size == (1 << 7 * count) - 1 else size), at + count


def _avi_promises(file: BinaryIO, size: int) -> int:
    """Where the last RIFF chunk ends; some writers count its header of eight bytes twice."""
    at = end = 0
    while at + 12 <= size:
        file.seek(at)
        kind, length = struct.unpack("<4sI", file.read(8))
        if kind != b"RIFF" or length in (0, 0xFFFFFFFF):
            break
        end = at + length
        at += 8 + length + length % 2
    return end


def _asf_promises(head: bytes) -> int:
    """What its properties say; 0 where they do not follow at once."""
    at = head.find(_ASF_PROPERTIES) + 40
    return int.from_bytes(head[at : at + 8], "little") if at >= 40 else 0


def _begins(head: bytes, at: int, packet: int) -> bool:
    places = range(at, min(len(head), 5 * packet), packet)
    return len(places) >= 3 and all(head[place] == _TS_BEGINS for place in places)
