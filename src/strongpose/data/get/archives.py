"""Getting a data set's archives: what is missing, whether it fits on the disk, download, unpack, and note it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from strongpose._util.atomic_write import write_atomically
from strongpose.data.get.download import RemoteFile, download, look_up, md5_of
from strongpose.data.get.published import Archive
from strongpose.data.get.unpack import unpack, unpacked_size
from strongpose.exceptions import DownloadError

__all__ = ["Plan", "get_archive", "is_complete", "plan"]

_SPARE = 100_000_000  # bytes that stay free


@dataclass(frozen=True)
class Plan:
    """What is left to do.

    Attributes:
        missing: archives to download or unpack, with what the server says of each; None where it is on the disk.
        bytes_to_load: what has to come over the network, as far as the server says.
        bytes_on_disk: the most that is needed at any moment, roughly.
    """

    missing: list[tuple[Archive, RemoteFile | None]]
    bytes_to_load: int
    bytes_on_disk: int


def plan(archives: Sequence[Archive], folder: Path, url: str, keep: bool = False) -> Plan:
    """Find out what is missing and whether there is room for it, before anything is downloaded.

    Args:
        archives: those wanted.
        folder: where the data set is to lie.
        url: where the archives' paths begin.
        keep: whether archives stay after they were unpacked.

    Raises:
        DownloadError: if an archive is not on the server, or the disk has too little room.
    """
    missing: list[tuple[Archive, RemoteFile | None]] = []
    to_load = unpacked = most = kept = 0
    for archive in archives:
        if is_complete(archive, folder):
            continue
        here = folder / archive.name
        remote = None if here.is_file() else look_up(f"{url.rstrip('/')}/{archive.path}")
        missing.append((archive, remote))
        part = folder / f"{archive.name}.part"
        size = here.stat().st_size if remote is None else remote.size or 0
        left = 0 if remote is None else max(0, size - (part.stat().st_size if part.is_file() else 0))
        to_load += left
        unpacked += round(size * archive.swelling)
        most = max(most, kept + left + unpacked)
        kept += left if keep else -(size - left)  # what is there already becomes free
    _check_room(folder, most if missing else 0, "the download and its files")
    return Plan(missing, to_load, most)


def get_archive(
    archive: Archive,
    folder: Path,
    url: str,
    loading: Callable[[int, int | None], None],
    unpacking: Callable[[int, int], None],
    keep: bool = False,
) -> str:
    """Download an archive, unless it lies in the folder, unpack it, and note that it is complete.

    Args:
        archive: which.
        folder: where the data set is to lie.
        url: where the archive's path begins.
        loading: called with the bytes that are there and, where the server says it, their total.
        unpacking: called with the number of files that are unpacked and their total.
        keep: leave the archive there.

    Returns:
        How its content was checked, for people.

    Raises:
        DownloadError: if it cannot be downloaded, there is no room, or it is not the published one.
        strongpose.exceptions.UnpackError: if it is damaged or would write elsewhere.
        OSError: if the folder cannot be written.
    """
    path = folder / archive.name
    source = f"{url.rstrip('/')}/{archive.path}"
    if path.is_file():
        if archive.md5 is not None and (got := md5_of(path)) != archive.md5:
            raise DownloadError(
                f"{path}: expected MD5 {archive.md5}, got {got}; this is not the published archive, or it is damaged: "
                "remove it and run the command again"
            )
    else:
        download(source, path, archive.md5, loading)
    size = path.stat().st_size
    _check_room(folder, unpacked_size(path), f"the files of {archive.name}")
    into = folder / archive.into
    files = unpack(path, into, archive.tops, unpacking)
    checked = f"{size:,} bytes, CRC-32 of {len(files):,} files" + (f", MD5 {archive.md5}" if archive.md5 else "")
    note = {"source": source, "size": size, "md5": archive.md5, "files": files}
    write_atomically(_note(archive, folder), json.dumps(note))
    if not keep:
        path.unlink()
    return checked if archive.md5 else f"{checked}; no checksum of the archive is published"


def is_complete(archive: Archive, folder: Path) -> bool:
    """Whether all files of an archive lie in the folder, with the sizes that they had when they were unpacked."""
    try:
        files = json.loads(_note(archive, folder).read_text(encoding="utf-8"))["files"]
        return all((folder / archive.into / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError, KeyError):
        return False


def _note(archive: Archive, folder: Path) -> Path:
    return folder / f".{archive.name}.json"


def _check_room(folder: Path, needed: int, what: str) -> None:
    there = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(there).free
    if needed and free < needed + _SPARE:
        raise DownloadError(
            f"{folder}: {what} need about {needed / 1e9:.1f} GB, but only {free / 1e9:.1f} GB are free; make room, "
            "name another --out, or ask for fewer --parts"
        )
