"""How a photo is turned to be shown, and how large it then is."""

from __future__ import annotations

import io
import warnings

from PIL import Image, PngImagePlugin, TiffImagePlugin

from strongpose.images.header import FilePart, png_notes

__all__ = ["shown_size", "shown_turn", "upright"]

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
_SIDEWAYS = (5, 6, 7, 8)


def upright(image: Image.Image, source: Image.Image) -> Image.Image:
    """An image as the EXIF data of the one it was made of turns it; damage to that data elsewhere does not matter.

    Args:
        image: in other colours.
        source: as it was decoded.
    """
    way = _UPRIGHT.get(_orientation(source))
    return image if way is None else image.transpose(way)


def shown_size(image: Image.Image, file: FilePart) -> tuple[int, int]:
    """(width, height) that a file's image will have when it is decoded and `upright`.

    Args:
        image: as it was opened; it is not decoded.
        file: from which.
    """
    width, height = image.size
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2  # Pillow 11 and newer give the size turned before it is decoded, older ones do not
        width, height = tags[TiffImagePlugin.IMAGEWIDTH], tags[TiffImagePlugin.IMAGELENGTH]
    return (height, width) if shown_turn(image, file) in _SIDEWAYS else (width, height)


def shown_turn(image: Image.Image, file: FilePart) -> int:
    """The EXIF orientation, 1 to 8, by which a file's image is to be shown; see `shown_size`."""
    return _orientation(_noted(image, file))


def _noted(image: Image.Image, file: FilePart) -> Image.Image:
    """The image, or of PNG files another that knows what is noted behind the pixels."""
    if not isinstance(image, PngImagePlugin.PngImageFile):
        return image
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(io.BytesIO(png_notes(file)), formats=["PNG"])
    except Exception:  # the parser raises anything on damaged data; it does not spoil the photo
        return image


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where none can be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's about the damage
            exif = Image.Image.getexif(image)  # that of PNG files would decode them
            orientation = exif.get(_EXIF_ORIENTATION)
    except Exception:  # the parser raises anything on damaged data; it does not spoil the photo
        return 1
    return orientation if isinstance(orientation, int) else 1
