"""What the server takes: how many bytes, pixels, frames, photos and connections, and how long a client may take."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image

from strongpose.exceptions import ImageError, RefusedError
from strongpose.images import MAX_BYTES, MAX_PIXELS, open_image
from strongpose.images.integrity import too_many_pieces

__all__ = ["CONTENT_TYPES", "OLD_TYPES", "Limits", "open_upload"]

CONTENT_TYPES = ("image/jpeg", "image/png", "image/webp")
"""What a photo may be sent as."""
OLD_TYPES = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}
"""Other names that programs send for them."""

_FORMATS = ("JPEG", "MPO", "PNG", "WEBP")  # MPO: a JPEG file of some cameras, with more pictures behind the first


@dataclass(frozen=True)
class Limits:
    """What the server takes.

    Attributes:
        max_bytes: in the body of one request.
        max_pixels: of one photo.
        max_frames: of one file; the first is looked at.
        max_batch: photos in one request.
        max_waiting: requests that may wait while one is worked on.
        max_connections: at once; an idle one gives way to a new one.
        header_seconds: in which a request, but for its body, must have arrived.
        upload_seconds: in which the body of a request must have arrived.
        answer_seconds: in which a client must have taken its answer.

    Raises:
        ValueError: if a limit makes no sense; says what was expected.
    """

    max_bytes: int = 20_000_000
    max_pixels: int = 50_000_000
    max_frames: int = 100
    max_batch: int = 16
    max_waiting: int = 8
    max_connections: int = 512
    header_seconds: float = 10.0
    upload_seconds: float = 20.0
    answer_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name, least, most in (
            ("max_bytes", 1, MAX_BYTES),
            ("max_pixels", 1, MAX_PIXELS),
            ("max_frames", 1, None),
            ("max_batch", 1, None),
            ("max_waiting", 0, None),
            ("max_connections", 1, None),
        ):
            value = getattr(self, name)
            if value < least or (most is not None and value > most):
                expected = f"at least {least}" if most is None else f"from {least} to {most}"
                raise ValueError(f"{name} must be {expected}, got {value}")
        for name in ("header_seconds", "upload_seconds", "answer_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


def open_upload(data: bytes, limits: Limits) -> np.ndarray:
    """Open a photo that came over the network; its header is checked before anything is decoded.

    Args:
        data: of a JPEG, PNG or WebP file.
        limits: on pixels and frames.

    Returns:
        (H, W, 3) uint8 RGB, as `strongpose.images.open_image` gives it.

    Raises:
        RefusedError: 413 if there is too much of it, 422 if it is no photo or damaged.
    """
    excess = too_many_pieces(data)
    if excess is not None:
        raise RefusedError(413, f"the photo has {excess}; save it again")
    most = f"{limits.max_pixels / 1e6:g} megapixels"
    Image.init()
    formats = [name for name in _FORMATS if name in Image.OPEN]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's about the size, which is checked below
            with Image.open(io.BytesIO(data), formats=formats) as image:
                (width, height), frames = image.size, getattr(image, "n_frames", 1)
    except Image.DecompressionBombError as error:
        raise RefusedError(413, f"the photo has more than the {most} that are taken; scale it down") from error
    except Exception as error:  # the parsers raise anything on damaged files
        raise RefusedError(422, "not a JPEG, PNG or WebP photo, or damaged; save it again") from error
    if width * height > limits.max_pixels:
        raise RefusedError(413, f"the photo has {width}×{height} pixels, more than the {most} that are taken")
    if frames > limits.max_frames:
        raise RefusedError(
            413, f"the file has {frames} frames, more than the {limits.max_frames} that are taken; send one"
        )
    try:
        return open_image(data, "the photo")
    except ImageError as error:
        raise RefusedError(422, str(error)) from error
