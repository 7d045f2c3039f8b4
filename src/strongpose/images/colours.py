"""The colours of a Pillow image of any mode, as 8-bit RGB."""

from __future__ import annotations

import numpy as np
from PIL import BmpImagePlugin, Image, TiffImagePlugin

from strongpose.images.depth import eight_bit, highest_value, with_used_bits
from strongpose.images.tiff import is_white_zero, why_unreadable

__all__ = ["rgb"]

_TRANSPARENT_BACKGROUND = (255, 255, 255)
_EXTRA_SAMPLES = 338


def rgb(image: Image.Image, is_negative: bool = False, data: bytes | None = None) -> Image.Image:
    """Any decoded Pillow image as 8-bit RGB; transparency is laid on white.

    Of 16-bit images in which few bits are used, those count: see `strongpose.images.depth.eight_bit`.

    Args:
        image: as it was opened, or of no file.
        is_negative: whether 0 is white in it, see `strongpose.images.tiff.correct_grey`.
        data: its file, if it is known.

    Raises:
        ValueError: if it cannot be known which colours are meant.
    """
    reason = why_unreadable(image)
    if reason is not None:
        raise ValueError(reason)
    top = highest_value(image, data)
    if image.mode.startswith("I") or image.mode == "F":
        return _deep_grey(image, is_white_zero(image, is_negative), top).convert("RGB")
    has_idle_alpha = _has_idle_alpha(image)
    image = with_used_bits(image, data, top)
    if image.has_transparency_data and not has_idle_alpha:
        background = Image.new("RGBA", image.size, _TRANSPARENT_BACKGROUND)
        return Image.alpha_composite(background, _with_alpha(image)).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")  # which copies


def _has_idle_alpha(image: Image.Image) -> bool:
    """Whether the fourth byte of each pixel is 0 and nothing says that it is the alpha.

    Programs that write 32 bits a pixel without an alpha leave it 0, also where a BMP file has a mask for it.
    """
    is_bmp = isinstance(image, BmpImagePlugin.BmpImageFile)
    is_undescribed = isinstance(image, TiffImagePlugin.TiffImageFile) and _EXTRA_SAMPLES not in image.tag_v2
    return (is_bmp or is_undescribed) and image.mode == "RGBA" and image.getchannel("A").getextrema() == (0, 0)


def _with_alpha(image: Image.Image) -> Image.Image:
    """An image that has transparency, in RGBA."""
    transparent = image.info.get("transparency")
    if image.mode == "RGB" and isinstance(transparent, tuple) and max(transparent) > 255:
        image = image.copy()
        image.info["transparency"] = tuple(value >> 8 for value in transparent)  # as the 16-bit pixels were
    if image.mode == "La":  # multiplied by its alpha
        image = image.convert("LA")
    return image.convert("RGBA")


def _deep_grey(image: Image.Image, is_negative: bool, top: int | None) -> Image.Image:
    """A grey image with more than 8 bits in 8 bits; the value that is transparent becomes white."""
    values = np.asarray(image)
    pixels = eight_bit(values, top)
    if is_negative:
        pixels = 255 - pixels
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        pixels[values == transparent] = 255
    return Image.fromarray(pixels)
