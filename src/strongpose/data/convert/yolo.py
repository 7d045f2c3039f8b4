"""YOLO-pose labels: one text file a photo, one line a person, coordinates as shares of the photo."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from strongpose.data.convert.dataset import ConversionError, data_set, describe_person, photo_size
from strongpose.files import write_whole
from strongpose.images import SUFFIXES
from strongpose.skeleton import Skeleton

__all__ = ["read_yolo", "write_yolo"]


def read_yolo(labels: Path, images: Path | None, skeleton: Skeleton) -> dict[str, Any]:
    """A folder of label files as a data set; photos without a label file have no people.

    A line is ``class x y width height`` and K times ``x y visibility`` or ``x y``; x and y of the box are its centre,
    all are shares of the photo's width and height. Without visibilities, a keypoint at 0 0 is unlabelled. Only class
    0, people, is known. Pixels are the share times the width or height, as in the usual conversion from COCO.

    Source: https://docs.ultralytics.com/datasets/pose/. The files do not name the keypoints; ``skeleton`` does.

    Args:
        labels: the folder, searched with its subfolders.
        images: the folder of the photos, with the same subfolders.
        skeleton: the K keypoints, in the files' order.

    Raises:
        ConversionError: if a file does not have that format, or a photo is missing; names the line.
    """
    if images is None or not images.is_dir():
        raise ConversionError(f"{labels}: name the folder of the photos with --images; there is no folder {images}")
    if not labels.is_dir():
        raise ConversionError(f"{labels}: expected a folder of YOLO's .txt files")
    found: dict[Path, Path] = {}
    for path in sorted(p for p in images.rglob("*") if p.suffix.lower() in SUFFIXES):
        stem = path.relative_to(images).with_suffix("")
        if stem in found:
            raise ConversionError(f"{path}: {found[stem].name} has the same name; YOLO cannot tell them apart")
        found[stem] = path
    texts = {path.relative_to(labels).with_suffix(""): path for path in sorted(labels.rglob("*.txt"))}
    for stem, path in texts.items():
        if stem not in found:
            raise ConversionError(f"{path}: no photo {images / stem}.* ; check the folder of the photos")
    photos, people = [], []
    for number, (stem, path) in enumerate(found.items(), start=1):
        name = path.relative_to(images).as_posix()
        width, height = photo_size(images, name, str(path))
        photos.append({"id": number, "file_name": name, "width": width, "height": height})
        if stem in texts:
            lines = enumerate(texts[stem].read_text(encoding="utf-8").splitlines(), start=1)
            for line, text in lines:
                if text.strip():
                    people.append(_person(text, number, (width, height), skeleton, f"{texts[stem]}, line {line}"))
    return data_set(photos, people, skeleton)


def _person(text: str, image_id: int, size: tuple[int, int], skeleton: Skeleton, what: str) -> dict[str, Any]:
    k = skeleton.num_keypoints
    try:
        values = np.array([float(word) for word in text.split()])
    except ValueError as error:
        raise ConversionError(f"{what}: not a number ({error})") from error
    if len(values) not in (5 + 3 * k, 5 + 2 * k):
        raise ConversionError(
            f"{what}: expected {5 + 3 * k} or {5 + 2 * k} numbers for the {k} keypoints of skeleton "
            f"{skeleton.name!r}, got {len(values)}; --skeleton says which keypoints they are"
        )
    if not np.isfinite(values).all():
        raise ConversionError(f"{what}: not all numbers are finite")
    if values[0] != 0:
        raise ConversionError(f"{what}: class {values[0]:g}; only class 0, people, can be converted")
    x, y, w, h = values[1:5]
    if w <= 0 or h <= 0 or not np.all((values[1:5] >= 0) & (values[1:5] <= 1)):
        raise ConversionError(f"{what}: the box {x:g} {y:g} {w:g} {h:g} is not in shares of the photo, 0 to 1")
    rows = values[5:].reshape(k, -1)
    if rows.shape[1] == 2:
        rows = np.concatenate([rows, np.where(rows.any(1), 2.0, 0.0)[:, None]], axis=1)
    if not np.isin(rows[:, 2], (0, 1, 2)).all():
        raise ConversionError(f"{what}: visibilities must be 0, 1 or 2, got {sorted(set(rows[:, 2].tolist()))}")
    scale = np.array(size, dtype=np.float64)
    rows[:, :2] *= scale
    box = [*((values[1:3] - values[3:5] / 2) * scale), *(values[3:5] * scale)]
    return describe_person(image_id, rows, box)


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
