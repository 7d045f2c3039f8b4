"""Reading a COCO-format keypoint data set into one record per photo."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from strongpose._util.json_files import parse_json
from strongpose._util.lines import Say, one_line, unheard
from strongpose.annotations import OtherSize, other_size, photo_folder, read_annotations
from strongpose.annotations.segmentation import Region, read_box, read_region
from strongpose.data.photos import PhotoStore
from strongpose.data.remote import is_address, read_whole_file
from strongpose.data.shards import RemoteShards, ShardCache
from strongpose.exceptions import AnnotationError, ImageError, JsonError
from strongpose.images import MAX_PIXELS
from strongpose.skeleton import COCO, Skeleton

__all__ = ["KeypointDataset", "PhotoRecord"]


@dataclass(frozen=True, eq=False)
class PhotoRecord:
    """What is known about one photo.

    Attributes:
        file_name: as in the annotation file.
        width: in pixels.
        height: in pixels.
        keypoints: (N, K, 3) float32; x, y in photo pixels and COCO's visibility (0 not labelled,
            1 occluded, 2 visible).
        silhouettes: N regions, or None for a person without segmentation.
        ignore: regions in which nobody knows who is there: crowds and people without keypoints.
    """

    file_name: str
    width: int
    height: int
    keypoints: np.ndarray
    silhouettes: tuple[Region | None, ...]
    ignore: tuple[Region, ...]

    def other_size(self, size: tuple[int, int]) -> OtherSize | None:
        """What is wrong with a photo of that (width, height) in pixels; None if it is the annotated one."""
        return other_size({"width": self.width, "height": self.height}, self.file_name, size)


class KeypointDataset:
    """The photos of one COCO-format keypoint file.

    ``records`` are those with annotations, which `len` counts; ``negatives`` those on which nobody is annotated at all.

    Args:
        annotations: the JSON file, or its address, such as ``https://host/mpii.json``.
        images: the folder of its photos, or the address of tar shards; None for those beside the file, see
            `strongpose.annotations.photo_folder`.
        skeleton: the keypoints that the file must have.
        leave_out: people whose ``keypoint_source`` is one of these become ignore regions.
        cache: where what is read from addresses is kept; nowhere if None.
        say: told what is left out, filled in or scaled.

    Raises:
        strongpose.exceptions.AnnotationError: if the file is missing, damaged, has other keypoints or no person, or
            photos have another shape than is annotated.
        FileNotFoundError: if there are no photos.
        strongpose.exceptions.RemoteError: if something at an address cannot be had.
    """

    def __init__(
        self,
        annotations: Path | str,
        images: Path | str | None = None,
        skeleton: Skeleton = COCO,
        leave_out: Collection[str] = (),
        cache: ShardCache | None = None,
        say: Say = unheard,
    ) -> None:
        self.leave_out = frozenset(leave_out)
        self.path: Path | str = annotations if is_address(annotations) else Path(annotations)
        self.skeleton = skeleton
        data = _load(self.path, skeleton, say)
        self.photos = _photos(self.path, images, cache or ShardCache())
        people: dict[Any, list[dict[str, Any]]] = {}
        for annotation in data["annotations"]:
            people.setdefault(annotation["image_id"], []).append(annotation)
        self.records = [self._record(image, people[image["id"]]) for image in data["images"] if image["id"] in people]
        self._without = [image for image in data["images"] if image["id"] not in people]
        if not self.records:
            raise AnnotationError(
                f"{self.path}: no photo has an annotated person; photos without people are used as "
                "negatives (--negatives) only where their file has people as well"
            )
        if not any(person["num_keypoints"] and not person["iscrowd"] for person in data["annotations"]):
            raise AnnotationError(f"{self.path}: nobody has keypoints to learn (a visibility of 1 or 2, and iscrowd 0)")
        self._check_photos(say)

    @cached_property
    def negatives(self) -> list[PhotoRecord]:
        """The photos on which nobody is annotated at all.

        Raises:
            AnnotationError: if the size of one of them is not stated.
        """
        return [self._record(image, []) for image in self._without]

    def __len__(self) -> int:
        return len(self.records)

    def open(self, index: int) -> tuple[np.ndarray, PhotoRecord]:
        """Photo ``index`` as (H, W, 3) uint8 RGB, and its record; the negatives follow the others.

        A photo of another size than the record's, but in proportion, is taken as it is, its annotations scaled to it
        by the augmentation, which reads the size from the photo.

        Raises:
            FileNotFoundError: if it is not there.
            ImageError: if it cannot be opened, or has another shape than is annotated.
        """
        others = len(self.records)
        record = self.records[index] if index < others else self.negatives[index - others]
        photo = self.photos.open(record.file_name)
        wrong = record.other_size((photo.shape[1], photo.shape[0]))
        if wrong is not None and not wrong.is_scaled:
            raise ImageError(f"{self.path}: {wrong}")
        return photo, record

    def _check_photos(self, say: Say) -> None:
        """Refuse photos of another shape than is annotated, by the heads of their files where these are at hand."""
        if isinstance(self.photos, RemoteShards):
            return  # each is looked at when it is opened
        missing = [record for record in self.records if record.file_name not in self.photos]
        if len(missing) == len(self.records):
            raise AnnotationError(
                f"{self.path}: none of its {len(missing)} photos is in {self.photos.folder}, the first is "
                f"{missing[0].file_name}; check the folder of the photos"
            )
        if missing:
            say(
                f"{self.path}: {len(missing)} of its {len(self.records)} photos are not in {self.photos.folder}, the "
                f"first is {missing[0].file_name}; they are left out"
            )
        scaled = []
        for record in self.records:
            try:
                wrong = record.other_size(self.photos.read_size(record.file_name))
            except (FileNotFoundError, ImageError):
                continue  # said when it is drawn
            if wrong is not None and not wrong.is_scaled:
                raise AnnotationError(f"{self.path}: {wrong}")
            if wrong is not None:
                scaled.append(record.file_name)
        if scaled:
            say(
                f"{self.path}: {len(scaled)} of its {len(self.records)} photos have another size than is annotated, "
                f"the first is {scaled[0]}; the annotations are scaled to them"
            )

    def _record(self, image: dict[str, Any], annotations: list[dict[str, Any]]) -> PhotoRecord:
        k = self.skeleton.num_keypoints
        width, height = self._size(image)
        keypoints, silhouettes, ignore = [], [], []
        for annotation in annotations:
            try:
                region = read_region(annotation, width, height)
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                which = f"{annotation.get('id', '?')!r:.80} (image {image['id']!r:.80})"
                raise AnnotationError(f"{self.path}: segmentation of annotation {which}: {one_line(error)}") from error
            points = np.array(annotation["keypoints"], dtype=np.float32).reshape(k, 3)
            known = not annotation["iscrowd"] and annotation.get("keypoint_source") not in self.leave_out
            if not known or not (points[:, 2] > 0).any():
                ignore.append(region or read_box(annotation["bbox"]))
            else:
                keypoints.append(points)
                silhouettes.append(region)
        return PhotoRecord(
            file_name=image["file_name"],
            width=width,
            height=height,
            keypoints=np.stack(keypoints) if keypoints else np.zeros((0, k, 3), dtype=np.float32),
            silhouettes=tuple(silhouettes),
            ignore=tuple(ignore),
        )

    def _size(self, image: dict[str, Any]) -> tuple[int, int]:
        """(width, height) as annotated, or the photo's where that is not stated."""
        width, height = image.get("width"), image.get("height")
        if (not width or not height) and isinstance(self.photos, PhotoStore):
            try:
                width, height = self.photos.read_size(image["file_name"])
            except (FileNotFoundError, ImageError) as error:
                raise AnnotationError(f"{self.path}: image {image['id']!r:.80} has no size, and {error}") from error
        if not width or not height or min(width, height) < 1 or width * height > MAX_PIXELS:
            raise AnnotationError(
                f"{self.path}: image {image['id']!r:.80} cannot have {width!r:.20}×{height!r:.20} pixels; "
                "state its 'width' and 'height'"
            )
        return int(width), int(height)


def _photos(path: Path | str, images: Path | str | None, cache: ShardCache) -> PhotoStore | RemoteShards:
    """The photos of an annotation file; if ``images`` does not say where they are, they lie beside it."""
    if images is None:
        images = photo_folder(path, reads_shards=True) if isinstance(path, Path) else path.removesuffix(".json")
    return RemoteShards(images, cache) if is_address(images) else PhotoStore(Path(images))


def _load(path: Path | str, skeleton: Skeleton, say: Say) -> dict[str, Any]:
    if isinstance(path, Path):
        return read_annotations(path, skeleton, say)
    try:
        data = parse_json(read_whole_file(path), path)
    except JsonError as error:
        raise AnnotationError(str(error)) from error
    return read_annotations(data, skeleton, say, path)
