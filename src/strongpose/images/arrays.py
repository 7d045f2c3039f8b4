"""Arrays that callers give as photos: grey, RGB, RGBA or BGR, as 8-bit RGB; others get a line with the remedy."""

from __future__ import annotations

import numpy as np
from PIL import Image

from strongpose.exceptions import ImageError
from strongpose.images.colours import rgb

__all__ = ["rgb_of_array"]

_CHANNELS = (1, 3, 4)


def rgb_of_array(array: np.ndarray, name: str, bgr: bool = False) -> np.ndarray:
    """An image as an array, in 8-bit RGB.

    Args:
        array: uint8, (H, W) or (H, W, 1) grey, (H, W, 3) RGB, or (H, W, 4) RGBA, which is laid on white.
        name: what error messages call it.
        bgr: whether the channels come in the order of OpenCV: BGR or BGRA.

    Returns:
        (H, W, 3) uint8 RGB; the array itself where it is that already.

    Raises:
        ImageError: if it has another shape or type.
    """
    remedy = _remedy(array)
    if remedy is not None:
        got = f"got shape {array.shape} of {array.dtype}"
        raise ImageError(f"{name}: expected an RGB image (H, W, 3) of uint8, {got}{remedy}")
    if array.ndim == 2:
        array = array[..., None]
    if array.shape[2] == 1:
        return np.repeat(array, 3, axis=2)
    if bgr:
        array = np.ascontiguousarray(array[..., [2, 1, 0, 3][: array.shape[2]]])
    if array.shape[2] == 4:
        return np.array(rgb(Image.fromarray(np.ascontiguousarray(array), "RGBA")))
    return array


def _remedy(array: np.ndarray) -> str | None:
    """What to do about an array that is no such image, as the end of a message; None where it is one."""
    if array.size == 0:
        return ""
    if array.ndim == 4:
        return "; give several photos as a list: list(array)"
    if array.ndim == 3 and array.shape[0] in _CHANNELS and array.shape[2] > max(_CHANNELS):
        return "; its channels come first: give array.transpose(1, 2, 0)"
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in _CHANNELS):
        return ""
    if array.dtype.kind == "f":
        return "; of values in 0-1 give (255 * array).astype('uint8')"
    if array.dtype == np.uint16:
        return "; of values up to 65535 give (array // 257).astype('uint8')"
    return None if array.dtype == np.uint8 else ""
