"""The head of a photo file, or of one in a shard: read as far as its size and the way it is turned need."""

from __future__ import annotations

import io
import zlib
from typing import IO

from strongpose.images.integrity import MOST_PIECES

__all__ = ["FilePart", "png_notes", "png_significant_bits"]

_READS = 4 * MOST_PIECES  # Pillow reads a segment of a JPEG file in four steps
_PNG = b"\x89PNG\r\n\x1a\n"
_NOTES = (b"IHDR", b"eXIf", b"iTXt", b"tEXt", b"zTXt")
_MOST_NOTES = 10_000_000  # bytes


class FilePart:
    """A part of a file as a file of its own, to be read in few steps: a head of very many pieces takes minutes.

    Args:
        file: the whole, seekable.
        start: first byte of the part.
        size: its bytes; None for all up to the end of the file.

    Attributes:
        changes: bytes that are read as others, by where they are in the part.
        is_exhausted: whether there were too many steps; from then on it looks like a file that was cut short.
    """

    def __init__(self, file: IO[bytes], start: int = 0, size: int | None = None) -> None:
        self._file = file
        self._start = start
        self._size = file.seek(0, io.SEEK_END) - start if size is None else size
        self._at = self._reads = 0
        self.changes: dict[int, int] = {}
        self.is_exhausted = False
        self.mode = "rb"

    def read(self, count: int | None = -1) -> bytes:
        """Up to so many of the next bytes; all that are left if it is negative or None."""
        self._reads += 1
        if self._reads > _READS:
            self.is_exhausted = True
            return b""
        left = max(0, self._size - self._at)
        self._file.seek(self._start + self._at)
        data = self._file.read(left if count is None or count < 0 else min(count, left))
        for place, value in self.changes.items():
            if 0 <= place - self._at < len(data):
                data = data[: place - self._at] + bytes((value,)) + data[place - self._at + 1 :]
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte."""
        at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if at < 0:
            raise OSError(f"no byte {at}")
        self._at = at
        return at

    def tell(self) -> int:
        """The next byte."""
        return self._at


def png_notes(file: FilePart) -> bytes:
    """A PNG file without its pixels: its size and what is noted about it, wherever in the file that is.

    Programs that turn a photo later write so behind the pixels.
    """
    file.seek(len(_PNG))
    notes, size, is_animated, has_pixels = [_PNG], 0, False, False
    while size < _MOST_NOTES:
        head = file.read(8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        is_animated |= kind == b"acTL"
        has_pixels |= kind == b"IDAT"
        if len(head) < 8 or kind == b"IEND" or (kind == b"fcTL" and is_animated and has_pixels):
            break  # what follows is about another frame
        if kind in _NOTES:
            notes.append(_chunk(kind, file.read(min(length, _MOST_NOTES))))
            size += length
            file.seek(4, io.SEEK_CUR)
        else:
            file.seek(length + 4, io.SEEK_CUR)
    return b"".join([*notes, _chunk(b"IEND", b"")])


def _chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def png_significant_bits(data: bytes) -> int | None:
    """How many bits of a sample count in a PNG file of 16 bits a sample, of alpha aside; None if it does not say."""
    at = len(_PNG)
    if data[24:25] != b"\x10":
        return None
    while at + 8 <= len(data) and data[at + 4 : at + 8] not in (b"IDAT", b"IEND"):
        length = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"sBIT":
            colours = data[at + 8 : at + 8 + length][: 3 if data[25] & 2 else 1]
            return max(colours, default=None)
        at += length + 12
    return None
