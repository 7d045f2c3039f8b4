"""What a job works on: photos in folders, Parquet files or tar shards, divided into parts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from strongpose._util.lines import printable
from strongpose.exceptions import BatchError
from strongpose.images.folders import files_below, is_other_picture, is_photo_name, only_videos
from strongpose.images.results import is_result

__all__ = ["InputKind", "Part", "plan_parts"]

InputKind = Literal["photos", "parquet", "tar"]
"""Photo files in a folder and the folders in it; rows of Parquet files; members of tar files (WebDataset)."""

_TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz")


@dataclass(frozen=True)
class Part:
    """Some photos of the input, and the file that will hold their poses.

    Attributes:
        number: from 0, in the order of the input.
        path: of a Parquet file with photos or their paths in its rows, or of a tar file.
        first: first row of the Parquet file; 0 for a tar file.
        rows: number of rows; 0 for a tar file, which is always read to its end.
    """

    number: int
    path: str
    first: int = 0
    rows: int = 0

    @property
    def name(self) -> str:
        """File name of the part's output."""
        return f"part-{self.number:06d}.parquet"


class _LeftOut:
    """How many files were left out for a reason, and the first of them."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.count, self.first = 0, ""

    def add(self, path: str) -> None:
        self.first = self.first or path
        self.count += 1

    def __str__(self) -> str:
        more = "" if self.count == 1 else f" and {self.count - 1} more"
        return f"{printable(self.first)}{more}: left out ({self.reason})"


def plan_parts(
    source: Path,
    output: Path,
    listing: Path,
    part_size: int,
    column: str,
    kind: InputKind | None = None,
    tell: Callable[[str], object] = lambda line: None,
) -> tuple[InputKind, list[Part]]:
    """Divide an input into parts.

    Args:
        source: a folder, a Parquet file or a tar file. Folders are searched to the bottom, in the order of names;
            links to folders are not followed, and what is hidden is left out.
        output: folder of the results, which is left out of the search.
        listing: where the names of photo files, relative to ``source``, are written, a row each: in memory there
            are never more than those of a part and a folder.
        part_size: photos in a part; a tar file is always one part.
        column: of Parquet files, with paths or bytes.
        kind: what to take of a folder; left out, what there is, if it is one kind.
        tell: called with a line about what was left out of a folder of photos, if anything was.

    Returns:
        The kind of input, and its parts.

    Raises:
        BatchError: if there is no input, it is of several kinds, or a Parquet file does not fit.
        OSError: if ``listing`` cannot be written.
    """
    if not source.exists():
        raise BatchError(f"{source}: no such file or folder; check the path")
    if source.is_dir():
        photos, shards, left_out = _search(source, output, listing, part_size, kind)
    else:
        photos, shards, left_out = 0, {"parquet": [], "tar": []}, ()
        found = _kind_of(source.name)
        if found not in shards:
            raise BatchError(f"{source}: expected a folder, a .parquet file or a .tar file")
        shards[found].append(str(source))
    counts = {"photos": photos, **{name: len(paths) for name, paths in shards.items()}}
    kinds = [name for name, count in counts.items() if count and kind in (None, name)]
    if not kinds:
        if videos := only_videos(source):
            raise BatchError(videos)
        why = "".join(f"; {line}" for line in left_out)
        raise BatchError(f"{source}: holds no {kind or 'photos, Parquet files or tar files'}{why}; check the path")
    if len(kinds) > 1:
        listed = " and ".join(f"{counts[name]} of kind {name}" for name in kinds)
        raise BatchError(f"{source}: holds files of several kinds ({listed}); say which with --kind")
    if kinds[0] == "tar":
        return "tar", [Part(number, path) for number, path in enumerate(shards["tar"])]
    if kinds[0] == "photos":
        for line in left_out:
            tell(line)
        return "photos", list(_ranges([str(listing)], part_size))
    for path in shards["parquet"]:
        _check_column(path, column)
    parts = list(_ranges(shards["parquet"], part_size))
    if not parts:
        raise BatchError(f"{source}: the Parquet files have no rows")
    return "parquet", parts


def _kind_of(name: str) -> InputKind | None:
    if is_photo_name(name):
        return "photos"
    name = name.lower()
    if name.endswith(".parquet"):
        return "parquet"
    return "tar" if name.endswith(_TAR_SUFFIXES) else None


def _search(
    folder: Path, output: Path, listing: Path, part_size: int, kind: InputKind | None
) -> tuple[int, dict[str, list[str]], tuple[str, ...]]:
    """Write ``listing``; returns the number of photos in it, Parquet and tar files, and what was left out."""
    shards: dict[str, list[str]] = {"parquet": [], "tar": []}
    schema, total = pa.schema([("path", pa.string())]), 0
    names: list[str] = []
    results, others = _LeftOut("results of earlier runs"), _LeftOut("pictures of kinds that are not opened")
    temporary = listing.with_name(f".{listing.name}")
    with ExitStack() as stack:
        writer = stack.enter_context(pq.ParquetWriter(temporary, schema, compression="zstd"))

        def write() -> None:
            writer.write_table(pa.table({"path": names}, schema))
            names.clear()

        for path in map(str, files_below(folder, _fail, output)):
            found = _kind_of(path)
            if is_other_picture(path):
                others.add(path)
            elif found == "photos" and is_result(Path(path)):
                results.add(path)
            elif found == "photos" and kind in (None, "photos"):
                # A name that is no UTF-8 cannot be written; its row will say that there is no such file.
                names.append(os.path.relpath(path, folder).encode("utf-8", "backslashreplace").decode())
                total += 1
                if len(names) == part_size:
                    write()
            elif found in shards:
                shards[found].append(path)
        if names:
            write()
    os.replace(temporary, listing)
    return total, shards, tuple(str(part) for part in (results, others) if part.count)


def _fail(error: OSError) -> None:
    raise BatchError(f"{error.filename}: the folder cannot be read ({error.strerror}); check its permissions")


def _check_column(path: str, column: str) -> None:
    schema = _opened(path).schema_arrow
    if column not in schema.names:
        raise BatchError(f"{path}: has no column {column!r} but {', '.join(schema.names)}; name one with --column")
    kind = schema.field(column).type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or _is_binary(kind)):
        raise BatchError(f"{path}: column {column!r} holds {kind}, expected paths (string) or photos (binary)")


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _opened(path: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise BatchError(f"{path}: not a Parquet file, or damaged ({error}); copy it again") from error


def _ranges(paths: list[str], part_size: int) -> Iterator[Part]:
    """Parts of up to ``part_size`` rows of Parquet files."""
    number = 0
    for path in paths:
        total = _opened(path).metadata.num_rows
        for first in range(0, total, part_size):
            yield Part(number, path, first, min(part_size, total - first))
            number += 1
