"""Opening photos, and fitting them to the network's input and points back to the photo."""

from __future__ import annotations

import io
import os
import stat
import unicodedata
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from PIL import Image

from strongpose.fields import padded_side
from strongpose.pieces import too_many_pieces

__all__ = [
    "MAX_BYTES",
    "MAX_PIXELS",
    "PADDING",
    "SUFFIXES",
    "FittedImage",
    "ImageError",
    "Photo",
    "fit_image",
    "open_image",
    "padded_stack",
]

Photo: TypeAlias = "str | PathLike[str] | bytes | np.ndarray | Image.Image"
"""What can be opened: a path, an encoded file's bytes, (H, W, 3) uint8 RGB, or a Pillow image."""

MAX_PIXELS = 120_000_000
"""Photos with more pixels are refused before they are decoded: a small file can hold a huge image."""
MAX_BYTES = 200_000_000
"""Larger files are refused before they are read."""
PADDING = (127, 127, 127)
"""RGB of what is not photo, as in training."""
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".mpo", ".avif")
"""File name endings that count as photos in a folder."""

_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM", "AVIF")
_TRANSPARENT_BACKGROUND = (255, 255, 255)
_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class ImageError(ValueError):
    """A photo that cannot be used; the message names the file and the remedy."""


def open_image(source: Photo, name: str | None = None) -> np.ndarray:
    """Open a photo as it is meant to be seen: turned as EXIF says, in 8-bit RGB.

    Grey, palette, CMYK and 16-bit images are converted, transparent ones are laid on white, and of
    animated ones the first frame is taken.

    Args:
        source: a path, the bytes of an image file, an (H, W, 3) uint8 RGB array or a Pillow image.
        name: what error messages call the photo, where it is not a path.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ImageError: if it is missing, damaged, too large or no photo; in one line, whatever the file is called.
    """
    if isinstance(source, np.ndarray):
        return _checked_array(source, name or "array")
    if isinstance(source, Image.Image):
        return _decoded(source, name or "Pillow image")
    if isinstance(source, bytes):
        return _opened(source, name or "image bytes")
    if not isinstance(source, str | os.PathLike):
        kind = type(source).__name__
        raise ImageError(f"{name or 'photo'}: expected a path, bytes, an array or a Pillow image, got a {kind}")
    path = Path(source)
    return _opened(_file_bytes(path), _printable(name or str(path)))


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
    shrinks = new_h * new_w < h * w
    resized = cv2.resize(image, (new_w, new_h), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    pixels = np.empty((padded_side(new_h, coarse_stride), padded_side(new_w, coarse_stride), 3), dtype=np.uint8)
    pixels[:] = PADDING
    pixels[:new_h, :new_w] = resized
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


def _file_bytes(path: Path) -> bytes:
    """The content of a photo file."""
    name = _printable(str(path))
    try:
        about = path.stat()
        if stat.S_ISDIR(about.st_mode):
            raise ImageError(f"{name}: is a folder, not a photo")
        if not stat.S_ISREG(about.st_mode):
            raise ImageError(f"{name}: is a pipe or device, not a file; save the photo to a file first")
        if about.st_size > MAX_BYTES:
            raise ImageError(
                f"{name}: {about.st_size / 1e6:.0f} MB is more than the {MAX_BYTES / 1e6:.0f} MB that are read; "
                "save it smaller, for example as JPEG"
            )
        with path.open("rb") as file:
            return file.read(MAX_BYTES)
    except FileNotFoundError as error:
        raise ImageError(f"{name}: no such file; check the path") from error
    except OSError as error:
        raise ImageError(f"{name}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        if isinstance(error, ImageError):
            raise
        raise ImageError(f"{name}: cannot be a path ({error}); check the path") from error


def _opened(data: bytes, name: str) -> np.ndarray:
    if not data:
        raise ImageError(f"{name}: the file is empty; copy or download it again")
    excess = too_many_pieces(data)
    if excess is not None:
        raise ImageError(f"{name}: {excess}; save it again")
    Image.init()
    formats = [f for f in _FORMATS if f in Image.OPEN]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the size is checked below
            image = Image.open(io.BytesIO(data), formats=formats)
    except Image.DecompressionBombError as error:
        raise ImageError(
            f"{name}: more than the {MAX_PIXELS / 1e6:.0f} megapixels that are opened; scale it down"
        ) from error
    except Exception as error:  # the parsers raise anything on damaged files
        raise ImageError(f"{name}: not a photo that can be read, or damaged; save it again as JPEG or PNG") from error
    with image:
        return _decoded(image, name)


def _decoded(image: Image.Image, name: str) -> np.ndarray:
    w, h = image.size
    if w * h > MAX_PIXELS:
        raise ImageError(
            f"{name}: {w}×{h} pixels are more than the {MAX_PIXELS / 1e6:.0f} megapixels that are opened; scale it down"
        )
    if w * h == 0:
        raise ImageError(f"{name}: the image has no pixels ({w}×{h})")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damage that does not spoil the photo
            image.load()
    except Exception as error:  # the decoders raise anything on damaged files
        raise ImageError(f"{name}: damaged or cut short ({_one_line(error)}); copy or download it again") from error
    try:
        return np.array(_rgb(_upright(image)))
    except Exception as error:  # as above
        reason = _one_line(error)
        raise ImageError(f"{name}: colour mode {image.mode} ({reason}); save it again as 8-bit RGB") from error


def _upright(image: Image.Image) -> Image.Image:
    """The image as its EXIF data turns it; EXIF data that is damaged elsewhere does not matter."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's about the damage
            orientation = image.getexif().get(_EXIF_ORIENTATION)
    except Exception:  # the parser raises anything on damaged data; it does not spoil the photo
        return image
    way = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if way is None else image.transpose(way)


def _rgb(image: Image.Image) -> Image.Image:
    """Any Pillow image as 8-bit RGB; transparency is laid on white."""
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_eight_bit(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        background = Image.new("RGBA", image.size, _TRANSPARENT_BACKGROUND)
        return Image.alpha_composite(background, image.convert("RGBA")).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")  # which copies


def _eight_bit(values: np.ndarray) -> np.ndarray:
    """(H, W) uint8 of 16-bit, or floating-point, grey values."""
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind == "f" and 0 <= low and high <= 1:
        top = 1.0
    elif values.dtype.kind == "f" and 0 <= low and high <= 255:
        top = 255.0
    elif 0 <= low and high <= 65535:
        top = 65535.0
    else:
        raise ValueError(f"grey values from {low:g} to {high:g} instead of 0 to 65535")
    scaled = np.multiply(values, np.float32(255.0 / top), dtype=np.float32)
    return np.rint(scaled, out=scaled).astype(np.uint8)


def _checked_array(array: np.ndarray, name: str) -> np.ndarray:
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or array.size == 0:
        raise ImageError(f"{name}: expected an RGB image (H, W, 3) of uint8, got shape {array.shape} of {array.dtype}")
    return array


def _one_line(error: Exception) -> str:
    """What an error of another library says, however it says it."""
    return _printable(" ".join(str(error).split())[:200]) or type(error).__name__


def _printable(text: str) -> str:
    """The text with line breaks, control signs and undecodable bytes escaped."""
    return "".join(repr(c)[1:-1] if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in text)
