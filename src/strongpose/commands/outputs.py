"""Whether results can be written to where they are wanted, seen before the work."""

from __future__ import annotations

import tempfile
from pathlib import Path

__all__ = ["unwritable_file", "unwritable_folder"]


def unwritable_folder(option: str, folder: Path | None) -> str | None:
    """What keeps results out of a folder, in one line; None if nothing does, or no folder is wanted.

    The folder need not exist, and is not made.

    Args:
        option: what names it, such as ``--out``.
        folder: for the results.
    """
    if folder is None:
        return None
    try:
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if there.is_dir():
            with tempfile.TemporaryFile(dir=there):
                return None
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        reason = getattr(error, "strerror", None) or error
        return f"{option} {folder}: cannot be written ({reason}); name another folder"
    return f"{option} {folder}: {there} is a file; name another folder"


def unwritable_file(option: str, file: Path | None) -> str | None:
    """What keeps a file from being written, in one line; None if nothing does, or no file is wanted.

    Args:
        option: what names it, such as ``--out``.
        file: for the results; its folder is made when it is written.
    """
    if file is None:
        return None
    try:
        if file.is_dir():
            return f"{option} {file}: is a folder; name a file"
    except (OSError, ValueError):
        pass  # said below
    wrong = unwritable_folder(option, file.parent)
    return wrong and wrong.replace(f"{option} {file.parent}:", f"{option} {file}:", 1)
