"""JPEG files: written, and those noticed that were cut short and closed again."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

__all__ = ["encode_jpeg", "ends_early"]

_QUALITY = 92
_MOST = 65500  # pixels a side
_END = b"\xff\xd9"
_GREY = (128, (128, 128, 128))
"""What is decoded where there is nothing."""
_MORE = b"\x5a\x3c\x91\xe7" * 256
"""That would be decoded to something."""


def encode_jpeg(picture: np.ndarray) -> bytes:
    """A picture, (H, W, 3) uint8 RGB, as the bytes of a JPEG file.

    Raises:
        OSError: if it does not fit a JPEG file.
    """
    if not 0 < min(picture.shape) <= max(picture.shape) <= _MOST:  # else libjpeg writes lines of its own
        raise OSError(0, f"a picture of {picture.shape[1]}×{picture.shape[0]} pixels does not fit a JPEG file")
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def ends_early(image: Image.Image, data: bytes) -> bool:
    """Whether the pixels in a JPEG file end before the last one; such files decode to grey without an error.

    Then what is put behind them becomes part of the picture. That is only tried where its last pixel is grey.

    Args:
        image: decoded.
        data: the file.
    """
    end = data.rfind(_END)
    if image.format != "JPEG" or end < 0 or image.getpixel((image.width - 1, image.height - 1)) not in _GREY:
        return False
    try:
        with Image.open(io.BytesIO(data[:end] + _MORE + _END), formats=["JPEG"]) as longer:
            return not np.array_equal(np.asarray(longer), np.asarray(image))
    except Exception:  # the decoder raises anything on damaged files; this one was decoded
        return False
