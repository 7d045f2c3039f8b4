"""Poses drawn on the photo they were found in, as an array or as a file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from strongpose._util.atomic_write import write_output
from strongpose.draw.poses import draw_poses
from strongpose.images import Photo, open_image
from strongpose.images.jpeg import encode_jpeg
from strongpose.poses import Poses

__all__ = ["Photo", "draw_on_photo", "save_picture"]

_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}


def draw_on_photo(poses: Poses, photo: Photo | None, *, bgr: bool = False, **options: Any) -> np.ndarray:
    """See `Poses.draw`."""
    if poses.error is not None:
        raise poses.error
    source = poses.photo if photo is None else photo
    if source is None:
        raise ValueError("which photo? These poses were not found in a file: give the photo as well")
    return draw_poses(open_image(source, bgr=bgr), poses, **options)


def save_picture(path: Path, picture: np.ndarray) -> None:
    """Write a picture, (H, W, 3) uint8 RGB, in the format that the file's name says; whole or not at all.

    Raises:
        ValueError: if the name does not end in .jpg, .jpeg, .png or .webp.
        strongpose.exceptions.OutputError: if it cannot be written.
    """
    kind = _FORMATS.get(path.suffix.lower())
    if kind is None:
        raise ValueError(f"{path}: the name of a picture must end in {', '.join(_FORMATS)}")

    def encoded() -> bytes:
        if kind == "JPEG":
            return encode_jpeg(picture)
        file = io.BytesIO()
        Image.fromarray(picture).save(file, kind)
        return file.getvalue()

    write_output(path, encoded)
