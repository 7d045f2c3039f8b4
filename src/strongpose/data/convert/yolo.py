"""YOLO-pose labels read: one text file a photo, one line a person, normalised coordinates (0 to 1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from strongpose._util.lines import Say, unheard
from strongpose.data.convert.dataset import data_set, describe_person, photo_size
from strongpose.data.convert.yolo_files import label_files
from strongpose.exceptions import ConversionError
from strongpose.skeleton import Skeleton

__all__ = ["read_yolo"]

_ROUNDING = 0.002  # share of the photo; whole pixels of small photos
_FAR = 1.0  # shares from the middle of the photo; farther keypoints are in pixels, or no keypoints


def read_yolo(labels: Path, images: Path | None, skeleton: Skeleton, say: Say = unheard) -> dict[str, Any]:
    """A folder of label files as a data set; photos without a label file have no people.

    A line is ``class x y width height`` and K times ``x y visibility`` or ``x y``; x and y of the box are its centre,
    all are normalised by the photo's width and height. Without visibilities, a keypoint at 0 0 or -1 -1 is unlabelled.
    Only class 0, people, is known. Numbers that lie beyond 0 and 1 by rounding are taken, and boxes are cut off at the
    photo's border. Pixels are the share times the width or height, as in the usual conversion from COCO. Which file is
    about which photo: `strongpose.data.convert.yolo_files.label_files`.

    Source: https://docs.ultralytics.com/datasets/pose/. The files do not name the keypoints; ``skeleton`` does.

    Args:
        labels: the folder, searched with its subfolders.
        images: the folder of the photos, with the same subfolders.
        skeleton: the K keypoints, in the files' order.
        say: told which text files are no labels and left out.

    Raises:
        ConversionError: if a file does not have that format, or a photo is missing; names the line.
    """
    if images is None or not images.is_dir():
        raise ConversionError(f"{labels}: name the folder of the photos with --images; there is no folder {images}")
    if not labels.is_dir():
        raise ConversionError(f"{labels}: expected a folder of YOLO's .txt files")
    photos, people = [], []
    for number, (path, file) in enumerate(label_files(labels, images, say), start=1):
        name = path.relative_to(images).as_posix()
        width, height = photo_size(images, name, str(path))
        photos.append({"id": number, "file_name": name, "width": width, "height": height})
        for line, text in enumerate(_lines_of(file) if file else (), start=1):
            if text.strip():
                people.append(_person(text, number, (width, height), skeleton, f"{file}, line {line}"))
    return data_set(photos, people, skeleton)


def _lines_of(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ConversionError(f"{path}: not a text file in UTF-8 ({error.reason}); save it as one") from error


def _person(text: str, image_id: int, size: tuple[int, int], skeleton: Skeleton, what: str) -> dict[str, Any]:
    k = skeleton.num_keypoints
    values = _numbers(text, what)
    if len(values) not in (5 + 3 * k, 5 + 2 * k):
        remedy = "--skeleton says which keypoints they are"
        if len(values) == 5:
            remedy = "a box without keypoints is no pose label"
        elif len(values) in (6 + 3 * k, 6 + 2 * k):
            remedy = "remove the number at the end if it is a confidence or a track"
        raise ConversionError(
            f"{what}: expected {5 + 3 * k} or {5 + 2 * k} numbers for the {k} keypoints of skeleton "
            f"{skeleton.name!r}, got {len(values)}; {remedy}"
        )
    if values[0] != 0:
        raise ConversionError(
            f"{what}: class {values[0]:g}; only class 0, people, can be converted; make people class 0, and remove "
            "the lines of other classes"
        )
    rows = _with_visibilities(values[5:].reshape(k, -1), what)
    near = np.abs(rows[:, :2] - rows[:, :2].clip(0, 1)) <= _ROUNDING
    rows[:, :2] = np.where(near, rows[:, :2].clip(0, 1), rows[:, :2])
    scale = np.array(size, dtype=np.float64)
    rows[:, :2] *= scale
    low, high = _edges(values[1:5], what)
    return describe_person(image_id, rows, [*(low * scale), *((high - low) * scale)])


def _with_visibilities(rows: np.ndarray, what: str) -> np.ndarray:
    """(K, 3) from K times two or three numbers, whose labelled keypoints lie in the photo or not far from it."""
    if rows.shape[1] == 2:
        is_labelled = rows.any(1) & ~(rows == -1).all(1)
        rows = np.concatenate([rows, np.where(is_labelled, 2.0, 0.0)[:, None]], axis=1)
    known = np.isin(rows[:, 2], (0, 1, 2))
    if not known.all():
        raise ConversionError(
            f"{what}: visibilities must be 0, 1 or 2, got {rows[~known, 2][0]:g}; write 0 for a keypoint that is not "
            "labelled, 1 for an occluded and 2 for a visible one"
        )
    shares = rows[rows[:, 2] > 0, :2]
    if shares.size and np.abs(shares - 0.5).max() > _FAR:
        far = shares[np.abs(shares - 0.5).max(1).argmax()]
        raise ConversionError(
            f"{what}: the keypoint {far[0]:g} {far[1]:g} is not in normalised coordinates (0 to 1); divide pixels by "
            "the width and height, and write zeros for one that is not labelled"
        )
    return rows


def _numbers(text: str, what: str) -> np.ndarray:
    numbers = []
    for word in text.split():
        try:
            numbers.append(float(word))
        except ValueError as error:
            remedy = "; numbers have a decimal point, and blanks between them" if "," in word else ""
            if text.lstrip().startswith("#"):
                remedy = "; labels have no comments, remove the line"
            raise ConversionError(f"{what}: not a number ({error}){remedy}") from error
    if not np.isfinite(numbers).all():
        raise ConversionError(f"{what}: not all numbers are finite; write zeros for what is not labelled")
    return np.array(numbers)


def _edges(box: np.ndarray, what: str) -> tuple[np.ndarray, np.ndarray]:
    """The left upper and right lower corner of a box of centre and size, in the photo; all are shares of it.

    Programs round, so that numbers may lie a little beyond 0 and 1.
    """
    low, high = ((box[:2] + sign * box[2:] / 2).clip(0, 1) for sign in (-1, 1))
    if not np.all((box >= -_ROUNDING) & (box <= 1 + _ROUNDING)) or not (box[2:] > 0).all() or not (high > low).all():
        shown = " ".join(f"{value:g}" for value in box)
        raise ConversionError(
            f"{what}: the box {shown} is not in normalised coordinates (0 to 1); divide pixels by the width and height"
        )
    return low, high
