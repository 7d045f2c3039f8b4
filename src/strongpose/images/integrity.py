"""The pieces of a JPEG or PNG file, counted before it is opened: a small file of many takes minutes to decode."""

from __future__ import annotations

import re

__all__ = ["MOST_PIECES", "MOST_SCANS", "too_many_pieces"]

MOST_PIECES = 50_000
"""Segments or chunks; a PNG file of 200 MB in the usual chunks has 25,000."""
MOST_SCANS = 50
"""Of a JPEG file; encoders write up to 20, and each makes the decoder pass over the whole picture."""

_MARKER = re.compile(rb"\xff+[^\x00\xff]")
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers without a segment behind them
_START_OF_SCAN, _END = 0xDA, 0xD9


def too_many_pieces(data: bytes) -> str | None:
    """What there is too much of in a JPEG or PNG file, or None.

    Damaged files and those of other formats are left to their decoders.

    Args:
        data: of the file.
    """
    if data.startswith(b"\xff\xd8"):
        return _too_many_in_jpeg(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _too_many_in_png(data)
    return None


def _too_many_in_jpeg(data: bytes) -> str | None:
    pieces = scans = 0
    at = 2
    while (found := _MARKER.search(data, at)) is not None:
        at = found.end()
        marker = data[at - 1]
        if marker == _END:
            break
        if marker in _ALONE:
            continue
        pieces += len(found[0]) - 1  # bytes that fill up are as slow as segments
        scans += marker == _START_OF_SCAN
        if scans > MOST_SCANS:
            return f"more than the {MOST_SCANS} scans that are read"
        if pieces > MOST_PIECES:
            return f"more than the {MOST_PIECES} segments that are read"
        at += max(2, int.from_bytes(data[at : at + 2], "big"))
    return None


def _too_many_in_png(data: bytes) -> str | None:
    at = 8
    for _ in range(MOST_PIECES):
        if at >= len(data) or data[at + 4 : at + 8] == b"IEND":
            return None
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return f"more than the {MOST_PIECES} chunks that are read"
