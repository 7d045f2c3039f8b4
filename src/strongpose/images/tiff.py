"""TIFF files that Pillow would misread without a word: set right before it reads them, or refused."""

from __future__ import annotations

import sys
from typing import Literal

from PIL import Image, TiffImagePlugin

from strongpose.images.header import FilePart

__all__ = ["correct_grey", "is_white_zero", "why_unreadable"]

_SUBFILE, _MORE_PICTURES = 254, 330
_BITS, _PHOTOMETRIC, _SAMPLES, _PLANES, _FORMATS = 258, 262, 277, 284, 339
_WHITE_IS_ZERO, _BLACK_IS_ZERO = 0, 1
_SEPARATE, _TOGETHER = 2, 1
_SIGNED = 2
_BYTE, _SHORT, _LONG = 1, 3, 4
_MOST_ENTRIES = 4096


def correct_grey(file: FilePart) -> bool:
    """Change what a TIFF file says of its grey values, as it is read, to what Pillow reads right.

    Pillow turns values of up to 8 bits round where 0 is white, but not those of more bits, and it refuses some; where
    the one sample of a pixel is said to lie in planes of their own, it forgets to.

    Returns:
        Whether 0 is white although the file says otherwise now.
    """
    tags = _short_tags(file)
    if tags.get(_SAMPLES, (0, 1))[1] != 1 or _BITS not in tags:
        return False
    if _PLANES in tags and tags[_PLANES][1] == _SEPARATE:
        file.changes[tags[_PLANES][0]] = _TOGETHER
    at, photometric = tags.get(_PHOTOMETRIC, (0, _BLACK_IS_ZERO))
    if photometric != _WHITE_IS_ZERO or tags[_BITS][1] <= 8:
        return False
    file.changes[at] = _BLACK_IS_ZERO
    return True


def is_white_zero(image: Image.Image, is_negative: bool) -> bool:
    """Whether 0 is white in a grey image with more than 8 bits.

    Args:
        image: of any format.
        is_negative: what `correct_grey` said.
    """
    return is_negative or (
        isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    )


def why_unreadable(image: Image.Image) -> str | None:
    """What a TIFF image has that Pillow would make another picture of; None for all others."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return None
    tags = image.tag_v2
    bits, formats = (_as_tuple(tags.get(tag, 1)) for tag in (_BITS, _FORMATS))
    if _SIGNED in formats and max(bits) <= 16:
        return "signed samples, of which nobody can know what is white"
    if (reduced := tags.get(_SUBFILE, 0)) and isinstance(reduced, int) and reduced & 1 and _MORE_PICTURES in tags:
        return "the small preview of a camera's raw photo, which must be developed first"
    deep, is_raw = max(bits) > 8, image.info.get("compression") == "raw"
    if deep and is_raw and len(bits) > 1 and tags.get(_PLANES) == _SEPARATE:
        return f"{max(bits)} bits a sample in separate planes"
    foreign = "<" if sys.byteorder == "big" else ">"
    if image.mode in ("I", "F") and not is_raw and tags._endian == foreign:
        return f"{max(bits)} bits a sample, compressed, in the other byte order"
    return None


def _as_tuple(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


def _short_tags(file: FilePart) -> dict[int, tuple[int, int]]:
    """Of the first picture's tags that are one whole number: where its lowest byte is, and the number."""
    file.seek(0)
    head = file.read(16)
    if head[:2] not in (b"II", b"MM"):
        return {}
    order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
    big = int.from_bytes(head[2:4], order) == 43  # BigTIFF
    if not big and int.from_bytes(head[2:4], order) != 42:
        return {}
    count_size, entry_size, value_at = (8, 20, 12) if big else (2, 12, 8)
    start = int.from_bytes(head[8:16] if big else head[4:8], order)
    file.seek(start)
    count = min(int.from_bytes(file.read(count_size), order), _MOST_ENTRIES)
    entries = file.read(count * entry_size)
    found = {}
    for i in range(0, len(entries) - entry_size + 1, entry_size):
        entry = entries[i : i + entry_size]
        tag, kind = (int.from_bytes(entry[j : j + 2], order) for j in (0, 2))
        size = {_BYTE: 1, _SHORT: 2, _LONG: 4}.get(kind)
        if size is not None and int.from_bytes(entry[4:value_at], order) == 1:
            at = start + count_size + i + value_at + (0 if order == "little" else size - 1)
            found[tag] = at, int.from_bytes(entry[value_at : value_at + size], order)
    return found
