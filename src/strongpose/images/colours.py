"""The colours of a Pillow image of any mode, as 8-bit RGB."""

from __future__ import annotations

import numpy as np
from PIL import BmpImagePlugin, Image, TiffImagePlugin

from strongpose.images.tiff import Grey, grey_of, why_unreadable

__all__ = ["rgb"]

_TRANSPARENT_BACKGROUND = (255, 255, 255)
_EXTRA_SAMPLES = 338


def rgb(image: Image.Image, is_negative: bool = False) -> Image.Image:
    """Any decoded Pillow image as 8-bit RGB; transparency is laid on white.

    Args:
        image: as it was opened, or of no file.
        is_negative: whether 0 is white in it, see `strongpose.images.tiff.correct_grey`.

    Raises:
        ValueError: if it cannot be known which colours are meant.
    """
    reason = why_unreadable(image)
    if reason is not None:
        raise ValueError(reason)
    if image.mode.startswith("I") or image.mode == "F":
        return _deep_grey(image, grey_of(image, is_negative)).convert("RGB")
    if image.has_transparency_data and not _has_idle_alpha(image):
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


def _deep_grey(image: Image.Image, grey: Grey) -> Image.Image:
    """A grey image with more than 8 bits in 8 bits; the value that is transparent becomes white."""
    values = np.asarray(image)
    pixels = _eight_bit(values, grey.top)
    if grey.is_negative:
        pixels = 255 - pixels
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        pixels[values == transparent] = 255
    return Image.fromarray(pixels)


def _eight_bit(values: np.ndarray, known_top: int | None) -> np.ndarray:
    """(H, W) uint8 of 16-bit, or floating-point, grey values."""
    low, high = float(values.min()), float(values.max())
    if known_top is not None and 0 <= low and high <= known_top:
        top = float(known_top)
    elif values.dtype.kind == "f" and 0 <= low and high <= 1:
        top = 1.0
    elif values.dtype.kind == "f" and 0 <= low and high <= 255:
        top = 255.0
    elif 0 <= low and high <= 65535:
        top = 65535.0
    else:
        raise ValueError(f"grey values from {low:g} to {high:g} instead of 0 to 65535")
    scaled = np.multiply(values, np.float32(255.0 / top), dtype=np.float32)
    return np.rint(scaled, out=scaled).astype(np.uint8)
