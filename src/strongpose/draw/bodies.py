"""Body regions, drawn over the photo."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from strongpose.decode.body import BodyRegions
from strongpose.draw.colours import person_colour

__all__ = ["draw_bodies"]

_TINT = 0.4  # opacity


def draw_bodies(image: np.ndarray, regions: BodyRegions) -> np.ndarray:
    """A copy of the photo with every body region tinted and outlined, in the people's colours of `draw_poses`.

    Args:
        image: (H, W, 3) uint8 RGB.
        regions: in pixels of ``image``, in the order of the poses.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    picture = Image.fromarray(image)
    width = max(1.5, max(image.shape[:2]) / 500)
    margin = int(np.ceil(2 * width)) + 1
    h, w = image.shape[:2]
    for i, (x, y, wide, high) in enumerate(regions.bboxes.tolist()):
        x0, y0, x1, y1 = max(0, x - margin), max(0, y - margin), min(w, x + wide + margin), min(h, y + high + margin)
        if x1 <= x0 or y1 <= y0:
            continue
        inside = regions.instance_map[y0:y1, x0:x1] == i
        opacity = np.where(inside, _TINT, 0.0)
        opacity = np.maximum(opacity, _outline(inside, width))
        picture.paste(person_colour(i), (x0, y0, x1, y1), Image.fromarray(np.round(255 * opacity).astype(np.uint8)))
    return np.array(picture)


def _outline(inside: np.ndarray, width: float) -> np.ndarray:
    """(h, w) opacity of a smooth line of ``width`` pixels along the border of a mask."""
    blurred = Image.fromarray(inside.astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(width))
    distance = (np.asarray(blurred) / 255 - 0.5) * np.sqrt(2 * np.pi) * width  # exact at a straight border
    return np.clip(width / 2 + 0.5 - np.abs(distance), 0, 1)
