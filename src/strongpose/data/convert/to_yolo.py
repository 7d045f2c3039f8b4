"""YOLO-pose labels written: one text file a photo, one line a person, coordinates as shares of the photo."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from strongpose.data.convert.dataset import ConversionError
from strongpose.files import write_whole

__all__ = ["write_yolo"]


def write_yolo(data: dict[str, Any], folder: Path) -> int:
    """Write a label file for each photo, empty where nobody is.

    YOLO knows no regions to ignore, so crowds are left out. Boxes are cut off at the photo's border, and keypoints
    outside of the photo become unlabelled.

    Args:
        data: COCO keypoint annotations with one category, as the converters of this package return them.
        folder: where to; subfolders as in the photos' file names.

    Returns:
        The number of people written.

    Raises:
        ConversionError: if two photos would share a label file.
        OSError: if a file cannot be written.
    """
    lines: dict[Any, list[str]] = {image["id"]: [] for image in data["images"]}
    sizes = {image["id"]: (float(image["width"]), float(image["height"])) for image in data["images"]}
    for person in data["annotations"]:
        if not person.get("iscrowd"):
            line = _line(person, sizes[person["image_id"]], len(data["categories"][0]["keypoints"]))
            lines[person["image_id"]] += [line] if line else []
    targets: dict[PurePosixPath, str] = {}
    for image in data["images"]:
        target = PurePosixPath(image["file_name"]).with_suffix(".txt")
        if target.is_absolute() or ".." in target.parts:
            raise ConversionError(f"photo {image['file_name']!r} does not lie in the photos' folder")
        if target in targets:
            raise ConversionError(f"{image['file_name']} and {targets[target]} would share the label file {target}")
        targets[target] = image["file_name"]
    for image, target in zip(data["images"], targets, strict=True):
        write_whole(folder / target, "".join(f"{line}\n" for line in lines[image["id"]]))
    return sum(map(len, lines.values()))


def _line(person: dict[str, Any], size: tuple[float, float], count: int) -> str | None:
    """A person's line, or None if nothing of the box lies in the photo."""
    scale = np.array(size)
    x, y, w, h = person["bbox"]
    low, high = np.clip([[x, y], [x + w, y + h]], 0, scale) / scale
    if (high <= low).any():
        return None
    rows = np.array(person.get("keypoints") or [0] * (3 * count), dtype=np.float64).reshape(-1, 3)
    rows[:, :2] /= scale
    rows[~((rows[:, 2] > 0) & ((rows[:, :2] >= 0) & (rows[:, :2] <= 1)).all(1))] = 0
    numbers = [*((low + high) / 2), *(high - low)]
    keypoints = [f"{px:.6f} {py:.6f} {v:.0f}" for px, py, v in rows]
    return " ".join(["0", *(f"{value:.6f}" for value in numbers), *keypoints])
