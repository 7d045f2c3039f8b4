"""Reading COCO keypoint annotation files: one reader for all that measure, train, complete, check or convert them."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from strongpose._util.json_files import is_id, is_name, is_number, read_json
from strongpose._util.lines import Say, counted, unheard
from strongpose.annotations.categories import called, people_categories
from strongpose.annotations.person import checked_person
from strongpose.annotations.plausible import check_units
from strongpose.exceptions import AnnotationError, JsonError
from strongpose.oks import AREA_SHARE
from strongpose.skeleton import Skeleton

__all__ = ["image_lacks", "load_annotations", "load_images", "read_annotations", "read_lists"]

_LISTS = ("images", "annotations", "categories")


def read_annotations(
    source: str | PathLike[str] | Mapping[str, Any],
    skeleton: Skeleton | None = None,
    say: Say = unheard,
    name: str = "annotations",
) -> dict[str, Any]:
    """The people of a COCO keypoint annotation file, checked entry by entry.

    Several categories with the same keypoints, such as adults and children, are taken as one. Where there are
    categories with other keypoints as well, `people_categories` tells the people; what is left out is said. A box
    without an area is that of the labelled keypoints; an area that is not stated, or 0, is .53 of the box;
    ``num_keypoints`` is counted, without those that are labelled at 0 0 or at -1 -1.

    Args:
        source: the file, or its content.
        skeleton: the keypoints that the annotations must be about.
        say: told what was left out or filled in.
        name: what messages call content that is no file.

    Returns:
        The content with one category (whose "ids" are those of several taken as one) and the annotations of people;
        its dictionaries are not the source's.

    Raises:
        AnnotationError: if the file is missing or damaged, or its keypoints are not the skeleton's, or no pixels.
    """
    name, data = _content(source, _LISTS, name)
    kept = people_categories(data, name, skeleton)
    images = {image["id"] for image in data["images"]}
    known = {of for category in kept for of in (category["id"], *category.get("ids", ()))}
    others: Counter[Any] = Counter()
    filled: Counter[str] = Counter()
    seen: set[tuple[Any, ...]] = set()
    people = []
    for i, person in enumerate(data["annotations"]):
        what = f"{name}: annotation {i}"
        if not isinstance(person, dict) or not is_id(person.get("image_id")):
            raise AnnotationError(f"{what} needs 'image_id' and 'category_id'")
        of = person.get("category_id", kept[0]["id"] if len(data["categories"]) == 1 else None)
        if not is_id(of):
            raise AnnotationError(f"{what} needs 'image_id' and 'category_id'")
        if of not in known:
            _refuse_like(of, known, f"{what} is of category", "the category's id is")
            others[of] += 1
            continue
        if person["image_id"] not in images:
            _refuse_like(person["image_id"], images, f"{what} is about image", "the image's id is")
            raise AnnotationError(f"{what} is about image {person['image_id']!r:.80}, which is not among the images")
        checked = checked_person(person, len(kept[0]["keypoints"]), what, filled)
        if is_id(person.get("id")):
            entry = (person["id"], person["image_id"], *checked["keypoints"], *checked["bbox"])
            if entry in seen:
                filled["twice"] += 1
                continue
            seen.add(entry)
        people.append({**checked, "category_id": kept[0]["id"]})
    if data["annotations"] and not people:
        wanted = " or ".join(f"{category['id']!r:.40}" for category in kept)
        raise AnnotationError(
            f"{name}: none of its {len(data['annotations'])} annotations is of a category with keypoints "
            f"(category_id {wanted}); the first has {next(iter(others))!r:.40}"
        )
    _say_notes(data["categories"], kept, others, filled, lambda line: say(f"{name}: {line}"))
    check_units(people, data["images"], name, lambda line: say(f"{name}: {line}"))
    merged = {"ids": sorted(known, key=str)} if len(known) > 1 else {}
    return {**data, "categories": [{**kept[0], **merged}], "annotations": people}


def load_annotations(
    annotations: str | PathLike[str] | Mapping[str, Any], skeleton: Skeleton | None = None, say: Say = unheard
) -> dict[str, Any]:
    """`read_annotations` to measure by: every labelled person must have a size, on which the similarity depends.

    Raises:
        AnnotationError: as `read_annotations`, or if a labelled person has neither an area nor a box with one.
    """
    data = read_annotations(annotations, skeleton, say)
    name = "annotations" if isinstance(annotations, Mapping) else str(annotations)
    if data["annotations"] and not any(p["num_keypoints"] and not p["iscrowd"] for p in data["annotations"]):
        say(f"{name}: nobody has labelled keypoints (a visibility of 1 or 2, and iscrowd 0)")
    for i, person in enumerate(data["annotations"]):
        if person["num_keypoints"] and not person["iscrowd"] and not person["area"]:
            raise AnnotationError(
                f"{name}: annotation {person.get('id', i)!r:.80} has labelled keypoints but an area of 0, and its box "
                "too; the similarity (OKS) needs the person's size: give it a box, or take its labels away"
            )
    return data


def load_images(info: str | PathLike[str]) -> dict[str, Any]:
    """The content of a COCO image-info file, which lists photos without annotations, checked.

    Raises:
        AnnotationError: if the file is missing or damaged, or lists no images.
    """
    return _content(info, ("images",), "")[1]


def read_lists(
    source: str | PathLike[str] | Mapping[str, Any], keys: Sequence[str] = _LISTS, name: str = "annotations"
) -> dict[str, Any]:
    """The content of an annotation file with a list under each of ``keys``; the entries are not looked at.

    Raises:
        AnnotationError: if the file is missing, no JSON or lacks a list.
    """
    data: Any = source
    if not isinstance(source, Mapping):
        name = str(source)
        try:
            data = read_json(Path(source))
        except JsonError as error:
            raise AnnotationError(str(error)) from error
    if not isinstance(data, Mapping):
        raise AnnotationError(f"{name}: expected a JSON object as in COCO's files, got a {type(data).__name__}")
    for key in keys:
        if not isinstance(data.get(key), list):
            raise AnnotationError(f"{name}: expected a list {key!r}, as in COCO's person_keypoints files")
    return dict(data)


def image_lacks(image: Any) -> str | None:
    """What an entry of an annotation file's ``images`` needs to be one; None if it is."""
    if not isinstance(image, dict) or not is_id(image.get("id")) or not is_name(image.get("file_name")):
        return "'id' and 'file_name'"
    for side in ("width", "height"):
        if image.get(side) is not None and not (is_number(image[side]) and image[side] >= 0):
            return f"a number of pixels as {side!r}"
    return None


def _content(
    source: str | PathLike[str] | Mapping[str, Any], keys: Sequence[str], name: str
) -> tuple[str, dict[str, Any]]:
    """What messages call a file, and its content with a list under each of ``keys`` and images that can be told."""
    data = read_lists(source, keys, name)
    name = name if isinstance(source, Mapping) else str(source)
    ids: set[Any] = set()
    names: dict[str, Any] = {}
    for i, image in enumerate(data["images"]):
        if (lacking := image_lacks(image)) is not None:
            raise AnnotationError(f"{name}: image {i} needs {lacking}")
        if image["id"] in ids:
            raise AnnotationError(f"{name}: image id {image['id']!r:.80} is there twice; give every image its own")
        path = posixpath.normpath(image["file_name"])
        if path in names:
            raise AnnotationError(
                f"{name}: {path} is listed twice, as image {names[path]!r:.80} and {image['id']!r:.80}; the people of "
                "both would be looked for twice: make it one image"
            )
        ids.add(image["id"])
        names[path] = image["id"]
    if not ids:
        raise AnnotationError(f"{name}: holds no images")
    return name, data


def _refuse_like(wrong: Any, known: set[Any], what: str, but: str) -> None:
    """Raise `AnnotationError` if an id is a known one but for its type: text instead of a number, or the reverse."""
    same = [right for right in known if str(right) == str(wrong)]
    if same:
        raise AnnotationError(f"{what} {wrong!r:.80}, but {but} {same[0]!r:.80}; write both as text or both as numbers")


def _say_notes(
    categories: Sequence[Any], kept: Sequence[Mapping[str, Any]], others: Counter[Any], filled: Counter[str], say: Say
) -> None:
    """Say what was merged, left out and filled in."""
    if len(kept) > 1:
        say(f"categories {', '.join(map(called, kept))} have the same keypoints and are taken as one")
    if others:
        names = {c["id"]: called(c) for c in categories if isinstance(c, dict) and is_id(c.get("id"))}
        listed = ", ".join(f"{names.get(of, f'{of!r:.40}')} ({number})" for of, number in others.most_common(5))
        more = ", …" if len(others) > 5 else ""
        say(f"left out {others.total()} annotations of categories that are not people: {listed}{more}")
    person = "person", "people"
    for kind, noun, line in (
        ("twice", ("annotation", ""), "listed twice, with the same id and content; one of each is taken"),
        ("nowhere", ("keypoint", ""), "labelled at 0 0, or negative; taken as unlabelled"),
        ("box", person, "without a box, or with an empty one; that of the keypoints is taken"),
        ("area", person, f"without an area, or with 0; {AREA_SHARE} of the box is taken"),
        ("count", person, "with another num_keypoints than are labelled; the labels count"),
    ):
        if filled[kind]:
            say(f"{counted(filled[kind], *noun)} {line}")
