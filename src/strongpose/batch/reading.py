"""The photos of a part, one after the other: names, and paths, addresses or bytes."""

from __future__ import annotations

import lzma
import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from strongpose.batch.job import Job
from strongpose.batch.plan import Part
from strongpose.exceptions import BatchError, ImageError
from strongpose.images import MAX_BYTES
from strongpose.images.folders import is_hidden, is_photo_name
from strongpose.images.results import is_drawing

__all__ = ["Found", "load", "read_part"]

_ROWS = 16
"""Rows of a Parquet file that are in memory at a time, as they may hold whole photos."""

_DAMAGED = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError)


class Found(NamedTuple):
    """A photo of the input: its name, and where it is, its bytes, or why it cannot be had."""

    key: str
    source: Path | str | bytes | ImageError


def read_part(job: Job, part: Part) -> Iterator[Found]:
    """The photos of a part, in order; in memory are a few at a time.

    A damaged tar file gives the photos before the damage, then an error under the name of the file.

    Raises:
        BatchError: if a Parquet file is not what it was when the job was planned.
        OSError: if a file cannot be read.
    """
    return _tar_members(job, part) if job.kind == "tar" else _parquet_rows(job, part)


def load(source: Path | str | bytes | ImageError) -> Path | bytes:
    """What `strongpose.images.open_image` opens: addresses such as s3://bucket/photo.jpg are fetched.

    Raises:
        ImageError: if there is nothing at the address, or ``source`` is an error.
    """
    if isinstance(source, ImageError):
        raise source
    if not isinstance(source, str):
        return source
    from pyarrow import fs

    try:
        system, path = fs.FileSystem.from_uri(source)
        with system.open_input_stream(path) as stream:
            data: bytes = stream.read(MAX_BYTES + 1)
    except (OSError, pa.ArrowException) as error:
        raise ImageError(f"{source}: cannot be fetched ({error}); check the address") from error
    if len(data) > MAX_BYTES:
        raise ImageError(f"{source}: more than the {MAX_BYTES / 1e6:.0f} MB that are read; save it smaller")
    return data


def _parquet_rows(job: Job, part: Part) -> Iterator[Found]:
    own_listing = job.kind == "photos"
    column, root = ("path", Path(job.input)) if own_listing else (job.column, Path(part.path).parent)
    columns = [column] if own_listing or not job.key else [column, job.key]
    try:
        file = pq.ParquetFile(part.path, pre_buffer=False, buffer_size=1 << 20)
        if file.metadata.num_rows < part.first + part.rows:
            raise BatchError(f"{part.path}: has {file.metadata.num_rows} rows, there were more; begin a new job")
        groups, row = _groups(file.metadata, part)
        for batch in file.iter_batches(_ROWS, row_groups=groups, columns=columns, use_threads=False):
            for values in zip(*(batch.column(name).to_pylist() for name in columns), strict=True):
                if part.first <= row < part.first + part.rows:
                    place = f"{_shown(job, part.path)}#{row}"
                    yield _found(values[0], values[1] if len(columns) > 1 else None, place, root)
                row += 1
            if row >= part.first + part.rows:
                return
    except pa.ArrowException as error:
        raise BatchError(f"{part.path}: cannot be read ({error}); copy it again") from error


def _groups(metadata: pq.FileMetaData, part: Part) -> tuple[list[int], int]:
    """The row groups in which a part lies, and the number of the first row of the first of them."""
    groups: list[int] = []
    start = row = 0
    for group in range(metadata.num_row_groups):
        end = row + metadata.row_group(group).num_rows
        if row < part.first + part.rows and end > part.first:
            start = start if groups else row
            groups.append(group)
        row = end
    return groups, start


def _found(value: str | bytes | None, key: object, place: str, root: Path) -> Found:
    """A row's photo; ``place`` names it where neither ``key`` nor a path does."""
    name = None if key is None else str(key)
    if not value:
        return Found(name or place, ImageError(f"{place}: the row holds no photo"))
    if isinstance(value, bytes):
        return Found(name or place, value)
    return Found(name or value, value if "://" in value else root / value)


def _tar_members(job: Job, part: Part) -> Iterator[Found]:
    shard = _shown(job, part.path)
    try:
        with tarfile.open(part.path, "r:*") as tar:
            while (member := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # tarfile keeps them all
                if not (member.isfile() and is_photo_name(member.name)) or any(
                    map(is_hidden, PurePosixPath(member.name).parts)
                ):
                    continue
                key = f"{shard}/{member.name}"
                if member.size > MAX_BYTES:
                    yield Found(key, ImageError(f"{key}: more than the {MAX_BYTES / 1e6:.0f} MB that are read"))
                    continue
                content = tar.extractfile(member)
                data = content.read() if content else b""
                if not is_drawing(member.name, data):
                    yield Found(key, data)
            _check_end(tar)
    except _DAMAGED as error:
        reason = str(error).splitlines()[0].rstrip(":")
        yield Found(shard, ImageError(f"{part.path}: damaged or cut short after this point ({reason}); copy it again"))


def _check_end(tar: tarfile.TarFile) -> None:
    """Raise at a damaged header, which tarfile takes for the end; at the true end there are zeros, or nothing."""
    assert tar.fileobj is not None
    tar.fileobj.seek(tar.offset)  # type: ignore[attr-defined]
    if tar.fileobj.read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise tarfile.ReadError("damaged header")


def _shown(job: Job, path: str) -> str:
    """A file of the input relative to its folder."""
    return os.path.basename(path) if path == job.input else os.path.relpath(path, job.input)
