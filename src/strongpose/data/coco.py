"""Reading a COCO-format keypoint data set into one record per photo."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from strongpose.annotations import is_id, is_name, is_number
from strongpose.data.photos import PhotoStore
from strongpose.data.remote import is_address, read_whole_file
from strongpose.data.shards import Kept, RemoteShards
from strongpose.images import MAX_PIXELS
from strongpose.skeleton import COCO, Skeleton

__all__ = ["DatasetError", "KeypointDataset", "PhotoRecord", "Region"]


class DatasetError(ValueError):
    """An annotation file that cannot be used; the message names the file and what is wrong."""


@dataclass(frozen=True, eq=False)
class Region:
    """A part of a photo: polygons, or a mask where the annotation is run-length encoded.

    Attributes:
        polygons: list of (P, 2) float arrays, x and y in photo pixels.
        mask: (H, W) uint8, 1 inside, or None.
    """

    polygons: tuple[np.ndarray, ...] = ()
    mask: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class PhotoRecord:
    """What is known about one photo.

    Attributes:
        file_name: as in the annotation file.
        width: in pixels.
        height: in pixels.
        keypoints: (N, K, 3) float32; x, y in photo pixels and COCO's visibility (0 not labelled,
            1 hidden, 2 visible).
        silhouettes: N regions, or None for a person without segmentation.
        ignore: regions in which nobody knows who is there: crowds and people without keypoints.
    """

    file_name: str
    width: int
    height: int
    keypoints: np.ndarray
    silhouettes: tuple[Region | None, ...]
    ignore: tuple[Region, ...]


class KeypointDataset:
    """The photos of one COCO-format keypoint file.

    ``records`` are those with annotations, which `len` counts; ``negatives`` those on which nobody is annotated at all.

    Args:
        annotations: the JSON file, or its address, such as ``https://host/mpii.json``.
        images: the folder of its photos, or the address of tar shards; None for the folder (or tar shards)
            beside the file that bears its name: ``train/mpii.json`` → ``train/mpii/`` or ``train/mpii-0.tar`` …
        skeleton: the keypoints that the file must have.
        leave_out: people whose ``keypoint_source`` is one of these become regions to ignore.
        kept: where what is read from addresses is kept; nowhere if None.

    Raises:
        DatasetError: if the file is missing, damaged, has other keypoints or no person.
        FileNotFoundError: if there are no photos.
        strongpose.data.remote.RemoteError: if something at an address cannot be had.
    """

    def __init__(
        self,
        annotations: Path | str,
        images: Path | str | None = None,
        skeleton: Skeleton = COCO,
        leave_out: Collection[str] = (),
        kept: Kept | None = None,
    ) -> None:
        self.leave_out = frozenset(leave_out)
        self.path: Path | str = annotations if is_address(annotations) else Path(annotations)
        self.skeleton = skeleton
        data = _load(self.path)
        self._check_names(data["categories"])
        self.photos = _photos(self.path, images, kept or Kept())
        people: dict[Any, list[dict[str, Any]]] = {}
        for i, annotation in enumerate(data["annotations"]):
            if not isinstance(annotation, dict) or not is_id(annotation.get("image_id")):
                raise DatasetError(f"{self.path}: annotation {i} needs 'image_id'")
            people.setdefault(annotation["image_id"], []).append(annotation)
        for i, image in enumerate(data["images"]):
            if not isinstance(image, dict) or not is_id(image.get("id")) or not is_name(image.get("file_name")):
                raise DatasetError(f"{self.path}: image {i} needs 'id' and 'file_name'")
        self.records = [self._record(image, people[image["id"]]) for image in data["images"] if image["id"] in people]
        self._without = [image for image in data["images"] if image["id"] not in people]
        if not self.records:
            raise DatasetError(
                f"{self.path}: no photo has an annotated person; photos without people are learnt from (--negatives) "
                "where their file has people as well"
            )

    @cached_property
    def negatives(self) -> list[PhotoRecord]:
        """The photos on which nobody is annotated at all.

        Raises:
            DatasetError: if the size of one of them is not stated.
        """
        return [self._record(image, []) for image in self._without]

    def __len__(self) -> int:
        return len(self.records)

    def open(self, index: int) -> tuple[np.ndarray, PhotoRecord]:
        """Photo ``index`` as (H, W, 3) uint8 RGB, and its record; the negatives follow the others.

        A photo whose size differs from the record's is taken as it is, its annotations scaled to it
        by the augmentation, which reads the size from the photo.
        """
        others = len(self.records)
        record = self.records[index] if index < others else self.negatives[index - others]
        return self.photos.open(record.file_name), record

    def _check_names(self, categories: list[Any]) -> None:
        listed = [c.get("keypoints") for c in categories if isinstance(c, dict)]
        names = [tuple(map(str, keypoints)) for keypoints in listed if keypoints and isinstance(keypoints, list)]
        if self.skeleton.names not in names:
            raise DatasetError(
                f"{self.path}: no category has the keypoints of skeleton {self.skeleton.name!r} "
                f"({', '.join(self.skeleton.names)}); the file has {names or 'none'}"
            )

    def _record(self, image: dict[str, Any], annotations: list[dict[str, Any]]) -> PhotoRecord:
        k = self.skeleton.num_keypoints
        try:
            width, height = (image.get(side, "no known") for side in ("width", "height"))
            if not is_number(width) or not is_number(height) or min(width, height) < 1 or width * height > MAX_PIXELS:
                raise ValueError(f"the photo cannot have {width!r:.20}×{height!r:.20} pixels")
            width, height = int(width), int(height)
            keypoints, silhouettes, ignore = [], [], []
            for annotation in annotations:
                points = _numbers(annotation.get("keypoints") or [0] * (3 * k)).reshape(k, 3)
                known = not annotation.get("iscrowd") and annotation.get("keypoint_source") not in self.leave_out
                if not known or not (points[:, 2] > 0).any():
                    ignore.append(_region(annotation, width, height) or _box(annotation["bbox"]))
                else:
                    keypoints.append(points)
                    silhouettes.append(_region(annotation, width, height))
            return PhotoRecord(
                file_name=image["file_name"],
                width=width,
                height=height,
                keypoints=np.stack(keypoints) if keypoints else np.zeros((0, k, 3), dtype=np.float32),
                silhouettes=tuple(silhouettes),
                ignore=tuple(ignore),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise DatasetError(
                f"{self.path}: annotations of image {image['id']!r} do not fit: {error!r:.200}; "
                f"expected COCO keypoint format with {k} keypoints a person"
            ) from error


def _photos(path: Path | str, images: Path | str | None, kept: Kept) -> PhotoStore | RemoteShards:
    """The photos of an annotation file; if ``images`` does not say where they are, they lie beside it."""
    if images is None:
        images = path.with_suffix("") if isinstance(path, Path) else path.removesuffix(".json")
    return RemoteShards(images, kept) if is_address(images) else PhotoStore(Path(images))


def _load(path: Path | str) -> dict[str, Any]:
    try:
        content = path.read_bytes() if isinstance(path, Path) else read_whole_file(path)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: not valid JSON ({error})") from error
    for field in ("images", "annotations", "categories"):
        if not isinstance(data, dict) or not isinstance(data.get(field), list):
            raise DatasetError(f"{path}: a COCO annotation file needs a list {field!r}")
    return data


def _numbers(values: Any) -> np.ndarray:
    """(L,) float32 of a list; refuses what cannot be pixels."""
    if not isinstance(values, list) or not all(map(is_number, values)):
        raise ValueError("expected finite numbers")
    return np.array(values, dtype=np.float32)


def _box(box: Any) -> Region:
    x, y, w, h = _numbers(box)
    return Region((np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], dtype=np.float32),))


def _region(annotation: dict[str, Any], width: int, height: int) -> Region | None:
    segmentation = annotation.get("segmentation")
    if not segmentation:
        return None
    if isinstance(segmentation, list):
        return Region(tuple(_numbers(polygon).reshape(-1, 2) for polygon in segmentation))
    return Region(mask=_mask(segmentation, width, height))


def _mask(segmentation: dict[str, Any], width: int, height: int) -> np.ndarray:
    """(height, width) uint8 of COCO's run-length encoding: runs of 0 and 1 in turn, down the columns.

    Source: https://cocodataset.org/#format-data; the packed form is that of its mask API.
    """
    if segmentation["size"] != [height, width]:
        raise ValueError(f"a mask of {segmentation['size']!r:.40} for a photo of {[height, width]} pixels")
    counts = segmentation["counts"]
    runs = _unpacked(counts) if isinstance(counts, str) else counts
    if not all(isinstance(run, int) and run >= 0 for run in runs) or sum(runs) != height * width:
        raise ValueError(f"the runs of a mask must add up to {height * width} pixels")
    return np.repeat(np.arange(len(runs), dtype=np.uint8) % 2, runs).reshape(width, height).T


def _unpacked(text: str) -> list[int]:
    """The runs of a mask that are packed as text.

    Five bits a letter, the lowest first; from the fourth run on, what they exceed the last but one by.
    """
    runs: list[int] = []
    value, shift = 0, 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 40:
            raise ValueError("the runs of a mask are damaged")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:  # the number's last letter
            value -= (1 << shift) * bool(bits & 16)
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value, shift = 0, 0
    if shift:
        raise ValueError("the runs of a mask are cut short")
    return runs
