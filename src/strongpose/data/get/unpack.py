"""Unpacking zip archives: nothing outside of the folder, nothing half done, every file's checksum compared."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from strongpose.exceptions import UnpackError

__all__ = ["unpack", "unpacked_size"]


def unpacked_size(archive: Path) -> int:
    """The bytes that an archive's files take.

    Raises:
        UnpackError: if it is no zip archive.
    """
    return sum(entry.file_size for entry in _entries(archive))


def unpack(
    archive: Path,
    folder: Path,
    tops: Sequence[str] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, int]:
    """Unpack a zip archive into a folder, all of it or nothing.

    The files are first written beside their place, where the archive's CRC-32 of each is compared, and moved when all
    are there: a folder that is new as a whole, others file by file, which replaces files of the same name.

    Args:
        archive: the zip file.
        folder: where to; made if need be.
        tops: names of the folders in which all entries must lie; anything if left out.
        progress: called with the number of files unpacked and the total.

    Returns:
        The size of each file by its path in ``folder``.

    Raises:
        UnpackError: if it is damaged, or an entry would lie elsewhere, is a link or encrypted, or comes twice.
        OSError: if there is no room or no permission.
    """
    entries = _entries(archive)
    names = [_safe_name(archive, entry, tops) for entry in entries]
    if len({name.casefold() for name in names}) < len(names):
        raise UnpackError(f"{archive}: holds two files of the same name; do not trust it, download it again")
    staging = folder / f".{archive.stem}.unpacking"
    if staging.exists():
        shutil.rmtree(staging)
    staging.mkdir(parents=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            for done, (entry, name) in enumerate(zip(entries, names, strict=True), start=1):
                target = staging / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(entry) as source, target.open("xb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)
                if target.stat().st_size != entry.file_size:
                    raise UnpackError(f"{archive}: {name} is shorter than the archive says; download it again")
                progress(done, len(entries))
        _move(staging, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise UnpackError(f"{archive}: damaged ({error}); remove it and download it again") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return {name: entry.file_size for name, entry in zip(names, entries, strict=True)}


def _entries(archive: Path) -> list[zipfile.ZipInfo]:
    """The archive's files, without its folders."""
    try:
        with zipfile.ZipFile(archive) as opened:
            return [entry for entry in opened.infolist() if not entry.is_dir()]
    except zipfile.BadZipFile as error:
        raise UnpackError(
            f"{archive}: no zip archive, or damaged ({error}); remove it and download it again"
        ) from error


def _safe_name(archive: Path, entry: zipfile.ZipInfo, tops: Sequence[str]) -> str:
    """The entry's path in the folder, if it is harmless."""
    name = entry.orig_filename  # as it is in the archive: zipfile's own is mended
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or any(c in name for c in "\\:\0") or name != str(path):
        raise UnpackError(f"{archive}: {name!r} would lie outside of the folder; do not trust this archive")
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise UnpackError(f"{archive}: {name!r} is a link or device, not a file; do not trust this archive")
    if entry.flag_bits & 1:
        raise UnpackError(f"{archive}: {name!r} is encrypted; the published archives are not")
    if tops and (path.parts[0] not in tops or len(path.parts) == 1):
        raise UnpackError(f"{archive}: expected files in {' and '.join(tops)} only, got {name!r}; a different archive?")
    return name


def _move(staging: Path, folder: Path) -> None:
    """Move everything in ``staging`` to the same place in ``folder``, whole folders where they are new."""
    for child in sorted(staging.iterdir()):
        target = folder / child.name
        if child.is_dir() and target.is_dir():
            _move(child, target)
        else:
            os.replace(child, target)
