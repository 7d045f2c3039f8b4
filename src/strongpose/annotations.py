"""Reading COCO annotation files to evaluate by, and finding their photos; what is damaged is named."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any

from strongpose.skeleton import Skeleton

__all__ = [
    "EvaluationError",
    "is_id",
    "is_name",
    "is_number",
    "load_annotations",
    "load_images",
    "load_sets",
    "photo_paths",
]

_MOST = 1e12  # pixels and square pixels of any photo are less


class EvaluationError(ValueError):
    """Annotations or results that cannot be evaluated; the message names the file, the entry and the remedy."""


def is_number(value: Any) -> bool:
    """Whether a value of a JSON file is a finite number that can be pixels: at most 10¹² either way."""
    return isinstance(value, Real) and bool(abs(value) <= _MOST)  # type: ignore[operator]  # Real knows no order


def is_id(value: Any) -> bool:
    """Whether a value of a JSON file can identify an entry: text, or a whole number of at most 64 bits."""
    whole = isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
    return whole or isinstance(value, str)


def is_name(value: Any) -> bool:
    """Whether a value of a JSON file can name a file or a keypoint: text in one line."""
    return isinstance(value, str) and len(value.splitlines()) == 1 and "\0" not in value


def load_annotations(
    annotations: str | PathLike[str] | Mapping[str, Any], skeleton: Skeleton | None = None
) -> dict[str, Any]:
    """The content of a COCO keypoint annotation file, checked.

    Args:
        annotations: the file, or its content.
        skeleton: the keypoints that the annotations must be about.

    Returns:
        The content, with only those categories that have keypoints, and their annotations.

    Raises:
        EvaluationError: if the file is missing or damaged, or its keypoints are not the skeleton's.
    """
    name, data = _content(annotations, ("images", "annotations", "categories"))
    ids = {image["id"] for image in data["images"]}
    categories = [c for c in data["categories"] if isinstance(c, dict) and "id" in c and c.get("keypoints")]
    if not categories:
        raise EvaluationError(f"{name}: no category has 'keypoints'; COCO's person_keypoints files are of this kind")
    for category in categories:
        keypoints = category["keypoints"]
        if not is_id(category["id"]) or not isinstance(keypoints, list) or not all(map(is_name, keypoints)):
            raise EvaluationError(f"{name}: 'keypoints' of a category must be a list of names, and its 'id' a number")
    if skeleton is not None and tuple(categories[0]["keypoints"]) != skeleton.names:
        raise EvaluationError(
            f"{name}: its keypoints are {', '.join(categories[0]['keypoints'])}, "
            f"but the model's are {', '.join(skeleton.names)}"
        )
    count = {c["id"]: 3 * len(c["keypoints"]) for c in categories}
    people = []
    for i, person in enumerate(data["annotations"]):
        if not isinstance(person, dict) or not is_id(person.get("image_id")) or not is_id(person.get("category_id")):
            raise EvaluationError(f"{name}: annotation {i} needs 'image_id' and 'category_id'")
        if person["category_id"] in count:
            _check_person(person, count[person["category_id"]], ids, f"{name}: annotation {i}")
            people.append(person)
    return {**data, "categories": categories, "annotations": people}


def load_images(info: str | PathLike[str]) -> dict[str, Any]:
    """The content of a COCO image-info file, which lists photos without annotations, checked.

    Raises:
        EvaluationError: if the file is missing or damaged, or lists no images.
    """
    return _content(info, ("images",))[1]


def photo_paths(data: Mapping[str, Any], images: str | PathLike[str]) -> dict[Any, Path]:
    """The path of each image of an annotation file's content, by its id.

    Raises:
        EvaluationError: if photos are missing.
    """
    folder = Path(images)
    paths = {image["id"]: folder / image["file_name"] for image in data["images"]}
    missing = [path for path in paths.values() if not path.is_file()]
    if missing:
        raise EvaluationError(
            f"{len(missing)} of the {len(paths)} annotated photos are missing, the first is {missing[0]}; "
            "check the folder of the photos"
        )
    return paths


def load_sets(
    files: Sequence[Path], folders: Sequence[Path], skeleton: Skeleton
) -> tuple[dict[str, Any], dict[Any, Path]]:
    """Several annotation files as one, and the path of each image by its id.

    Args:
        files: COCO keypoint annotation files whose images have different ids.
        folders: of the photos of each.
        skeleton: the keypoints that the annotations must be about.

    Raises:
        EvaluationError: as `load_annotations` and `photo_paths`, or if two files use one image id, or one of several
            has several categories with keypoints.
    """
    sets = [load_annotations(file, skeleton) for file in files]
    category = sets[0]["categories"][0]["id"]
    owner: dict[Any, Path] = {}
    for file, data in zip(files, sets, strict=True) if len(sets) > 1 else ():
        if len(data["categories"]) > 1:
            raise EvaluationError(f"{file}: has {len(data['categories'])} categories with keypoints; evaluate it alone")
        for image in {image["id"] for image in data["images"]} & owner.keys():
            raise EvaluationError(f"{file}: image id {image!r} is also in {owner[image]}; evaluate the two one by one")
        owner |= dict.fromkeys((image["id"] for image in data["images"]), file)
        for person in data["annotations"]:
            person["category_id"] = category
    paths: dict[Any, Path] = {}
    for data, folder in zip(sets, folders, strict=True):
        paths |= photo_paths(data, folder)
    joined = {key: [entry for data in sets for entry in data[key]] for key in ("images", "annotations")}
    return {**sets[0], **joined}, paths


def _content(source: str | PathLike[str] | Mapping[str, Any], keys: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """What messages call a file, and its content with a list under each of ``keys`` and an id for every image."""
    if isinstance(source, Mapping):
        name, data = "annotations", dict(source)
    else:
        name, data = str(source), _read_json(Path(source))
    for key in keys:
        if not isinstance(data.get(key), list):
            raise EvaluationError(f"{name}: expected a list {key!r}, as in COCO's person_keypoints files")
    for i, image in enumerate(data["images"]):
        if not isinstance(image, dict) or not is_id(image.get("id")) or not is_name(image.get("file_name")):
            raise EvaluationError(f"{name}: image {i} needs 'id' and 'file_name'")
    if not data["images"]:
        raise EvaluationError(f"{name}: holds no images")
    return name, data


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise EvaluationError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise EvaluationError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise EvaluationError(f"{path}: not JSON, or cut short ({error}); copy or download it again") from error
    if not isinstance(data, dict):
        raise EvaluationError(f"{path}: expected a JSON object as in COCO's files, got a {type(data).__name__}")
    return data


def _check_person(person: dict[str, Any], values: int, image_ids: set[Any], what: str) -> None:
    """Raise `EvaluationError` if an annotation cannot be evaluated."""
    if person["image_id"] not in image_ids:
        raise EvaluationError(f"{what} is about image {person['image_id']!r}, which is not among the images")
    if not is_number(person.get("area")) or person["area"] < 0:
        raise EvaluationError(f"{what} needs a number 'area'")
    box = person.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box)):
        raise EvaluationError(f"{what} needs 'bbox', four numbers x, y, width, height")
    keypoints = person.get("keypoints") or [0] * values  # nobody labelled them
    if not isinstance(keypoints, list) or len(keypoints) != values:
        got = len(keypoints) if isinstance(keypoints, list) else f"a {type(keypoints).__name__}"
        raise EvaluationError(f"{what} needs {values} keypoint values (x, y, visible), got {got}")
    if not all(map(is_number, keypoints)):
        raise EvaluationError(f"{what}: its keypoints are not all numbers")
    if person.get("iscrowd", 0) not in (0, 1):
        raise EvaluationError(f"{what}: 'iscrowd' must be 0 or 1")
    labelled = person.get("num_keypoints", 0)
    if not isinstance(labelled, int) or not 0 <= labelled <= values:
        raise EvaluationError(f"{what}: 'num_keypoints' must be how many are labelled")
