"""Finding photos: in folders and by patterns, without what only looks like one."""

from __future__ import annotations

import glob
import itertools
import mimetypes
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from strongpose._util.lines import printable
from strongpose.images.results import is_result, place_of

__all__ = [
    "OTHER_SUFFIXES",
    "SUFFIXES",
    "VIDEO_SUFFIXES",
    "Found",
    "files_below",
    "first_names",
    "is_hidden",
    "is_other_picture",
    "is_photo_name",
    "is_video_name",
    "only_videos",
    "photos_below",
    "photos_in",
    "photos_named",
]

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".jif", ".mpo", ".png", ".apng", ".webp", ".avif", ".avifs"),
    *(".heic", ".heif", ".hif", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    *(".pjpeg", ".pjp", ".jpg_large"),
)
"""File name endings that count as photos in a folder, in any case, also with blanks behind them."""
OTHER_SUFFIXES = (
    *(".3fr", ".ai", ".arw", ".bpg", ".cr2", ".cr3", ".crw", ".dcr", ".dds", ".djvu", ".dng", ".emf", ".eps", ".erf"),
    *(".exr", ".fff", ".flif", ".hdr", ".icns", ".ico", ".iiq", ".j2c", ".j2k", ".jls", ".jp2", ".jpc", ".jpf", ".jpm"),
    *(".jpx", ".jxl", ".jxr", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pam", ".pcx", ".pef", ".pict"),
    *(".psb", ".psd", ".qoi", ".raf", ".ras", ".raw", ".rw2", ".rwl", ".sgi", ".sr2", ".srf", ".srw", ".svg", ".svgz"),
    *(".tga", ".wdp", ".wmf", ".x3f", ".xbm", ".xcf", ".xpm"),
)
"""File name endings of pictures that are not opened, in any case."""
VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".qt", ".mkv", ".webm", ".avi", ".divx", ".wmv", ".asf", ".flv", ".f4v", ".mpg"),
    *(".mpeg", ".mpe", ".m2v", ".vob", ".ts", ".mts", ".m2ts", ".3gp", ".3g2", ".ogv", ".ogm", ".mxf", ".dv"),
    *(".mjpeg", ".mjpg", ".y4m", ".ivf", ".h264", ".264", ".h265", ".265", ".hevc"),
)
"""File name endings that count as videos in a folder, in any case."""

_FOR_COMPUTERS = (
    *("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information"),
    *("lost+found", "@eadir", "@recycle", "#recycle", "#snapshot"),
)
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"II*\0", b"MM\0*")
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
        unnamed: pictures by their first bytes, whose names do not end like those of photos.
        subfolders: of the photos in a folder that was searched to the bottom, where below it they lie: "day1/beach".
    """

    photos: tuple[Path, ...] = ()
    results: tuple[Path, ...] = ()
    other_pictures: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()
    unnamed: tuple[Path, ...] = ()
    subfolders: Mapping[Path, Path] = field(default_factory=dict)

    @classmethod
    def all_of(cls, parts: Iterable[Found]) -> Found:
        """What was found in several places, each file once, by whichever way it is named first."""
        parts = list(parts)

        def joined(name: str) -> tuple[Path, ...]:
            first: dict[str, Path] = {}
            for part in parts:
                for path in getattr(part, name):
                    first.setdefault(place_of(path), path)
            return tuple(first.values())

        first: dict[Path, Found] = {}
        for part in parts:
            for path in part.photos:
                first.setdefault(path, part)
        photos = joined("photos")
        below = {path: first[path].subfolders[path] for path in photos if path in first[path].subfolders}
        return cls(photos, joined("results"), joined("other_pictures"), joined("folders"), joined("unnamed"), below)

    @property
    def left_out(self) -> tuple[str, ...]:
        """What was left out and why, a text for each reason, with the first names."""
        return tuple(
            f"{len(paths)} {one if len(paths) == 1 else many} ({first_names(paths)})"
            for one, many, paths in (
                ("result of an earlier run", "results of earlier runs", self.results),
                ("picture of a kind that is not opened", "pictures of kinds that are not opened", self.other_pictures),
                ("sub-folder with photos", "sub-folders with photos", self.folders),
                ("picture whose name does not say so", "pictures whose names do not say so", self.unnamed),
            )
            if paths
        )


def is_hidden(name: str | PurePath) -> bool:
    """Whether a file or folder is of the kind that systems hide, such as .DS_Store and a Mac's ._photo.jpg."""
    name = PurePath(name).name
    return (name.startswith(".") and name != "..") or name.lower() in _FOR_COMPUTERS


def is_photo_name(name: str | PurePath) -> bool:
    """Whether a file counts as a photo by its name alone."""
    return not is_hidden(name) and _suffix(name) in SUFFIXES


def is_other_picture(name: str | PurePath) -> bool:
    """Whether a file is a picture of a format that is not opened, by its name alone."""
    return not is_hidden(name) and _suffix(name) in OTHER_SUFFIXES


def is_video_name(name: str | PurePath) -> bool:
    """Whether a file is a video, by its name alone."""
    return not is_hidden(name) and _suffix(name) in VIDEO_SUFFIXES


def only_videos(folder: Path) -> str | None:
    """What to say of a folder in which photos were looked for and none found, if it holds videos; else None.

    Raises:
        OSError: if the folder cannot be read.
    """
    if folder.is_dir() and any(map(is_video_name, folder.iterdir())):
        return f"{folder}: holds videos, and no photo; `strongpose video` tracks the people in them"
    return None


def _suffix(name: str | PurePath) -> str:
    return PurePath(name).suffix.rstrip().lower()


def photos_in(folder: Path, recursive: bool = False, leave_out: Path | None = None) -> Found:
    """The photos in a folder, without those in the folders in it unless they are asked for or the only ones.

    Args:
        folder: where to look.
        recursive: whether to search the folders in it to the bottom, too; where it holds no photo itself they are
            searched anyway. Links to folders are not followed.
        leave_out: a folder below that is not searched, such as that of the results.

    Raises:
        OSError: if a folder cannot be read.
    """
    found = _photos_in(folder)
    if not (recursive or (found.folders and not found.photos)):
        return found
    skipped = None if leave_out is None else leave_out.resolve()
    parts = [found, *_searched(folder, skipped)]
    joined = Found.all_of(parts)
    links = tuple(path for path in joined.folders if path.is_symlink())
    below = {path: path.parent.relative_to(folder) for path in joined.photos}
    return replace(joined, folders=links, subfolders=below)


def _searched(folder: Path, skipped: Path | None) -> Iterator[Found]:
    """What is in each of the folders in a folder, to the bottom."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink() and not is_hidden(path) and path.resolve() != skipped:
            yield _photos_in(path)
            yield from _searched(path, skipped)


def _photos_in(folder: Path) -> Found:
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
        tuple(path for path in files if _is_unnamed_picture(path)),
    )


def _is_unnamed_picture(path: Path) -> bool:
    """Whether a file with an ending that says nothing, or without one, begins like a picture."""
    suffix = _suffix(path)
    if suffix in (*SUFFIXES, *OTHER_SUFFIXES) or suffix in mimetypes.types_map:
        return False
    try:
        if not path.is_file():  # a pipe would wait for ever
            return False
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return head.startswith(_BEGINNINGS) or (head[:4], head[8:]) == (b"RIFF", b"WEBP")


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


def photos_named(argument: str, recursive: bool = False, leave_out: Path | None = None) -> Found:
    """The photos that an argument of a command names: itself, those in a folder, or those that fit a pattern.

    What is named by itself or by a pattern may be called anything; shells put the names in the place of patterns, so
    results are left out there, too. Folders in front of a pattern that exist may have brackets in their names.

    Args:
        argument: of the command.
        recursive: see `photos_in`, as is ``leave_out``.
        leave_out: a folder that is not searched.

    Raises:
        OSError: if a folder cannot be read.
    """
    path = Path(argument)
    if path.is_dir():
        return photos_in(path, recursive, leave_out)
    if path.exists():
        files = [path]
    else:
        asked = set(path.parts)
        matches = map(Path, sorted(glob.glob(_pattern(path), recursive=True)))
        files = [
            match
            for match in matches
            if match.is_file() and not any(is_hidden(part) for part in match.parts if part not in asked)
        ]
    results = {file for file in files if is_result(file)}
    return Found(tuple(file for file in files if file not in results), tuple(sorted(results)))


def _pattern(path: Path) -> str:
    """A pattern for `glob` whose first folders, as far as they exist, are called just so: brackets are no signs."""
    for folder in path.parents:
        if folder.is_dir():
            return os.path.join(glob.escape(str(folder)), *path.relative_to(folder).parts)
    return str(path)


def first_names(paths: Sequence[Path]) -> str:
    """The names of the first few of some files, with commas."""
    names = ", ".join(printable(path.name) for path in paths[:_MOST_NAMES])
    return names if len(paths) <= _MOST_NAMES else f"{names}, …"
