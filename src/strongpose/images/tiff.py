"""TIFF files that Pillow would misread without a word: set right before it reads them, or refused."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Literal, NamedTuple

from PIL import Image, TiffImagePlugin

from strongpose.images.header import FilePart

__all__ = ["as_tuple", "begin_with_full_page", "correct_grey", "is_white_zero", "why_unreadable"]

_SUBFILE, _MORE_PICTURES = 254, 330
_WIDTH, _HEIGHT = 256, 257
_BITS, _PHOTOMETRIC, _SAMPLES, _PLANES, _FORMATS = 258, 262, 277, 284, 339
_WHITE_IS_ZERO, _BLACK_IS_ZERO = 0, 1
_SEPARATE, _TOGETHER = 2, 1
_SIGNED = 2
_BYTE, _SHORT, _LONG = 1, 3, 4
_MOST_ENTRIES = 4096
_MOST_PAGES = 64
_REDUCED, _MASK = 1, 4  # bits of the tag _SUBFILE


def begin_with_full_page(file: FilePart) -> None:
    """Let a TIFF file whose first page is a reduced one, or a mask, begin with the first full page, as it is read.

    Where all pages are said to be such, it begins with the largest. The preview in a camera's raw photo stays what it
    is: see `why_unreadable`.
    """
    layout = _layout(file)
    if layout is None:
        return
    at = layout.first
    best = 0
    sizes: dict[int, int] = {}  # pixels of the pages seen, by where their tags are
    while len(sizes) < _MOST_PAGES:
        start = _number(file, at, layout.offset, layout.order)
        count = _number(file, start, layout.counter, layout.order)
        if start in sizes or not 0 < count <= _MOST_ENTRIES:
            break
        tags = {tag: value for tag, (_, value) in _short_tags(file, start).items()}
        is_full = not tags.get(_SUBFILE, 0) & (_REDUCED | _MASK)
        if not sizes and (is_full or any(tag == _MORE_PICTURES for tag, _, _ in _entries(file, start))):
            return
        sizes[start] = tags.get(_WIDTH, 0) * tags.get(_HEIGHT, 0)
        best = start if is_full else max(sizes, key=sizes.__getitem__)
        if is_full:
            break
        at = start + layout.counter + layout.entry * count
    if best:
        file.changes |= dict(enumerate(best.to_bytes(layout.offset, layout.order), layout.first))


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
    bits, formats = (as_tuple(tags.get(tag, 1)) for tag in (_BITS, _FORMATS))
    if _SIGNED in formats and max(bits) <= 16:
        return "signed samples, of which nobody can know what is white"
    if (reduced := tags.get(_SUBFILE, 0)) and isinstance(reduced, int) and reduced & 1 and _MORE_PICTURES in tags:
        return "the small preview of a camera's raw photo, which must be developed first"
    deep, is_raw = max(bits) > 8, image.info.get("compression") == "raw"
    if deep and is_raw and len(bits) > 1 and tags.get(_PLANES) == _SEPARATE:
        return f"{max(bits)} bits a sample in separate planes"
    foreign = b"II" if sys.byteorder == "big" else b"MM"
    if image.mode in ("I", "F") and not is_raw and tags.prefix == foreign:
        return f"{max(bits)} bits a sample, compressed, in the other byte order"
    return None


def as_tuple(value: int | tuple[int, ...]) -> tuple[int, ...]:
    """The values of a tag, of which Pillow gives one by itself."""
    return value if isinstance(value, tuple) else (value,)


class _Layout(NamedTuple):
    """How a TIFF file is written: its byte order, and the sizes and places of numbers in it.

    Attributes:
        order: of bytes.
        first: where the head says where the first page's tags are.
        offset: bytes of a place in the file.
        counter: bytes of the number of tags.
        entry: bytes of a tag.
        value: where a tag's value is in it.
    """

    order: Literal["little", "big"]
    first: int
    offset: int
    counter: int
    entry: int
    value: int


def _layout(file: FilePart) -> _Layout | None:
    file.seek(0)
    head = file.read(4)
    if head[:2] not in (b"II", b"MM"):
        return None
    order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
    kind = int.from_bytes(head[2:4], order)
    if kind == 43:  # BigTIFF
        return _Layout(order, 8, 8, 8, 20, 12)
    return _Layout(order, 4, 4, 2, 12, 8) if kind == 42 else None


def _number(file: FilePart, at: int, size: int, order: Literal["little", "big"]) -> int:
    file.seek(at)
    return int.from_bytes(file.read(size), order)


def _entries(file: FilePart, start: int | None = None) -> Iterator[tuple[int, int, bytes]]:
    """The tags of a page: the number of each, where it is, and its bytes.

    Args:
        file: the whole.
        start: where the tags are; left out, those of the first page.
    """
    layout = _layout(file)
    if layout is None:
        return
    if start is None:
        start = _number(file, layout.first, layout.offset, layout.order)
    count = min(_number(file, start, layout.counter, layout.order), _MOST_ENTRIES)
    entries = file.read(count * layout.entry)
    for i in range(0, len(entries) - layout.entry + 1, layout.entry):
        entry = entries[i : i + layout.entry]
        yield int.from_bytes(entry[:2], layout.order), start + layout.counter + i, entry


def _short_tags(file: FilePart, start: int | None = None) -> dict[int, tuple[int, int]]:
    """Of a page's tags those that are one whole number: where its lowest byte is, and the number."""
    layout = _layout(file)
    found = {}
    for tag, at, entry in _entries(file, start) if layout else ():
        assert layout is not None
        size = {_BYTE: 1, _SHORT: 2, _LONG: 4}.get(int.from_bytes(entry[2:4], layout.order))
        if size is not None and int.from_bytes(entry[4 : layout.value], layout.order) == 1:
            lowest = at + layout.value + (0 if layout.order == "little" else size - 1)
            found[tag] = lowest, int.from_bytes(entry[layout.value : layout.value + size], layout.order)
    return found
