"""Samples of more than 8 bits as 8-bit ones, also where few of their bits are used."""

from __future__ import annotations

import io
import sys
import zlib
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin, TiffImagePlugin

from strongpose.images.header import png_significant_bits
from strongpose.images.tiff import as_tuple

__all__ = ["eight_bit", "highest_value", "with_used_bits"]

_BITS, _MAX_SAMPLE = 258, 281
_PNG = b"\x89PNG"
_PNG_COLOURS = 25  # the byte of a PNG file that says which samples a pixel has
_GREY_WITH_ALPHA, _RGBA = 4, 6
_FULL = 65535
_FEW = 8  # a highest value of less than this part of the range is not in that range


def highest_value(image: Image.Image, data: bytes | None) -> int | None:
    """The value of white in an image of more than 8 bits, where its file says so: fewer bits than it has room for.

    TIFF files say it by BitsPerSample or MaxSampleValue; the latter only counts as 2ⁿ - 1, as it may also be the
    highest value there happens to be. PNG files say it by sBIT, though those in order are scaled to all 16 bits.

    Args:
        image: of any format.
        data: the file, if it is known.
    """
    bits = None
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        if set(as_tuple(image.tag_v2.get(_BITS, 1))) == {12} and image.mode.startswith("I"):
            bits = 12
        highest = max(as_tuple(image.tag_v2.get(_MAX_SAMPLE, 0)), default=0)
        if isinstance(highest, int) and 255 <= highest < _FULL and highest & (highest + 1) == 0:
            return highest
    elif isinstance(image, PngImagePlugin.PngImageFile) and data is not None:
        bits = png_significant_bits(data)
    return None if bits is None else (1 << max(8, bits)) - 1


def eight_bit(values: np.ndarray, known_top: int | None) -> np.ndarray:
    """Samples of up to 16 bits, or floating-point ones, as uint8.

    White is the known value, if none is above it. Else it is 65535; or, where all samples lie in the lowest eighth of
    that range, as those of cameras of 10 or 12 bits do, the lowest of 255, 511, 1023 … that none is above: such a
    picture would be black, and who looks for people in it wants to see it. Floating-point samples of up to 1 are
    shares of white.

    Args:
        values: of any shape, at least one.
        known_top: see `highest_value`.

    Raises:
        ValueError: if they are below 0 or above 65535.
    """
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind == "f" and 0 <= low and high <= 1:
        top = 1.0
    elif known_top is not None and 0 <= low and high <= known_top:
        top = float(known_top)
    elif 0 <= low and high < _FULL / _FEW:
        top = float((1 << max(8, int(np.ceil(high)).bit_length())) - 1)
    elif 0 <= low and high <= _FULL:
        top = float(_FULL)
    else:
        raise ValueError(f"grey values from {low:g} to {high:g} instead of 0 to {_FULL}")
    scaled = np.multiply(values, np.float32(255.0 / top), dtype=np.float32)
    return np.rint(scaled, out=scaled).astype(np.uint8)


def with_used_bits(image: Image.Image, data: bytes | None, known_top: int | None) -> Image.Image:
    """A decoded image, of which Pillow has kept the upper 8 of 16 bits, with those that are used.

    Args:
        image: of any format and mode; changed only if it has 16 bits a sample and its white is below 65535.
        data: the file, if it is known.
        known_top: see `highest_value`.

    Raises:
        ValueError: if its lower bits cannot be had.
    """
    if data is None or image.mode not in ("RGB", "RGBA", "LA") or not _has_16_bits(image, data):
        return image
    upper = np.asarray(image.convert("RGB"))
    if upper.max() > (_FULL // _FEW if known_top is None else known_top) >> 8:
        return image
    values = upper.astype(np.uint16) << 8 | _lower_bytes(data)
    if not values.any():
        return image
    result = Image.fromarray(eight_bit(values, known_top))
    if image.mode != "RGB":
        result.putalpha(image.getchannel("A"))
    result.info = dict(image.info)
    transparent = image.info.get("transparency")
    if isinstance(transparent, tuple):
        result.info["transparency"] = tuple(eight_bit(np.append(values, transparent), known_top)[-3:].tolist())
    return result


def _has_16_bits(image: Image.Image, data: bytes) -> bool:
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return max(as_tuple(image.tag_v2.get(_BITS, 1))) == 16
    return isinstance(image, PngImagePlugin.PngImageFile) and data[24] == 16


def _lower_bytes(data: bytes) -> np.ndarray:
    """(H, W, 3) uint8, the lower bytes of red, green and blue in a file of 16 bits a sample.

    Pillow takes the byte that is the upper one in the order that the file has; it is told the other order.

    Raises:
        ValueError: if there is no such order.
    """
    if data.startswith(_PNG) and data[_PNG_COLOURS] == _GREY_WITH_ALPHA:  # Pillow knows one order of it alone
        header = data[12:24] + bytes([8, _RGBA]) + data[26:29]  # two bytes of grey and two of alpha
        data = data[:12] + header + zlib.crc32(header).to_bytes(4, "big") + data[33:]
        with Image.open(io.BytesIO(data)) as both:
            return np.repeat(np.asarray(both)[..., 1:2], 3, axis=2)
    orders = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
    image: Any
    with Image.open(io.BytesIO(data)) as image:
        tiles = []
        for codec, extents, offset, arguments in image.tile:
            order, *others = (arguments,) if isinstance(arguments, str) else arguments
            if order[:-1] not in ("RGB;16", "RGBA;16", "RGBX;16"):
                raise ValueError("few of its 16 bits a sample are used")
            tiles.append((codec, extents, offset, (order[:-1] + orders[order[-1]], *others)))
        image.tile = [getattr(type(tile), "_make", tuple)(new) for tile, new in zip(image.tile, tiles, strict=True)]
        return np.asarray(image.convert("RGB"))
