"""The colours of a Pillow image of any mode, as 8-bit RGB."""

from __future__ import annotations

import numpy as np
from PIL import Image

__all__ = ["rgb"]

_TRANSPARENT_BACKGROUND = (255, 255, 255)


def rgb(image: Image.Image) -> Image.Image:
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
