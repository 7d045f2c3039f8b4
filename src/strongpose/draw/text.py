"""Text on a dark ground, written into a picture."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from strongpose.draw.colours import OUTLINE
from strongpose.draw.pen import Colour

__all__ = ["Font", "font_of", "text_size", "write"]

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_GROUND = 0.72  # opacity


@cache
def font_of(size: int) -> Font:
    """Pillow's own font, letters of about ``size`` pixels."""
    return ImageFont.load_default(size)


def text_size(text: str, size: int) -> tuple[int, int]:
    """Width and height in pixels of what `write` writes."""
    pad = _pad(size)
    return round(font_of(size).getlength(text)) + 4 * pad, size + 3 * pad


def write(canvas: np.ndarray, corner: tuple[int, int], text: str, size: int, colour: Colour) -> None:
    """Write one line of text on a dark, translucent ground.

    Args:
        canvas: (H, W, 3) uint8 RGB, drawn into.
        corner: x, y of the ground's upper left pixel, in the picture.
        text: one line.
        size: of its letters, in pixels.
        colour: of its letters.
    """
    (x, y), (w, h) = corner, text_size(text, size)
    part = canvas[y : y + h, x : x + w]
    if not part.size:
        return
    picture = Image.blend(Image.fromarray(part), Image.new("RGB", part.shape[1::-1], OUTLINE), _GROUND)
    ImageDraw.Draw(picture).text((2 * _pad(size), h / 2), text, colour, font_of(size), anchor="lm")
    part[:] = np.asarray(picture)


def _pad(size: int) -> int:
    return max(1, round(size / 8))
