"""JPEG files that were cut short and closed again, which decode to grey without a word."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

__all__ = ["ends_early"]

_END = b"\xff\xd9"
_GREY = (128, (128, 128, 128))
"""What is decoded where there is nothing."""
_MORE = b"\x5a\x3c\x91\xe7" * 256
"""That would be decoded to something."""


def ends_early(image: Image.Image, data: bytes) -> bool:
    """Whether the pixels in a JPEG file end before the last one.

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
