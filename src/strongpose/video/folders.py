"""Finding videos in folders, without those that ``strongpose video`` drew, and names for their results."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from strongpose.images.folders import is_video_name
from strongpose.video.io.opening import local_path

__all__ = ["ENDINGS", "result_names", "videos_in"]

ENDINGS = ("mp4", "jsonl", "csv")
"""Of the results: NAME.poses.mp4 and so on."""


def videos_in(folder: Path) -> list[Path]:
    """The videos in a folder in the order of their names, but not those in the folders in it.

    What ``strongpose video`` drew is left out: NAME.poses.mp4 with NAME.poses.jsonl beside it.

    Raises:
        OSError: if the folder cannot be read.
    """
    return [
        path for path in sorted(folder.iterdir()) if is_video_name(path) and not path.is_dir() and not _is_result(path)
    ]


def result_names(sources: Sequence[str], out: Path) -> Iterator[str]:
    """For each video the NAME of its results: "street", "camera-0", or for an address "camera-live".

    They differ, also on file systems that ignore case, and no result takes the place of one of the videos.

    Args:
        sources: paths, numbers of cameras and addresses.
        out: the folder of the results.
    """
    kept = {os.path.realpath(path).casefold() for path in map(local_path, sources) if path is not None}
    taken: set[str] = set()
    for source in sources:
        name, count = _own_name(source), 1
        while name.casefold() in taken or any(
            os.path.realpath(out / f"{name}.poses.{ending}").casefold() in kept for ending in ENDINGS
        ):
            count += 1
            name = f"{_own_name(source)}-{count}"
        taken.add(name.casefold())
        yield name


def _is_result(path: Path) -> bool:
    return path.name.endswith(".poses.mp4") and path.with_suffix(".jsonl").exists()


def _own_name(source: str) -> str:
    path = local_path(source)
    if path is not None:
        return Path(path).stem
    if source.isdecimal():
        return f"camera-{source}"
    place = re.sub(r"//[^/@]*@", "//", source).split("://", 1)[1].split("?")[0]
    return re.sub(r"[^\w.-]+", "-", place).strip("-.") or "stream"
