"""Pictures that ``strongpose predict`` drew, marked so that they are not taken for photos."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from strongpose.images.jpeg import encode_jpeg

__all__ = ["KINDS", "is_about", "is_drawing", "is_result", "jpeg_of", "marked", "place_of", "result_names"]

KINDS = ("poses", "fields")
"""Of pictures: their names end in .poses.jpg and .fields.jpg."""

_COMMENT = b"drawn by strongpose predict"
_MARK = b"\xff\xfe" + (len(_COMMENT) + 2).to_bytes(2, "big") + _COMMENT
_MOST_HEAD = 1000  # bytes of the file, in which the mark is found
_SUFFIXES = tuple(f".{kind}.jpg" for kind in KINDS)
_JPEG = (".jpg", ".jpeg", ".jpe")


def marked(jpeg: bytes) -> bytes:
    """A JPEG file with a comment behind its first segment that says what it is."""
    at = 4 + int.from_bytes(jpeg[4:6], "big")
    return jpeg[:at] + _MARK + jpeg[at:]


def jpeg_of(picture: np.ndarray) -> bytes:
    """A drawn picture, (H, W, 3) uint8 RGB, as the bytes of a JPEG file with the mark.

    Raises:
        OSError: if it does not fit a JPEG file.
    """
    return marked(encode_jpeg(picture))


def is_drawing(name: str, content: bytes) -> bool:
    """Whether a file is such a picture, by its mark.

    Files are only looked into if their name has one of `KINDS` in it, as copies have: "x.poses (1).jpg".

    Args:
        name: of the file.
        content: its first bytes, or all of them.
    """
    return _may_be_drawing(name) and _MARK in content[:_MOST_HEAD]


def _may_be_drawing(name: str) -> bool:
    name = name.lower()
    return name.endswith(_JPEG) and any(kind in name for kind in KINDS)


def is_result(path: Path) -> bool:
    """Whether a file was written by ``strongpose predict``: a picture, or the JSON file beside it.

    The user's own photos may be called so, too: pictures count by their mark, or by a JSON file of ours beside them,
    as pictures of earlier versions have no mark.
    """
    if path.name.endswith(".poses.json"):
        return _is_ours(path)
    if not _may_be_drawing(path.name):
        return False
    try:
        with path.open("rb") as file:
            if is_drawing(path.name, file.read(_MOST_HEAD)):
                return True
    except OSError:
        return False
    names = (path.name.removesuffix(suffix) for suffix in _SUFFIXES if path.name.endswith(suffix))
    return any(_is_ours(path.with_name(f"{name}.poses.json")) for name in names)


def result_names(photos: Sequence[Path], out: Path, subfolders: Mapping[Path, Path] | None = None) -> Iterator[Path]:
    """For each photo where its results go, without ``.poses.jpg`` and the like.

    They differ, also on file systems that ignore case, and no result takes the place of one of the photos, nor of a
    picture or JSON file in the folder that is no result, nor of results of another photo.

    Args:
        photos: all that results are written of.
        out: the folder of the results.
        subfolders: of it, for the photos whose results do not go to ``out`` itself.
    """
    kept = {os.path.abspath(path).casefold() for path in photos}
    taken: set[str] = set()
    for path in photos:
        folder = out / (subfolders or {}).get(path, "")
        name, count = path.stem, 1
        while (
            str(folder / name).casefold() in taken
            or any(
                os.path.abspath(target).casefold() in kept or (os.path.exists(target) and not is_result(target))
                for target in (folder / f"{name}{suffix}" for suffix in _SUFFIXES)
            )
            or not _may_take(folder / f"{name}.poses.json", path)
        ):
            count += 1
            name = f"{path.stem}-{count}"
        taken.add(str(folder / name).casefold())
        yield folder / name


def place_of(path: str | Path) -> str:
    """The same text for all ways to a file, but for links to the file itself."""
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)


def is_about(about: dict[str, Any] | None, photo: Path) -> bool:
    """Whether the content of a JSON file of ours, if there is one, is about a photo and no other."""
    name = None if about is None else about["photo"]
    return about is None or (isinstance(name, str) and "\0" not in name and place_of(name) == place_of(photo))


def _may_take(result: Path, photo: Path) -> bool:
    """Whether the JSON file of a photo may be written: no file of others, or about another photo, is there."""
    about = _about(result)
    return is_about(about, photo) if about is not None else not result.exists()


def _is_ours(path: Path) -> bool:
    return _about(path) is not None


def _about(path: Path) -> dict[str, Any] | None:
    """The content of a JSON file that ``strongpose predict`` wrote; None of any other."""
    try:
        about = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return about if isinstance(about, dict) and {"version", "photo", "skeleton", "people"} <= set(about) else None
