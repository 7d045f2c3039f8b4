"""The legend of a picture: which colours are the left and the right of the people."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from strongpose.draw.colours import LEFT, OUTLINE, RIGHT, SIDE_SHADES
from strongpose.draw.pen import WHITE, Colour, Pen, lay_over
from strongpose.draw.text import font_of

__all__ = ["LOWER_LEFT", "Corner", "draw_legend", "free_corner"]

Corner = tuple[int, int]
"""0 or 1 for left or right, and 0 or 1 for top or bottom."""

LOWER_LEFT: Corner = (0, 1)
"""The corner where the legend of a video stays."""

_CORNERS: tuple[Corner, ...] = (LOWER_LEFT, (1, 1), (0, 0), (1, 0))
_WORDS = ("person's left", "person's right")
_LETTERS = 1 / 46  # height of letters, times the root of the picture's area
_LEAST, _MOST = 11, 26
_GROUND = 0.6  # opacity
_WIDE, _HIGH = 0.5, 0.15  # of the picture: where the legend would take more, there is none


def draw_legend(canvas: np.ndarray, corner: Corner, by_person: bool = False) -> None:
    """Draw the legend into a corner, or not at all into pictures that are too small for it.

    Args:
        canvas: (H, W, 3) uint8 RGB, drawn into.
        corner: of the picture.
        by_person: whether the left is the lighter shade of a person's colour and the right the darker one.
    """
    size = _letters(canvas.shape)
    w, h = _size(size)
    if w > _WIDE * canvas.shape[1] or h > _HIGH * canvas.shape[0]:
        return
    x0, y0 = _place(corner, (w, h), canvas.shape)
    lay_over(canvas, (x0, y0, x0 + w, y0 + h), _legend(size, by_person))


@lru_cache(16)  # one for all frames of a video
def _legend(size: int, by_person: bool) -> np.ndarray:
    """(h, w, 4) uint8 RGBA, with letters of ``size`` pixels."""
    w, h = _size(size)
    starts = (0.5 * size, 2.6 * size + font_of(size).getlength(_WORDS[0]))
    marks = Image.new("RGBA", (w, h), (*OUTLINE, round(255 * _GROUND)))
    for start, word, colour in zip(starts, _WORDS, _greys() if by_person else (LEFT, RIGHT), strict=True):
        pen = Pen.layer((0, 0, w, h), 4, colour)
        pen.disc(np.array([start + size / 2, (h - 1) / 2]), 0.38 * size, colour)
        marks.alpha_composite(Image.fromarray(pen.reduced()))
        ImageDraw.Draw(marks).text((start + 1.2 * size, h / 2), word, WHITE, font_of(size), anchor="lm")
    return np.array(marks)


def free_corner(shape: tuple[int, ...], points: np.ndarray) -> Corner:
    """The corner of a picture of this (H, W, …) where a legend covers the fewest of the (L, 2) points."""
    legend = _size(_letters(shape))
    margin = 2 * legend[1]  # heads and hands reach beyond their keypoints

    def covered(corner: Corner) -> int:
        low = np.array(_place(corner, legend, shape)) - margin
        return int(((points > low) & (points < low + legend + 2 * margin)).all(axis=1).sum())

    return min(_CORNERS, key=covered)


def _letters(shape: tuple[int, ...]) -> int:
    return round(min(max(_LETTERS * float(np.sqrt(shape[0] * shape[1])), _LEAST), _MOST))


@lru_cache(16)
def _size(letters: int) -> tuple[int, int]:
    words = sum(font_of(letters).getlength(word) for word in _WORDS)
    return round(words + 4.3 * letters), round(1.7 * letters)


def _place(corner: Corner, legend: tuple[int, int], shape: tuple[int, ...]) -> tuple[int, int]:
    """x, y of the legend's first pixel."""
    gap = legend[1] // 3
    x, y = (side - gap - own if far else gap for far, own, side in zip(corner, legend, shape[1::-1], strict=True))
    return x, y


def _greys() -> tuple[Colour, Colour]:
    light, dark = round(200 + 55 * SIDE_SHADES[0]), round(200 * (1 + SIDE_SHADES[1]))
    return (light, light, light), (dark, dark, dark)
