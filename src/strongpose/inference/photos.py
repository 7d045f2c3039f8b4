"""What callers give as photos: one, several, a folder or a pattern; anything else gets a line that says what to do."""

from __future__ import annotations

import glob
import mimetypes
import os
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from strongpose.exceptions import ImageError
from strongpose.images import Photo
from strongpose.images.folders import photos_named

__all__ = ["noting_paths", "path_of", "require_one", "several"]


def path_of(photo: Photo) -> Path | None:
    """Where a photo lies, if it was given as a path."""
    return Path(photo) if isinstance(photo, str | os.PathLike) else None


def require_one(photo: Any) -> None:
    """Refuse what is more than one photo.

    Raises:
        ImageError: for a folder, a pattern or a video; names the call that takes it.
        ValueError: for an iterable of photos that is no list.
    """
    if isinstance(photo, str | os.PathLike):
        text = os.fspath(photo)
        if os.path.isdir(text):
            raise ImageError(f"{text}: is a folder; predict_many({text!r}) finds the people in its photos")
        if glob.has_magic(text) and not os.path.exists(text):
            raise ImageError(f"{text}: is a pattern; predict_many({text!r}) finds the people in the photos it fits")
        if (mimetypes.guess_type(text)[0] or "").startswith("video/"):
            raise ImageError(f"{text}: is a video; track({text!r}) finds the people in its frames")
    elif isinstance(photo, Iterable) and not isinstance(photo, bytes | np.ndarray | Image.Image):
        kind = type(photo).__name__
        raise ValueError(f"expected a photo or a list of photos, got a {kind}; predict_many takes any iterable")


def noting_paths(photos: Iterable[Photo], paths: deque[Path | None]) -> Iterator[Photo]:
    """The photos; appends the path of each, or None, to ``paths`` when it is asked for."""
    for photo in photos:
        paths.append(path_of(photo))
        yield photo


def several(photos: Iterable[Photo] | str | PathLike[str]) -> Iterable[Photo]:
    """The photos in an iterable, in a folder, or those that fit a pattern, in the order of their names.

    Warns in one line of pictures in a folder that are not looked at: of other formats, or in folders in it.

    Raises:
        ImageError: if a path names no photo.
        ValueError: if one photo is given that is no path.
    """
    if isinstance(photos, bytes | Image.Image) or (isinstance(photos, np.ndarray) and photos.ndim != 4):
        raise ValueError("expected several photos, or the path of a folder, got one photo; call model(photo)")
    if not isinstance(photos, str | os.PathLike):
        return photos
    name = os.fspath(photos)
    try:
        found = photos_named(name)
    except OSError as error:
        raise ImageError(f"{name}: the folder cannot be read ({error.strerror}); check its permissions") from error
    left_out = "; ".join(found.left_out)
    if not found.photos:
        why = f"; left out: {left_out}" if left_out else ""
        raise ImageError(f"{name}: no such photo, and no folder or pattern that holds one{why}; check the path")
    if found.other_pictures or found.folders or found.unnamed:
        warnings.warn(f"{name}: left out: {left_out}", stacklevel=3)
    return found.photos
