"""Opening photos, or reading their sizes alone."""

from __future__ import annotations

import io
import os
import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import IO, TypeAlias

import numpy as np
from PIL import Image

from strongpose._util.lines import one_line, printable
from strongpose.exceptions import ImageError
from strongpose.images.arrays import rgb_of_array
from strongpose.images.colours import rgb
from strongpose.images.header import FilePart
from strongpose.images.heif import REMEDY, can_open_heif, is_heif
from strongpose.images.integrity import MOST_PIECES, too_many_pieces
from strongpose.images.jpeg import ends_early
from strongpose.images.orientation import shown_size, shown_turn, upright
from strongpose.images.tiff import begin_with_full_page, correct_grey

__all__ = ["MAX_BYTES", "MAX_PIXELS", "Photo", "open_image", "read_orientation", "read_part_size", "read_size"]

Photo: TypeAlias = "str | PathLike[str] | bytes | np.ndarray | Image.Image"
"""What can be opened: a path, an encoded file's bytes, an array (`open_image`), or a Pillow image."""

MAX_PIXELS = 120_000_000
"""Photos with more pixels are refused before they are decoded: a small file can hold a huge image."""
MAX_BYTES = 200_000_000
"""Larger files are refused before they are read."""
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM", "AVIF", "HEIF")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_HEAD = 64  # bytes, in which a file says what it is
_EMPTY = "the file is empty; copy or download it again"


def open_image(source: Photo, name: str | None = None, *, bgr: bool = False) -> np.ndarray:
    """Open a photo as it is meant to be seen: turned as EXIF says, in 8-bit RGB.

    Grey, palette, CMYK and 16-bit images are converted, transparent ones are laid on white. Of animated
    ones the first frame is taken, of TIFF files the first page that is no preview. 16-bit images that
    only hold values of 8 to 13 bits are scaled to those, as they would be black.

    Args:
        source: a path, the bytes of an image file, a Pillow image, or an array of uint8: (H, W, 3) RGB, (H, W) grey,
            or (H, W, 4) RGBA.
        name: what error messages call the photo, where it is not a path.
        bgr: whether an array's channels come in the order blue, green, red, as ``cv2.imread`` gives them.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError: if ``bgr`` is given with something else than an array: files say how their colours are stored.
        ImageError: if it is missing, damaged, too large or no photo; in one line, whatever the file is called.
    """
    if isinstance(source, np.ndarray):
        return rgb_of_array(source, name or "array", bgr)
    if bgr and source is not None:
        raise ValueError("bgr is for arrays, as cv2.imread gives them; files say how their colours are stored")
    if isinstance(source, Image.Image):
        return _decoded(source, name or "Pillow image")
    if isinstance(source, bytes):
        return _opened(source, name or "image bytes")
    if not isinstance(source, str | os.PathLike):
        if source is None:
            raise ImageError(f"{name or 'photo'}: got None, as cv2.imread gives of files it cannot read; give the path")
        kind = type(source).__name__
        raise ImageError(f"{name or 'photo'}: expected a path, bytes, an array or a Pillow image, got a {kind}")
    if isinstance(source, str) and _ADDRESS.match(source):
        raise ImageError(f"{printable(source)}: photos are not downloaded; download it, and give the file's path")
    path = Path(source)
    with _reading(path) as file:
        data = file.read(MAX_BYTES)
    return _opened(data, printable(name or str(path)))


def read_size(source: str | PathLike[str] | bytes, name: str | None = None) -> tuple[int, int]:
    """The size of a photo as it is meant to be seen, turned as EXIF says, from the head of its file.

    That is the shape of what `open_image` returns, in a fraction of the time: nothing is decoded. So a photo whose
    size can be read may still be damaged.

    Args:
        source: a path, or the bytes of an image file.
        name: what error messages call the photo, where it is not a path.

    Returns:
        (width, height) in pixels.

    Raises:
        ImageError: if it is missing, too large or no photo, or its head is damaged; in one line.
    """
    if isinstance(source, bytes):
        return read_part_size(io.BytesIO(source), 0, len(source), name or "image bytes")
    if not isinstance(source, str | os.PathLike):
        raise ImageError(f"{name or 'photo'}: expected a path or bytes, got a {type(source).__name__}")
    path = Path(source)
    name = printable(name or str(path))
    with _reading(path) as file:
        return read_part_size(file, 0, os.fstat(file.fileno()).st_size, name)


def read_orientation(source: str | PathLike[str]) -> int:
    """How a photo file asks to be turned and mirrored when it is shown, from its head: EXIF's 1 (not at all) to 8.

    Raises:
        ImageError: as `read_size`.
    """
    path = Path(source)
    with _reading(path) as file:
        part = FilePart(file, 0, min(os.fstat(file.fileno()).st_size, MAX_BYTES))
        begin_with_full_page(part)
        with _pillow_image(part, printable(str(path))) as image:
            return shown_turn(image, part)


def read_part_size(file: IO[bytes], start: int, size: int, name: str) -> tuple[int, int]:
    """The size of a photo that lies in another file, such as a tar shard; see `read_size`.

    Args:
        file: the other file, seekable.
        start: first byte of the photo.
        size: its bytes.
        name: what error messages call the photo.

    Returns:
        (width, height) in pixels.

    Raises:
        ImageError: as `read_size`.
    """
    if size == 0:
        raise ImageError(f"{name}: {_EMPTY}")
    part = FilePart(file, start, min(size, MAX_BYTES))
    begin_with_full_page(part)
    correct_grey(part)
    with _pillow_image(part, name) as image:
        width, height = shown_size(image, part)
    _check_size(width, height, name)
    return width, height


@contextmanager
def _reading(path: Path) -> Iterator[IO[bytes]]:
    """A photo file, opened; what is wrong with it, also while it is read, is told as an `ImageError`."""
    name = printable(str(path))
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
            yield file
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
        raise ImageError(f"{name}: {_EMPTY}")
    excess = too_many_pieces(data)
    if excess is not None:
        raise ImageError(f"{name}: {excess}; save it again")
    part = FilePart(io.BytesIO(data))
    begin_with_full_page(part)
    is_negative = correct_grey(part)
    if part.changes:
        part.seek(0)
        data = part.read()
    with _pillow_image(io.BytesIO(data), name) as image:
        return _decoded(image, name, is_negative, data)


def _pillow_image(file: io.BytesIO | FilePart, name: str) -> Image.Image:
    """The image in a file, not decoded yet."""
    Image.init()
    file.seek(0)
    head = file.read(_HEAD)
    if is_heif(head) and not can_open_heif():
        raise ImageError(f"{name}: {REMEDY}")
    formats = [f for f in _FORMATS if f in Image.OPEN]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the size is checked below
            return Image.open(file, formats=formats)  # type: ignore[arg-type]  # read, seek and tell are enough
    except Image.DecompressionBombError as error:
        raise ImageError(
            f"{name}: more than the {MAX_PIXELS / 1e6:.0f} megapixels that are opened; scale it down"
        ) from error
    except Exception as error:  # the parsers raise anything on damaged files
        if isinstance(file, FilePart) and file.is_exhausted:
            raise ImageError(f"{name}: more than the {MOST_PIECES} pieces that are read; save it again") from error
        raise ImageError(f"{name}: not a photo that can be read, or damaged; save it again as JPEG or PNG") from error


def _decoded(image: Image.Image, name: str, is_negative: bool = False, data: bytes | None = None) -> np.ndarray:
    _check_size(*image.size, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damage that does not spoil the photo
            image.load()
            if data is not None and ends_early(image, data):
                raise OSError("it ends before the last pixel")
    except Exception as error:  # the decoders raise anything on damaged files
        raise ImageError(f"{name}: damaged or cut short ({one_line(error)}); copy or download it again") from error
    try:
        return np.array(upright(rgb(image, is_negative, data), image))
    except Exception as error:  # as above
        reason = one_line(error)
        raise ImageError(f"{name}: colour mode {image.mode} ({reason}); save it again as 8-bit RGB") from error


def _check_size(w: int, h: int, name: str) -> None:
    if w * h > MAX_PIXELS:
        raise ImageError(
            f"{name}: {w}×{h} pixels are more than the {MAX_PIXELS / 1e6:.0f} megapixels that are opened; scale it down"
        )
    if w * h == 0:
        raise ImageError(f"{name}: the image has no pixels ({w}×{h})")
