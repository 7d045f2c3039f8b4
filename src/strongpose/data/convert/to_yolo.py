"""YOLO-pose labels written: one text file a photo, one line a person, normalised coordinates (0 to 1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from strongpose._util.atomic_write import write_atomically
from strongpose._util.lines import Say, counted, unheard
from strongpose.exceptions import ConversionError

__all__ = ["Written", "write_yolo"]

_ELSEWHERE = re.compile(r"[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]*://")  # a drive of Windows, or an address


class Written(NamedTuple):
    """How many people have a line in the label files, and how many labelled keypoints these hold."""

    people: int
    keypoints: int


def write_yolo(data: dict[str, Any], folder: Path, say: Say = unheard) -> Written:
    """Write a label file for each photo, empty where nobody is.

    YOLO knows no ignore regions, so crowds are left out. Boxes are cut off at the photo's border, and keypoints
    outside of the photo become unlabelled. Visibilities become YOLO's 0, 1 and 2: more than 2, and confidences between
    them, are labelled and count as visible.

    Args:
        data: COCO keypoint annotations with one category, as the converters of this package return them.
        folder: where to; subfolders as in the photos' file names.
        say: told how many people are left out, as they have no box in the photo.

    Returns:
        How much was written.

    Raises:
        ConversionError: if two photos would share a label file, or one lies elsewhere than in the photos' folder.
        OSError: if a file cannot be written.
    """
    lines: dict[Any, list[str]] = {image["id"]: [] for image in data["images"]}
    labelled = left_out = 0
    sizes = {image["id"]: (float(image["width"]), float(image["height"])) for image in data["images"]}
    for person in data["annotations"]:
        if not person.get("iscrowd"):
            size = sizes[person["image_id"]]
            box = _box(person["bbox"], size)
            if box is None:
                left_out += 1
            else:
                rows = _keypoints(person, size, len(data["categories"][0]["keypoints"]))
                lines[person["image_id"]].append(_line(box, rows))
                labelled += int((rows[:, 2] > 0).sum())
    targets: dict[PurePosixPath, str] = {}
    for image in data["images"]:
        target = _label_of(image["file_name"])
        if target in targets:
            raise ConversionError(f"{image['file_name']} and {targets[target]} would share the label file {target}")
        targets[target] = image["file_name"]
    for image, target in zip(data["images"], targets, strict=True):
        write_atomically(folder / target, "".join(f"{line}\n" for line in lines[image["id"]]))
    if left_out:
        people = counted(left_out, "person", "people")
        say(f"{folder}: left out {people} whose box is empty or lies outside of the photo")
    return Written(sum(map(len, lines.values())), labelled)


def _label_of(name: str) -> PurePosixPath:
    """Where the label file of a photo lies; a backslash is Windows' sign between folders."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or _ELSEWHERE.match(name):
        raise ConversionError(
            f"photo {name!r:.200} does not lie in the photos' folder; give file names relative to that folder"
        )
    return path.with_suffix(".txt")


def _box(box: Sequence[float], size: tuple[float, float]) -> np.ndarray | None:
    """Centre and size of the part of a box that lies in the photo, as shares of it; None if there is none."""
    scale = np.array(size)
    x, y, w, h = box
    low, high = np.clip([[x, y], [x + w, y + h]], 0, scale) / scale
    return None if (high <= low).any() else np.concatenate([(low + high) / 2, high - low])


def _keypoints(person: dict[str, Any], size: tuple[float, float], count: int) -> np.ndarray:
    """(K, 3) normalised coordinates and visibility 0, 1 or 2; all 0 where a keypoint is not labelled, or outside."""
    rows = np.array(person.get("keypoints") or [0] * (3 * count), dtype=np.float64).reshape(-1, 3)
    rows[:, :2] /= size
    labelled = (rows[:, 2] > 0) & ((rows[:, :2] >= 0) & (rows[:, :2] <= 1)).all(1)
    rows[:, 2] = np.where(rows[:, 2] == 1, 1, 2)
    return np.where(labelled[:, None], rows, 0)


def _line(box: np.ndarray, rows: np.ndarray) -> str:
    keypoints = [f"{x:.6f} {y:.6f} {v:.0f}" for x, y, v in rows]
    return " ".join(["0", *(f"{value:.6f}" for value in box), *keypoints])
