"""Looking for mistakes in a COCO-format keypoint data set."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from strongpose._util.json_files import is_id
from strongpose._util.lines import unheard
from strongpose.annotations import image_lacks, other_size, people_categories, photo_folder, read_lists
from strongpose.annotations.person import checked_person
from strongpose.annotations.plausible import check_units
from strongpose.data.check.findings import CheckedPhoto, Finding
from strongpose.data.check.people import check_people
from strongpose.data.photos import PhotoStore
from strongpose.exceptions import AnnotationError, ImageError
from strongpose.images import MAX_PIXELS
from strongpose.skeleton import Skeleton
from strongpose.skeletons import skeleton_named_like
from strongpose.skeletons.sides_by_name import sides_by_name

__all__ = ["check_data_set"]

_TOLERANCE = 0.079  # of keypoints of unknown skeletons; COCO's for shoulders


def check_data_set(
    path: Path, images: Path | None = None, progress: Callable[[int, int], None] = lambda done, total: None
) -> tuple[Skeleton, list[CheckedPhoto]]:
    """Look for mistakes in annotations and photos.

    Args:
        path: a COCO keypoint annotation file.
        images: the folder of its photos (or tar shards beside it); None for the one beside the file.
        progress: called after every photo with the number done and the total.

    Returns:
        The skeleton, and every photo with its findings; what belongs to no photo comes first, under an empty name.

    Raises:
        strongpose.exceptions.AnnotationError: if the file is no COCO keypoint annotation file at all.
        FileNotFoundError: if there is no folder of photos.
    """
    data = read_lists(path)
    categories, skeleton = _skeleton_of(data, path)
    store = PhotoStore(photo_folder(path, images, reads_shards=True))
    general: list[Finding] = []
    photos = _photos(data["images"], general)
    people: dict[Any, list[dict[str, Any]]] = {image["id"]: [] for image in photos}
    seen: set[Any] = set()
    others: Counter[Any] = Counter()
    for i, annotation in enumerate(data["annotations"]):
        if not isinstance(annotation, dict) or not is_id(annotation.get("id", i)):
            general.append(Finding("damaged entry", "", f"annotation {i} has no 'id' that can be one"))
        elif not is_id(annotation.get("image_id")) or annotation["image_id"] not in people:
            general.append(Finding("damaged entry", "", f"annotation {i} is about no photo that is listed"))
        elif not is_id(annotation.get("category_id", categories[0])):
            general.append(Finding("damaged entry", "", f"annotation {i} has no 'category_id' that can be one"))
        elif annotation.get("category_id", categories[0]) not in categories:
            others[annotation["category_id"]] += 1
        else:
            if annotation.get("id", i) in seen and "id" in annotation:
                general.append(Finding("listed twice", "", f"annotation id {annotation['id']} is there twice"))
            seen.add(annotation.get("id", i))
            people[annotation["image_id"]].append(annotation)
    if others:
        listed = ", ".join(f"{category!r:.40} ({number})" for category, number in others.most_common(5))
        general.append(Finding("other category", "", f"skipped: annotations of category_id {listed}"))
    general += _check_units(data["images"], [p for those in people.values() for p in those], skeleton, path)
    checked = [CheckedPhoto("", np.zeros((0, skeleton.num_keypoints, 3)), general)]
    for done, image in enumerate(photos, start=1):
        size, findings = _check_photo(image, store)
        image = {**image, "width": image.get("width") or size[0], "height": image.get("height") or size[1]}
        keypoints = check_people(image, people[image["id"]], skeleton, findings)
        checked.append(CheckedPhoto(image["file_name"], keypoints, findings))
        progress(done, len(photos))
    return skeleton, checked


def _skeleton_of(data: Mapping[str, Any], path: Path) -> tuple[list[Any], Skeleton]:
    """The ids of the categories of people, and their skeleton.

    The packaged skeleton of these names; of others, one without edges, with the limbs that the category lists.
    """
    categories = people_categories(data, str(path))
    names = tuple(categories[0]["keypoints"])
    try:
        skeleton = skeleton_named_like(names) or _plain_skeleton(names, categories[0].get("skeleton"))
    except ValueError as error:
        raise AnnotationError(f"{path}: its keypoints are no skeleton: {error}") from error
    return [category["id"] for category in categories], skeleton


def _photos(images: list[Any], general: list[Finding]) -> list[dict[str, Any]]:
    photos: dict[Any, dict[str, Any]] = {}
    names: Counter[str] = Counter()
    for i, image in enumerate(images):
        if (lacking := image_lacks(image)) is not None:
            general.append(Finding("damaged entry", "", f"image {i} needs {lacking}"))
            continue
        path = posixpath.normpath(image["file_name"])
        names[path] += 1
        if image["id"] in photos or names[path] > 1:
            what = f"image id {image['id']}" if image["id"] in photos else "the file"
            general.append(Finding("listed twice", image["file_name"], f"{what} is there twice"))
        photos.setdefault(image["id"], image)
    return list(photos.values())


def _check_photo(image: dict[str, Any], store: PhotoStore) -> tuple[tuple[int, int], list[Finding]]:
    """The (width, height) of the photo, or more than any has, and what is wrong with it."""
    name, unknown = image["file_name"], (MAX_PIXELS, MAX_PIXELS)
    if name not in store:
        return unknown, [Finding("missing photo", name, f"not in {store.folder}")]
    try:
        height, width = store.open(name).shape[:2]
    except ImageError as error:
        return unknown, [Finding("unreadable photo", name, str(error))]
    wrong = other_size(image, name, (width, height))
    if wrong is not None:
        return wrong.size, [Finding("other photo size", name, str(wrong).removeprefix(f"{name} "))]
    stated = image.get("width") and image.get("height")
    return (width, height), [] if stated else [Finding("no size", name, "its width and height are not stated")]


def _check_units(
    images: list[Any], annotations: list[dict[str, Any]], skeleton: Skeleton, path: Path
) -> Iterator[Finding]:
    """Whether keypoints and boxes can be pixels, by those annotations that can be read."""
    people = []
    for annotation in annotations:
        with suppress(AnnotationError):
            people.append(checked_person(annotation, skeleton.num_keypoints, "annotation", Counter()))
    known = [image for image in images if isinstance(image, dict) and is_id(image.get("id"))]
    try:
        check_units(people, known, str(path), unheard)
    except AnnotationError as error:
        yield Finding("wrong unit", "", str(error).removeprefix(f"{path}: "))


def _plain_skeleton(names: tuple[str, ...], limbs: Any) -> Skeleton:
    k = len(names)
    listed = limbs if isinstance(limbs, list) else []
    limbs = [limb for limb in listed if isinstance(limb, list) and all(isinstance(i, int) for i in limb)]
    pairs = {frozenset(limb): (limb[0] - 1, limb[1] - 1) for limb in limbs if len(set(limb)) == len(limb) == 2}
    known = [pair for pair in pairs.values() if all(0 <= i < k for i in pair)]
    return Skeleton("annotated", names, (), sides_by_name(names).pairs, (_TOLERANCE,) * k, tuple(known))
