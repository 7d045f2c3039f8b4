"""The photos of COCO keypoint annotations: where they are, and whether they have the size that was annotated."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from strongpose._util.json_files import is_number
from strongpose._util.lines import Say, counted, unheard
from strongpose.annotations.reading import load_annotations
from strongpose.exceptions import AnnotationError
from strongpose.images import read_orientation, read_size
from strongpose.skeleton import Skeleton

__all__ = ["OtherSize", "find_photo", "load_sets", "other_size", "photo_folder", "photo_paths", "spellings"]

_SAME_SIZE = (2, 3, 4)  # EXIF's orientations that leave width and height as they are
_BEYOND = 0.05  # of a side, by which labelled keypoints may lie outside of a photo whose annotated size is not known


class OtherSize(NamedTuple):
    """A photo whose size is not the annotated one; sizes are (width, height) in pixels, as the photo is shown."""

    name: str
    size: tuple[int, int]
    annotated: tuple[Any, Any]

    @property
    def is_scaled(self) -> bool:
        """Whether the photo shows the same at another size: its sides are in proportion, but for rounding."""
        if not all(is_number(side) and side > 0 for side in self.annotated):
            return False
        (width, height), (a, b) = self.size, self.annotated
        return bool(abs(width * b - height * a) <= 1.01 * max(a, b, width, height))

    def __str__(self) -> str:
        (width, height), (a, b) = self.size, self.annotated
        text = f"{self.name} has {width}×{height} pixels, but is annotated as one of {a!r:.20}×{b!r:.20}"
        if (a, b) == (height, width):
            return f"{text}, it seems without the EXIF rotation; save it without that rotation, or annotate it anew"
        return f"{text}; take the photos that were annotated, or scale the annotations"


def other_size(image: Mapping[str, Any], name: str, size: tuple[int, int]) -> OtherSize | None:
    """What is wrong with the size of a photo, or None; nothing is, where the annotations do not state one.

    Args:
        image: the entry of an annotation file.
        name: what the photo is called in messages.
        size: its (width, height) in pixels, as it is shown.
    """
    annotated = image.get("width") or size[0], image.get("height") or size[1]
    return None if annotated == size else OtherSize(name, size, annotated)


def photo_folder(
    annotations: Path, images: Path | None = None, option: str = "--images", reads_shards: bool = False
) -> Path:
    """The folder of an annotation file's photos: the one that is named, or the one beside it.

    Beside ``people.json`` that is ``people/``, else ``images/``. ``people/`` may still be packed in tar shards, called
    ``people-*.tar`` or ``people.tar``.

    Args:
        annotations: the file, or a folder of annotation files.
        images: what was named, which is taken as it is.
        option: what names it, for the message.
        reads_shards: whether what reads the photos can do so from tar shards.

    Raises:
        AnnotationError: if none was named and none is beside the file, or there is no such file.
    """
    if images is not None:
        return images
    same_name, usual = annotations.with_suffix(""), annotations.parent / "images"
    if same_name != annotations and same_name.is_dir():
        return same_name
    shards = [*same_name.parent.glob(f"{same_name.name}-*.tar"), *same_name.parent.glob(f"{same_name.name}.tar")]
    if shards and reads_shards:
        return same_name
    if usual.is_dir():
        return usual
    if shards:
        raise AnnotationError(
            f"{annotations}: its photos are packed in {shards[0]}; unpack them, or name a folder with {option} FOLDER"
        )
    if not annotations.exists():
        raise AnnotationError(f"{annotations}: no such file; check the path")
    raise AnnotationError(
        f"{annotations}: its photos are not beside it, in {same_name.name}/ or images/; name their folder with "
        f"{option} FOLDER"
    )


def photo_paths(
    data: Mapping[str, Any],
    images: str | PathLike[str],
    name: str | PathLike[str] = "annotations",
    say: Say = unheard,
) -> dict[Any, Path]:
    """The path of each image of an annotation file's content, by its id; only the heads of the photos are read.

    Args:
        data: the content, checked.
        images: the folder of the photos.
        name: what messages call the content: the file.
        say: told of photos whose size does not show whether they were annotated as they are shown.

    Raises:
        AnnotationError: if photos are missing, or have another size than is annotated.
        strongpose.exceptions.ImageError: if the head of a photo is damaged.
    """
    folder = Path(images)
    found = {image["id"]: find_photo(folder, image["file_name"]) for image in data["images"]}
    paths = {image_id: path for image_id, path in found.items() if path is not None}
    missing = [folder / image["file_name"] for image in data["images"] if image["id"] not in paths]
    if missing:
        raise AnnotationError(
            f"{name}: {len(missing)} of the {len(found)} annotated photos are missing, the first is {missing[0]}; "
            "check the folder of the photos, and capital letters"
        )
    sizes = {image_id: read_size(path) for image_id, path in paths.items()}
    others = (other_size(image, str(paths[image["id"]]), sizes[image["id"]]) for image in data["images"])
    wrong = [other for other in others if other is not None]
    if wrong:
        many = f"{len(wrong)} of the {len(paths)} photos have another size than is annotated, the first: "
        raise AnnotationError(f"{name}: {many if len(wrong) > 1 else ''}{wrong[0]}")
    turned = [path for image_id, path in paths.items() if _hides_a_turn(path, sizes[image_id])]
    if turned:
        say(
            f"{name}: the EXIF rotation of {counted(len(turned), 'photo')} does not show in the size (half a turn, "
            f"mirrored, square), the first is {turned[0]}; they are taken as annotated as they are shown"
        )
    unknown = {image["id"] for image in data["images"] if not (image.get("width") and image.get("height"))}
    for person in data.get("annotations", ()):
        if person["image_id"] in unknown and _is_outside(person, sizes[person["image_id"]]):
            width, height = sizes[person["image_id"]]
            raise AnnotationError(
                f"{name}: annotation {person.get('id', '?')!r:.80} has keypoints outside of "
                f"{paths[person['image_id']]}, which has {width}×{height} pixels; take the photos that were annotated"
            )
    return paths


def _hides_a_turn(path: Path, size: tuple[int, int]) -> bool:
    """Whether EXIF data turn or mirror a photo, of that (width, height), which has the same size without that."""
    orientation = read_orientation(path)
    return orientation in _SAME_SIZE or (orientation != 1 and size[0] == size[1])


def find_photo(folder: Path, name: str) -> Path | None:
    """A photo by its ``file_name``, also where that was written on another system (`spellings`); None if not there."""
    return next((path for path in (folder / spelling for spelling in spellings(name)) if path.is_file()), None)


def spellings(name: str) -> tuple[str, ...]:
    """A file name as it is, with Windows' separators replaced, and with accents as one sign or as two.

    A Mac writes two (Unicode's NFD) where others write one (NFC).
    """
    plain = name.replace("\\", "/")
    forms = (unicodedata.normalize(form, plain) for form in ("NFC", "NFD"))
    return tuple(dict.fromkeys((name, plain, *forms)))


def _is_outside(person: Mapping[str, Any], size: tuple[int, int]) -> bool:
    """Whether labelled keypoints lie outside of a photo of that (width, height) by more than a twentieth."""
    values = person["keypoints"]
    return any(
        v > 0
        and not (
            -_BEYOND * size[0] <= x <= (1 + _BEYOND) * size[0] and -_BEYOND * size[1] <= y <= (1 + _BEYOND) * size[1]
        )
        for x, y, v in zip(values[::3], values[1::3], values[2::3], strict=True)
    )


def load_sets(
    files: Sequence[Path], folders: Sequence[Path], skeleton: Skeleton, say: Say = unheard
) -> tuple[dict[str, Any], dict[Any, Path]]:
    """Several annotation files as one, and the path of each image by its id.

    Args:
        files: COCO keypoint annotation files whose images have different ids.
        folders: of the photos of each.
        skeleton: the keypoints that the annotations must be about.
        say: told what was left out or filled in.

    Raises:
        AnnotationError: as `load_annotations` and `photo_paths`, or if two files use one image id.
        strongpose.exceptions.ImageError: if the head of a photo is damaged.
    """
    sets = [load_annotations(file, skeleton, say) for file in files]
    category = sets[0]["categories"][0]["id"]
    owner: dict[Any, Path] = {}
    for file, data in zip(files, sets, strict=True):
        for image in {image["id"] for image in data["images"]} & owner.keys():
            raise AnnotationError(f"{file}: image id {image!r} is also in {owner[image]}; evaluate the two one by one")
        owner |= dict.fromkeys((image["id"] for image in data["images"]), file)
        for person in data["annotations"]:
            person["category_id"] = category
    paths: dict[Any, Path] = {}
    for file, data, folder in zip(files, sets, folders, strict=True):
        paths |= photo_paths(data, folder, file, say)
    joined = {key: [entry for data in sets for entry in data[key]] for key in ("images", "annotations")}
    return {**sets[0], **joined}, paths
