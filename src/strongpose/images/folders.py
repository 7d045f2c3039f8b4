"""Finding photos: in folders and by patterns, without what only looks like one."""

from __future__ import annotations

import glob
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from strongpose.images.errors import printable
from strongpose.images.results import is_result, place_of

__all__ = [
    "OTHER_SUFFIXES",
    "SUFFIXES",
    "Found",
    "files_below",
    "first_names",
    "is_hidden",
    "is_other_picture",
    "is_photo_name",
    "photos_below",
    "photos_in",
    "photos_named",
]

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".jif", ".mpo", ".png", ".apng", ".webp", ".avif", ".avifs"),
    *(".heic", ".heif", ".hif", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
)
"""File name endings that count as photos in a folder, in any case."""
OTHER_SUFFIXES = (
    *(".3fr", ".ai", ".arw", ".bpg", ".cr2", ".cr3", ".crw", ".dcr", ".dds", ".djvu", ".dng", ".emf", ".eps", ".erf"),
    *(".exr", ".fff", ".flif", ".hdr", ".icns", ".ico", ".iiq", ".j2c", ".j2k", ".jls", ".jp2", ".jpc", ".jpf", ".jpm"),
    *(".jpx", ".jxl", ".jxr", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pam", ".pcx", ".pef", ".pict"),
    *(".psb", ".psd", ".qoi", ".raf", ".ras", ".raw", ".rw2", ".rwl", ".sgi", ".sr2", ".srf", ".srw", ".svg", ".svgz"),
    *(".tga", ".wdp", ".wmf", ".x3f", ".xbm", ".xcf", ".xpm"),
)
"""File name endings of pictures that are not opened, in any case."""

_FOR_COMPUTERS = ("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini")
_MOST_NAMES = 3
_MOST_SEEN = 10_000  # files, in a folder that is not searched


@dataclass(frozen=True)
class Found:
    """Photos, and what was left out where they were looked for.

    Attributes:
        photos: to be opened, in the order of their names.
        results: what ``strongpose predict`` wrote there before.
        other_pictures: of formats that are not opened.
        folders: that hold photos, and were not searched.
    """

    photos: tuple[Path, ...] = ()
    results: tuple[Path, ...] = ()
    other_pictures: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()

    @classmethod
    def all_of(cls, parts: Iterable[Found]) -> Found:
        """What was found in several places, each file once, by whichever way it is named first."""
        parts = list(parts)

        def joined(field: str) -> tuple[Path, ...]:
            first: dict[str, Path] = {}
            for part in parts:
                for path in getattr(part, field):
                    first.setdefault(place_of(path), path)
            return tuple(first.values())

        return cls(*map(joined, cls.__dataclass_fields__))

    @property
    def left_out(self) -> tuple[str, ...]:
        """What was left out and why, a text for each reason, with the first names."""
        return tuple(
            f"{len(paths)} {one if len(paths) == 1 else many} ({first_names(paths)})"
            for one, many, paths in (
                ("result of an earlier run", "results of earlier runs", self.results),
                ("picture of a kind that is not opened", "pictures of kinds that are not opened", self.other_pictures),
                ("sub-folder with photos", "sub-folders with photos", self.folders),
            )
            if paths
        )


def is_hidden(name: str | PurePath) -> bool:
    """Whether a file or folder is of the kind that systems hide, such as .DS_Store and a Mac's ._photo.jpg."""
    name = PurePath(name).name
    return (name.startswith(".") and name != "..") or name.lower() in _FOR_COMPUTERS


def is_photo_name(name: str | PurePath) -> bool:
    """Whether a file counts as a photo by its name alone."""
    return not is_hidden(name) and PurePath(name).suffix.lower() in SUFFIXES


def is_other_picture(name: str | PurePath) -> bool:
    """Whether a file is a picture of a format that is not opened, by its name alone."""
    return not is_hidden(name) and PurePath(name).suffix.lower() in OTHER_SUFFIXES


def photos_in(folder: Path) -> Found:
    """The photos in a folder, but not those in the folders in it.

    Raises:
        OSError: if the folder cannot be read.
    """
    files: list[Path] = []
    folders: list[Path] = []
    for path in sorted(folder.iterdir()):
        if is_hidden(path):
            continue
        (folders if path.is_dir() else files).append(path)  # links that lead nowhere are told when they are opened
    photos = [path for path in files if is_photo_name(path)]
    results = {path for path in photos if is_result(path)}
    return Found(
        tuple(path for path in photos if path not in results),
        tuple(sorted(results)),
        tuple(path for path in files if is_other_picture(path)),
        tuple(path for path in folders if _has_photos(path)),
    )


def _has_photos(folder: Path) -> bool:
    """Whether there are photos below, as far as can be told fast."""
    some = itertools.islice(files_below(folder), _MOST_SEEN)
    return any(is_photo_name(path) and not is_result(path) for path in some)


def photos_below(folder: Path) -> Iterator[Path]:
    """The photos in a folder and in all folders in it, in the order of names; links to folders are not followed."""
    return (path for path in files_below(folder) if is_photo_name(path) and not is_result(path))


def files_below(
    folder: Path, fail: Callable[[OSError], object] | None = None, leave_out: Path | None = None
) -> Iterator[Path]:
    """The files in a folder and in all folders in it that are not hidden.

    They come in the order of names, those of a folder before those of the folders in it; links to folders are not
    followed.

    Args:
        folder: where to begin.
        fail: called with the error of a folder that cannot be read; left out, it counts as empty.
        leave_out: a folder that is not searched.
    """
    skipped = None if leave_out is None else leave_out.resolve()
    for here, folders, names in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        if skipped is not None:
            folders[:] = [name for name in folders if Path(here, name).resolve() != skipped]
        yield from (Path(here, name) for name in sorted(names) if not is_hidden(name))


def photos_named(argument: str) -> Found:
    """The photos that an argument of a command names: itself, those in a folder, or those that fit a pattern.

    What is named by itself or by a pattern may be called anything; shells put the names in the place of patterns, so
    results are left out there, too.

    Raises:
        OSError: if a folder cannot be read.
    """
    path = Path(argument)
    if path.is_dir():
        return photos_in(path)
    if path.exists():
        files = [path]
    else:
        asked = set(path.parts)
        matches = map(Path, sorted(glob.glob(argument, recursive=True)))
        files = [
            match
            for match in matches
            if match.is_file() and not any(is_hidden(part) for part in match.parts if part not in asked)
        ]
    results = {file for file in files if is_result(file)}
    return Found(tuple(file for file in files if file not in results), tuple(sorted(results)))


def first_names(paths: Sequence[Path]) -> str:
    """The names of the first few of some files, with commas."""
    names = ", ".join(printable(path.name) for path in paths[:_MOST_NAMES])
    return names if len(paths) <= _MOST_NAMES else f"{names}, …"
