"""Text on a dark ground, written into a picture."""

from __future__ import annotations

from functools import cache, lru_cache

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


@lru_cache(256)
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
    x, y = corner
    letters = _letters(text, size)
    part = canvas[y : y + letters.shape[0], x : x + letters.shape[1]]
    letters = letters[: part.shape[0], : part.shape[1]]
    ground = part * np.float32(1 - _GROUND) + np.float32(_GROUND) * np.array(OUTLINE, np.float32)
    part[:] = ground + (np.array(colour, np.float32) - ground) * letters + np.float32(0.5)


@lru_cache(256)  # the labels of a video are the same from frame to frame
def _letters(text: str, size: int) -> np.ndarray:
    """(h, w, 1) float32 opacity, 0 to 1, of a line of text with its margins."""
    w, h = text_size(text, size)
    mask = Image.new("L", (w, h))
    ImageDraw.Draw(mask).text((2 * _pad(size), h / 2), text, 255, font_of(size), anchor="lm")
    return np.asarray(mask, dtype=np.float32)[..., None] / 255


def _pad(size: int) -> int:
    return max(1, round(size / 8))
