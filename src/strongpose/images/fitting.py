"""Fitting photos to the network's input, and points back to the photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from strongpose.fields import padded_side

__all__ = ["PADDING", "FittedImage", "fit_image", "padded_stack"]

PADDING = (127, 127, 127)
"""RGB of what is not photo, as in training."""

_REDUCING_GAP = 2.0
"""Photos that are more than twice as large are averaged by whole pixels first: faster, AP stays."""


@dataclass(frozen=True, eq=False)
class FittedImage:
    """A photo resized and padded to a network input, and the mapping between their pixels.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, the network input; its sides have the form n·coarse_stride + 1.
        photo_size: (h, w) of the photo in pixels.
        scaled_size: (h, w) of the resized photo, the top left part of ``pixels``; the rest is padding.
    """

    pixels: np.ndarray
    photo_size: tuple[int, int]
    scaled_size: tuple[int, int]

    @property
    def scale(self) -> np.ndarray:
        """(2,) input pixels per photo pixel along x and y; they differ as sizes are whole numbers."""
        return np.array(self.scaled_size[::-1], dtype=np.float64) / np.array(self.photo_size[::-1])

    def to_photo(self, points: np.ndarray) -> np.ndarray:
        """Photo pixel coordinates of input pixel coordinates, (..., 2) x, y.

        Resizing keeps the image's outer borders, half a pixel outside its first and last pixel's
        centre, in place.
        """
        return ((points + 0.5) / self.scale - 0.5).astype(np.float32)

    def to_input(self, points: np.ndarray) -> np.ndarray:
        """Input pixel coordinates of photo pixel coordinates, (..., 2) x, y; the inverse of `to_photo`."""
        return ((points + 0.5) * self.scale - 0.5).astype(np.float32)


def fit_image(image: np.ndarray, size: int, coarse_stride: int) -> FittedImage:
    """Resize a photo so that its long side is ``size`` pixels, and pad it to a network input.

    Args:
        image: (H, W, 3) uint8 RGB.
        size: long side in pixels; smaller photos are enlarged.
        coarse_stride: the padded sides, right and bottom, have the form n·coarse_stride + 1, so that
            a cell lies on the last column and the fields of a mirrored photo can be mirrored back.

    Raises:
        ValueError: if ``size`` is not positive.
    """
    if size < 1:
        raise ValueError(f"size must be at least 1 pixel, got {size}")
    h, w = image.shape[:2]
    scale = size / max(h, w)
    new_h, new_w = max(1, round(h * scale)), max(1, round(w * scale))
    resized = Image.fromarray(image).resize((new_w, new_h), Image.Resampling.BILINEAR, reducing_gap=_REDUCING_GAP)
    pixels = np.empty((padded_side(new_h, coarse_stride), padded_side(new_w, coarse_stride), 3), dtype=np.uint8)
    pixels[:new_h, :new_w] = np.asarray(resized)
    pixels[new_h:] = pixels[:new_h, new_w:] = PADDING
    return FittedImage(pixels, (h, w), (new_h, new_w))


def padded_stack(images: Sequence[np.ndarray]) -> np.ndarray:
    """Network inputs of any sizes as one batch, the smaller ones padded right and below.

    Args:
        images: B times (H, W, 3) uint8 RGB; at least one.

    Returns:
        (B, H, W, 3) uint8 RGB, as high as the highest and as wide as the widest.
    """
    height, width = (max(image.shape[axis] for image in images) for axis in (0, 1))
    stack = np.empty((len(images), height, width, 3), dtype=np.uint8)
    stack[:] = PADDING
    for canvas, image in zip(stack, images, strict=True):
        canvas[: image.shape[0], : image.shape[1]] = image
    return stack
