"""An antialiased pen: shapes drawn with Pillow into an enlarged picture, which is then reduced."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

__all__ = ["BLACK", "WHITE", "Box", "Colour", "Pen", "lay_over"]

Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 of pixels; the last ones are excluded."""

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
_FAR = 1e7  # samples; Pillow cannot count much further


class Pen:
    """Draws lines, discs, rings and polygons with smooth borders.

    Points are (x, y) in pixels of the picture, integers being pixel centres; they may lie outside. Widths and radii are
    in the same pixels. What is drawn later covers what was drawn before, also where it is translucent.
    """

    def __init__(self, image: Image.Image, zoom: int, origin: tuple[int, int] = (0, 0)) -> None:
        """Draw into an enlarged image.

        Args:
            image: ``zoom`` times as large as the picture, or the part of it; RGB, or RGBA to draw translucently.
            zoom: samples per pixel along each axis.
            origin: x, y of the part's first pixel in the picture.
        """
        self._image, self._zoom = image, zoom
        self._left, self._top = (v - 0.5 + 0.5 / zoom for v in origin)
        self._draw = ImageDraw.Draw(image)

    @classmethod
    def over(cls, picture: np.ndarray, zoom: int = 3) -> Pen:
        """A pen that draws into a copy of an (H, W, 3) uint8 RGB picture."""
        h, w = picture.shape[:2]
        return cls(Image.fromarray(picture).resize((w * zoom, h * zoom), Image.Resampling.NEAREST), zoom)

    @classmethod
    def layer(cls, box: Box, zoom: int, ground: Colour = BLACK) -> Pen:
        """A pen that draws a layer to be laid over a part of a picture.

        Args:
            box: the part.
            zoom: samples per pixel along each axis.
            ground: what shapes are mixed with at their borders; best the colour of the outermost shapes.
        """
        x0, y0, x1, y1 = box
        return cls(Image.new("CMYK", ((x1 - x0) * zoom, (y1 - y0) * zoom), (*ground, 0)), zoom, (x0, y0))

    def line(self, start: np.ndarray, end: np.ndarray, width: float, colour: Colour, opacity: float = 1.0) -> None:
        """A line that ends square."""
        ends = (*self._placed(start), *self._placed(end))
        self._draw.line(ends, self._ink(colour, opacity), max(1, round(width * self._zoom)))

    def disc(self, centre: np.ndarray, radius: float, colour: Colour, opacity: float = 1.0) -> None:
        """A filled disc."""
        self._draw.ellipse(self._around(centre, radius), self._ink(colour, opacity))

    def ring(self, centre: np.ndarray, radius: float, width: float, colour: Colour) -> None:
        """A ring; its line runs along the circle of the radius."""
        wide = max(1, round(width * self._zoom))
        self._draw.ellipse(self._around(centre, radius + width / 2), None, self._ink(colour, 1.0), wide)

    def polygon(self, corners: np.ndarray, colour: Colour) -> None:
        """A filled polygon of (N, 2) corners."""
        self._draw.polygon([self._placed(corner) for corner in corners], self._ink(colour, 1.0))

    def reduced(self) -> np.ndarray:
        """What was drawn, (h, w, 3 or 4) uint8, with smooth borders."""
        return np.asarray(self._image.reduce(self._zoom))

    def _ink(self, colour: Colour, opacity: float) -> tuple[int, ...]:
        return (*colour, round(255 * opacity)) if self._image.mode == "CMYK" else colour

    def _placed(self, point: np.ndarray) -> tuple[int, int]:
        x, y = (float(point[0]) - self._left) * self._zoom, (float(point[1]) - self._top) * self._zoom
        return round(min(max(x, -_FAR), _FAR)), round(min(max(y, -_FAR), _FAR))

    def _around(self, centre: np.ndarray, radius: float) -> Box:
        x, y = self._placed(centre)
        size = max(0, round(2 * radius * self._zoom) - 1)
        left, top = x - size // 2, y - size // 2
        return left, top, left + size, top + size


def lay_over(canvas: np.ndarray, box: Box, layer: np.ndarray) -> None:
    """Lay a translucent layer over a part of a picture.

    Args:
        canvas: (H, W, 3) uint8 RGB, contiguous, drawn into.
        box: the part.
        layer: (h, w, 4) uint8 RGBA, of the size of the part.
    """
    (x0, y0, x1, _), width = box, canvas.shape[1]
    touched = np.flatnonzero(layer[..., 3] > 0)
    rows, columns = np.divmod(touched, x1 - x0)
    places = 3 * ((y0 + rows) * width + x0 + columns)
    values, over = canvas.reshape(-1), layer.reshape(-1)
    opacity = over.take(4 * touched + 3) * np.float32(1 / 255)
    for channel in range(3):
        below = values.take(places + channel).astype(np.float32)
        below += (over.take(4 * touched + channel) - below) * opacity
        values[places + channel] = (below + 0.5).astype(np.uint8)
