"""Which label file of a YOLO data set is about which photo, and which text files are no labels."""

from __future__ import annotations

import re
from pathlib import Path

from strongpose._util.lines import Say, counted
from strongpose.exceptions import ConversionError
from strongpose.images.folders import files_below, first_names, photos_below

__all__ = ["label_files"]

_CLASS_LISTS = ("classes.txt", "labels.txt", "names.txt", "predefined_classes.txt")
"""Files that name the classes, which programs for labelling write beside the labels; in any case."""
_ROOTS = ("images", "labels")
"""Folders of a data set whose names are left out when photos and labels are compared."""
_LABEL = re.compile(r"\s*([-+.\deE]+[\s,;]+){4,}[-+.\deE]+[\s,;]*")
"""A line of at least five numbers."""


def label_files(labels: Path, images: Path, say: Say) -> list[tuple[Path, Path | None]]:
    """Every photo in a folder, and its label file if it has one.

    A label file is called like its photo, in the same sub-folder; the case of letters may differ, and the sub-folders
    may have an ``images`` and ``labels`` more, so that both may lie below one folder. Text files that are not called
    like a photo and hold no labels are left out, which is said.

    Args:
        labels: the folder of the label files, searched with its sub-folders.
        images: the folder of the photos, as well.
        say: told what is left out.

    Raises:
        ConversionError: if a label file is about no photo, or no photo has one, or it is not clear which is whose.
    """
    found: dict[Path, Path] = {}
    alike: dict[str, list[Path]] = {}
    for path in photos_below(images):
        stem = path.relative_to(images).with_suffix("")
        if stem in found:
            raise ConversionError(f"{path}: {found[stem].name} has the same name; YOLO cannot tell them apart")
        found[stem] = path
        alike.setdefault(_plain(stem), []).append(stem)
    texts: dict[Path, Path] = {}
    others = []
    for path in files_below(labels):
        if path.suffix.lower() != ".txt":
            continue
        stem = path.relative_to(labels).with_suffix("")
        near = alike.get(_plain(stem), [])
        if stem not in found and len(near) == 1:
            [stem] = near
        if stem in texts:
            raise ConversionError(f"{path}: {texts[stem].name} is about the same photo; keep one of them")
        if stem in found:
            texts[stem] = path
        elif _may_be_label(path):
            raise ConversionError(
                f"{path}: no photo {images / stem}.* ; check the folder of the photos, or move the file elsewhere if "
                "it is no label"
            )
        elif path.name.lower() not in _CLASS_LISTS:
            others.append(path)
    if not texts:
        raise ConversionError(
            f"{labels}: none of {counted(len(found), 'photo')} in {images} has a label file, a .txt of its name; check "
            "both folders"
        )
    if others:
        files = "text file that is no label" if len(others) == 1 else "text files that are no labels"
        say(f"{labels}: left out {len(others)} {files} ({first_names(others)})")
    return [(path, texts.get(stem)) for stem, path in found.items()]


def _plain(stem: Path) -> str:
    return "/".join(part for part in stem.as_posix().casefold().split("/") if part not in _ROOTS)


def _may_be_label(path: Path) -> bool:
    """Whether a file is empty, as that of a photo without people, or has a line of numbers."""
    lines = path.read_bytes().decode("utf-8-sig", errors="replace").splitlines()
    return not any(map(str.strip, lines)) or any(map(_LABEL.fullmatch, lines))
