"""Small files of very many pieces are refused before a decoder spends minutes on them."""

from __future__ import annotations

import io
import os
import struct
import time
import zlib

import pytest
from PIL import Image

from strongpose.exceptions import ImageError, RefusedError
from strongpose.images import open_image
from strongpose.images.integrity import MOST_PIECES, MOST_SCANS, too_many_pieces
from strongpose.serve.limits import Limits, open_upload


def encoded(kind: str, **options) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((64, 48), 60).convert("RGB").save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


JPEG, PNG = encoded("JPEG"), encoded("PNG")
PROGRESSIVE = encoded("JPEG", progressive=True)
LAST_SCAN = PROGRESSIVE[PROGRESSIVE.rindex(b"\xff\xda") : -2]


def with_scans(count: int) -> bytes:
    """The progressive photo, its last scan repeated until there are so many."""
    more = count - PROGRESSIVE.count(b"\xff\xda")
    return PROGRESSIVE[:-2] + more * LAST_SCAN + PROGRESSIVE[-2:]


def with_segments(count: int, segment: bytes = b"\xff\xe5\x00\x02") -> bytes:
    return JPEG[:2] + count * segment + JPEG[2:]


def with_chunks(count: int, kind: bytes = b"tEXt") -> bytes:
    return PNG[:33] + count * chunk(kind) + PNG[33:]


@pytest.mark.parametrize(
    "data",
    [
        JPEG,
        PNG,
        PROGRESSIVE,
        encoded("WEBP"),
        with_scans(MOST_SCANS),
        with_segments(5000),
        with_chunks(20_000, b"IDAT"),
        encoded("JPEG", comment=MOST_SCANS * b"\xff\xda\x00\x02", exif=b"Exif\0\0" + 30_000 * b"\xff\xda"),
        JPEG + 100_000 * b"\xff\xda\x00\x02",  # what lies behind the end is not looked at
        PNG + 100_000 * chunk(b"tEXt"),
    ],
)
def test_photos_are_opened(data):
    assert too_many_pieces(data) is None
    assert open_image(data).shape == (48, 64, 3)
    assert open_upload(data, Limits()).shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (with_scans(MOST_SCANS + 1), "scans"),
        (with_scans(1_000_000), "scans"),
        (with_segments(MOST_PIECES), "segments"),
        (with_segments(10 * MOST_PIECES), "segments"),
        (with_segments(MOST_PIECES, b"\xff\xe1\x00\x08Exif\0\0"), "segments"),
        (JPEG[:2] + 4_000_000 * b"\xff" + JPEG[2:], "segments"),
        (with_chunks(MOST_PIECES), "chunks"),
        (with_chunks(MOST_PIECES, b"IDAT"), "chunks"),
        (with_chunks(MOST_PIECES, b"eXIf"), "chunks"),
    ],
)
def test_too_many_pieces_are_refused_at_once(data, what):
    start = time.monotonic()
    with pytest.raises(ImageError, match=rf"^photo\.x: more than the \d+ {what} that are read; save it again$"):
        open_image(data, "photo.x")
    with pytest.raises(RefusedError, match=what) as refused:
        open_upload(data, Limits())
    assert refused.value.status == 413
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("whole", [JPEG, PNG, PROGRESSIVE])
def test_damaged_files_are_left_to_their_decoders(whole):
    for end in range(0, len(whole), 7):
        assert too_many_pieces(whole[:end]) is None
    for at in range(2, min(len(whole), 400)):
        too_many_pieces(whole[:at] + b"\xff\xff\xff\xff" + whole[at:])
    assert too_many_pieces(whole[:20] + os.urandom(100_000)) is None
