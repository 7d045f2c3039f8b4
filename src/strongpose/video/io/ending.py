"""Whether a video file ends before its container says: the sizes that its boxes, segments and chunks promise."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from strongpose.video.io.transport import PACKETS, begins

__all__ = ["ends_in_zeros", "is_cut_short", "is_mp4", "lacks_index", "last_flv_track"]

_MP4_FIRST = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp", b"pnot")
_MP4_CONTENT = (b"moov", b"mdat", b"moof")
_ASF, _ASF_PROPERTIES = (
    bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
    bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"),
)
_MP4_LIST = b"sidx"
_GIF, _PNG = b"GIF8", b"\x89PNG"
_MATROSKA, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_FLV_TAGS = {b"\x08": "audio", b"\x09": "video"}
_IVF, _OGG = b"DKIF", b"OggS\0"
_Y4M, _Y4M_FRAME = b"YUV4MPEG2 ", b"FRAME\n"
_Y4M_LARGEST = 1 << 26  # bytes of a frame
_OGG_PAGE = 1 << 16  # bytes, at most
_ZEROS = 1024  # bytes; no format ends in so many


def is_cut_short(path: Path) -> bool:
    """Whether a file holds less than its own sizes say.

    mp4 and mov, Matroska and WebM, AVI, WMV, GIF, PNG, IVF, Ogg, YUV4MPEG and MPEG transport streams say it; others,
    and those whose sizes were never filled in because they were streamed, pass for whole. What lies behind the end is
    no matter.

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
            if is_mp4(head):
                return _mp4_promises(file, size) > size
            if head.startswith(_MATROSKA):
                return _matroska_promises(head) > size
            if head.startswith(b"RIFF") and head[8:11] == b"AVI":
                return _avi_promises(file, size) > size
            if head.startswith(_ASF):
                return _asf_promises(head) > size
            if head.startswith(_GIF):
                return _gif_promises(file, head) > size
            if head.startswith(_PNG):
                return _png_promises(file, size) > size
            if head.startswith(_IVF):
                return _ivf_promises(file, size) > size
            if head.startswith(_OGG):
                return _ogg_promises(file, size) > size
            if head.startswith(_Y4M):
                return _y4m_promises(file, head, size) > size
            packet = next((n for n in PACKETS if begins(head, n)), None)
            if packet is None:
                return False
            # what begins no packet was appended by somebody
            rest = size % packet
            file.seek(size - rest)
            tail = file.read(rest)
            return rest > 0 and (rest <= PACKETS[packet] or tail[PACKETS[packet]] == head[PACKETS[packet]])
    except OSError:
        return False


def ends_in_zeros(path: Path) -> bool:
    """Whether nothing was ever written to the end of a file, as where a download was given its place beforehand."""
    try:
        if not path.is_file() or path.stat().st_size < _ZEROS:
            return False
        with path.open("rb") as file:
            file.seek(-_ZEROS, os.SEEK_END)
            return not any(file.read())
    except OSError:
        return False


def last_flv_track(path: Path) -> str | None:
    """What kind of track the last tag of a Flash video belongs to, audio or video; None if it is neither, or cut."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            length = int.from_bytes(_at(file, -4, os.SEEK_END), "big")
            tag = _at(file, -4 - length, os.SEEK_END)
    except OSError:
        return None
    return _FLV_TAGS.get(tag[:1]) if length == 11 + int.from_bytes(tag[1:4], "big") else None


def lacks_index(path: Path) -> bool:
    """Whether an mp4 or mov file has pictures, but nothing that says where."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            kinds = [kind for kind, *_ in _boxes(file, path.stat().st_size)]
    except OSError:
        return False
    return b"mdat" in kinds and kinds[0] in _MP4_FIRST and not {b"moov", b"moof"} & set(kinds)


def _at(file: BinaryIO, place: int, whence: int) -> bytes:
    file.seek(place, whence)
    return file.read(4)


def is_mp4(head: bytes) -> bool:
    """Whether a file that begins so is mp4 or mov."""
    return head[4:8] in _MP4_FIRST


def _mp4_promises(file: BinaryIO, size: int) -> int:
    """Where the last box with content ends, or the last of those that are listed in front."""
    end = 0
    for kind, at, length in _boxes(file, size):
        if kind in _MP4_CONTENT:
            end = max(end, at + length)
        elif kind == _MP4_LIST:
            file.seek(at)
            end = max(end, at + length + _mp4_listed(file.read(min(length, size - at))))
    return end


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, place and length of the boxes of an mp4 file."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        header = file.read(16)
        length, kind = struct.unpack(">I4s", header[:8])
        if length == 1 and len(header) == 16:
            length = int.from_bytes(header[8:], "big")
        yield kind, at, length
        if length < 8:  # up to the end of the file, or no box at all
            return
        at += length


def _mp4_listed(box: bytes) -> int:
    """How many bytes the fragments have that a segment index lists, and what lies before them."""
    wide = 8 if box[8:9] == b"\1" else 4  # bytes of a place
    at = 20 + 2 * wide  # header, version and flags, id, ticks, first time, first place
    first = int.from_bytes(box[at - wide : at], "big")
    entries = box[at + 4 :]
    return first + sum(int.from_bytes(entries[n : n + 4], "big") & 0x7FFFFFFF for n in range(0, len(entries) - 11, 12))


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


def _gif_promises(file: BinaryIO, head: bytes) -> int:
    """Where its trailer ends, or else beyond the end."""
    at = 13 + _gif_colours(head[10:11])
    while True:
        file.seek(at)
        kind = file.read(10)
        if kind[:1] == b";":
            return at + 1
        if kind[:1] == b"!":
            at += 2
        elif kind[:1] == b"," and len(kind) == 10:
            at += 11 + _gif_colours(kind[9:])
        else:
            return sys.maxsize
        length = 1
        while length:  # blocks, up to an empty one
            file.seek(at)
            data = file.read(1)
            if not data:
                return sys.maxsize
            length = data[0]
            at += 1 + length


def _gif_colours(flags: bytes) -> int:
    """Bytes of a table of colours."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _png_promises(file: BinaryIO, size: int) -> int:
    """Where its last chunk ends, or else beyond the end."""
    at = 8
    while at + 12 <= size:
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        at += 12 + length
        if kind == b"IEND":
            return at
    return sys.maxsize


def _ivf_promises(file: BinaryIO, size: int) -> int:
    """Where its last frame ends."""
    at = 32
    while at + 12 <= size:
        file.seek(at)
        at += 12 + int.from_bytes(file.read(4), "little")
    return at


def _y4m_promises(file: BinaryIO, head: bytes, size: int) -> int:
    """Where its last frame ends; 0 where no second one is found."""
    first = head.find(_Y4M_FRAME)
    file.seek(max(0, first))
    length = file.read(_Y4M_LARGEST).find(_Y4M_FRAME, len(_Y4M_FRAME))
    if first < 0 or length < 0:
        return 0
    last = size - (size - first) % length
    return last + length if _at(file, last, os.SEEK_SET) == _Y4M_FRAME[:4] else 0


def _ogg_promises(file: BinaryIO, size: int) -> int:
    """Where its last page ends; 0 where none is found near the end."""
    start = max(0, size - _OGG_PAGE)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(_OGG)
    lengths = tail[at + 27 :][: tail[at + 26]] if 0 <= at < len(tail) - 26 else b""
    return start + at + 27 + len(lengths) + sum(lengths) if lengths else 0
