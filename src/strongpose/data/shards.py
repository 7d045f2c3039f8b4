"""Tar shards at addresses: an index of the photos in each, made once and kept, and the photos read by it.

Hand-written, as exact resume needs any photo of an epoch's order at once: libraries for shards, such as webdataset,
read them from beginning to end and shuffle within a buffer.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from strongpose._util.atomic_write import write_atomically
from strongpose.data.remote import RemoteFile, matching, read_part
from strongpose.exceptions import ImageError, RemoteError
from strongpose.images import MAX_BYTES, open_image

__all__ = ["RemoteShards", "ShardCache", "members_of"]

_HEADERS = 1 << 14  # bytes that are read at a time while the index is made: a header, or those of small files
_AT_ONCE = 16  # shards that are looked at at the same time


class ShardCache:
    """A folder that keeps what was read from addresses.

    Args:
        folder: for the indices of shards, and their photos; several processes may share it. None keeps nothing.
        room: bytes of photos to keep. Photos are drawn at random, so it does not matter which stay: those of the first
            shards do, until their sizes add up to this, and nothing is ever thrown away.
    """

    def __init__(self, folder: Path | None = None, room: int = 0) -> None:
        self.folder = folder
        self.room = room if folder is not None else 0

    def reserve(self, size: int) -> int:
        """How many bytes of a shard of this size there is room for; they are then taken."""
        taken = min(size, self.room)
        self.room -= taken
        return taken


class _Member(NamedTuple):
    """A photo in a shard.

    Attributes:
        shard: address.
        start: its first byte.
        size: in bytes.
        copy: where it is kept, or None.
    """

    shard: str
    start: int
    size: int
    copy: Path | None


class RemoteShards:
    """The photos in the tar shards at an address, by file name.

    Args:
        address: of the shards ``ADDRESS-*.tar`` and ``ADDRESS.tar`` on a server that lists its files; or of shards by
            name, as in ``https://host/people-{000..063}.tar``.
        cache: where the indices and photos are kept.

    Raises:
        RemoteError: if a shard cannot be had, or none is found.
        strongpose.exceptions.ImageError: if a shard is no tar archive, damaged or cut short.
    """

    def __init__(self, address: str, cache: ShardCache) -> None:
        self.address = address
        folder, _, last = address.rpartition("/")
        if last.endswith(".tar"):
            shards = list(_named(address))
            prefix = re.sub(r"-?\{.*", "", last).removesuffix(".tar")
        else:
            shards = [*matching(f"{address}-*.tar"), *matching(f"{address}.tar")]
            prefix = last
        if not shards:
            raise RemoteError(
                f"{address}-*.tar: no shards, or the server does not list its files; "
                f"name them: --images '{folder}/{last}-{{000..063}}.tar'"
            )
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(lambda shard: _index(shard, cache.folder), shards))
        self._members: dict[str, _Member] = {}
        for shard, (size, folder_of_copies, index) in zip(shards, found, strict=True):
            room = cache.reserve(size)
            for name, start, length in index:
                copy = folder_of_copies / str(start) if folder_of_copies and start + length <= room else None
                name = name.removeprefix("./").removeprefix(f"{prefix}/")
                self._members[name] = _Member(shard, start, length, copy)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def open(self, name: str) -> np.ndarray:
        """The photo as (H, W, 3) uint8 RGB.

        Raises:
            FileNotFoundError: if no shard holds it.
            strongpose.exceptions.ImageError: if it is damaged; the message names it.
            RemoteError: if its shard cannot be read.
        """
        if name not in self._members:
            raise FileNotFoundError(f"{self.address}: no photo {name!r} in its shards")
        member = self._members[name]
        return open_image(_content(member), name=f"{member.shard}:{name}")


def members_of(file: IO[bytes], name: str) -> list[tuple[str, int, int]]:
    """Name, first byte and size of every file in a tar archive; only the headers are read.

    Args:
        file: the archive, seekable.
        name: what error messages call it.

    Raises:
        strongpose.exceptions.ImageError: if it is no tar archive, damaged or cut short.
    """
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            return [(member.name, member.offset_data, member.size) for member in archive if member.isfile()]
    except (tarfile.TarError, EOFError, ValueError) as error:
        if isinstance(error, RemoteError):
            raise
        raise ImageError(f"{name}: not a tar archive, or damaged ({error}); copy it again") from error


def _content(member: _Member) -> bytes:
    """A photo's file, as far as photos are read at all."""
    shard, start, size, copy = member
    if copy is not None:
        try:
            if copy.stat().st_size == size:  # else its disk lost a part
                return copy.read_bytes()
        except OSError:
            pass  # not there yet
    data = read_part(shard, start, start + min(size, MAX_BYTES))
    if copy is not None and len(data) == size:
        try:
            write_atomically(copy, data)
        except OSError as error:
            warnings.warn(f"{copy.parent}: photos are not kept ({error.strerror}); make room there", stacklevel=2)
    return data


def _index(shard: str, folder: Path | None) -> tuple[int, Path | None, list[tuple[str, int, int]]]:
    """Size of a shard, the folder of what is kept of it, and its members."""
    file = RemoteFile(shard)
    if folder is None:
        return file.size, None, members_of(io.BufferedReader(file, _HEADERS), shard)
    about = {"shard": shard, "size": file.size, "version": file.version}
    digest = hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]
    here = folder / f"{shard.rpartition('/')[2]}-{digest}"
    note = here / "index.json"
    try:
        index = json.loads(note.read_bytes())
        if index["about"] == about:
            return file.size, here, [(str(name), int(start), int(size)) for name, start, size in index["members"]]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not there yet, or damaged
    members = members_of(io.BufferedReader(file, _HEADERS), shard)
    write_atomically(note, json.dumps({"about": about, "members": members}))
    return file.size, here, members


def _named(pattern: str) -> Iterator[str]:
    """The names that ``{000..063}`` stands for; the pattern itself if it holds no such range."""
    found = re.search(r"\{(\d+)\.\.(\d+)\}", pattern)
    if not found:
        yield pattern
        return
    first, last = found[1], found[2]
    for number in range(int(first), int(last) + 1):
        yield f"{pattern[: found.start()]}{number:0{len(first)}d}{pattern[found.end() :]}"
