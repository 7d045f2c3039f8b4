"""Reading COCO keypoint annotation files: one reader for all that measure, train, complete, check or convert them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from strongpose.decode.suppression import AREA_SHARE
from strongpose.json_files import JsonError, is_id, is_name, is_number, read_json
from strongpose.skeleton import Skeleton

__all__ = [
    "AnnotationError",
    "Say",
    "has_area",
    "load_annotations",
    "load_images",
    "people_categories",
    "read_annotations",
    "read_lists",
    "unheard",
]

Say = Callable[[str], None]
"""Called with a line about what was taken in another way than it is written."""

_NO_AREA = 0.01  # share of the box: a smaller area is none; shapes of people in COCO take .15 and more
_LISTS = ("images", "annotations", "categories")


class AnnotationError(ValueError):
    """Annotations that cannot be used; the message names the file, the entry and the remedy."""


def unheard(line: str) -> None:
    """A `Say` that leaves the line unsaid."""


def read_annotations(
    source: str | PathLike[str] | Mapping[str, Any],
    skeleton: Skeleton | None = None,
    say: Say = unheard,
    name: str = "annotations",
) -> dict[str, Any]:
    """The people of a COCO keypoint annotation file, checked entry by entry.

    Several categories with the same keypoints, such as adults and children, are taken as one. Where there are
    categories with other keypoints as well, people are those with the skeleton's, else those that have annotations,
    else those called "person"; what is left out is said. A box that is not stated is that of the labelled keypoints;
    an area that is not stated, or 0, is .53 of the box. ``num_keypoints`` is counted.

    Args:
        source: the file, or its content.
        skeleton: the keypoints that the annotations must be about.
        say: told what was left out or filled in.
        name: what messages call content that is no file.

    Returns:
        The content with one category, and the annotations of people; its dictionaries are not the source's.

    Raises:
        AnnotationError: if the file is missing or damaged, or its keypoints are not the skeleton's.
    """
    name, data = _content(source, _LISTS, name)
    kept = people_categories(data, name, skeleton)
    ids, known = {image["id"] for image in data["images"]}, {category["id"] for category in kept}
    count = len(kept[0]["keypoints"])
    others: Counter[Any] = Counter()
    filled: Counter[str] = Counter()
    people = []
    for i, person in enumerate(data["annotations"]):
        what = f"{name}: annotation {i}"
        if not isinstance(person, dict) or not is_id(person.get("image_id")):
            raise AnnotationError(f"{what} needs 'image_id' and 'category_id'")
        of = person.get("category_id", kept[0]["id"] if len(data["categories"]) == 1 else None)
        if not is_id(of):
            raise AnnotationError(f"{what} needs 'image_id' and 'category_id'")
        if of in known:
            people.append({**_checked(person, count, ids, what, filled), "category_id": kept[0]["id"]})
        else:
            others[of] += 1
    if data["annotations"] and not people:
        wanted = " or ".join(f"{category['id']!r:.40}" for category in kept)
        raise AnnotationError(
            f"{name}: none of its {len(data['annotations'])} annotations is of a category with keypoints "
            f"(category_id {wanted}); the first has {next(iter(others))!r:.40}"
        )
    _refuse_shares(people, data["images"], name)
    _say_notes(data["categories"], kept, others, filled, lambda line: say(f"{name}: {line}"))
    return {**data, "categories": kept[:1], "annotations": people}


def load_annotations(
    annotations: str | PathLike[str] | Mapping[str, Any], skeleton: Skeleton | None = None, say: Say = unheard
) -> dict[str, Any]:
    """`read_annotations` to measure by: every labelled person must have a size, on which the similarity depends.

    Raises:
        AnnotationError: as `read_annotations`, or if a labelled person has neither an area nor a box with one.
    """
    data = read_annotations(annotations, skeleton, say)
    name = "annotations" if isinstance(annotations, Mapping) else str(annotations)
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


def people_categories(data: Mapping[str, Any], name: str, skeleton: Skeleton | None = None) -> list[dict[str, Any]]:
    """The categories whose annotations are people, as `read_annotations` chooses them; all have the same keypoints.

    Args:
        data: content with the lists "categories" and "annotations".
        name: what messages call it.
        skeleton: the keypoints to have.

    Raises:
        AnnotationError: if there are none, or they cannot be told.
    """
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for category in data["categories"]:
        if isinstance(category, dict) and "id" in category and category.get("keypoints"):
            keypoints = category["keypoints"]
            if not is_id(category["id"]) or not isinstance(keypoints, list) or not all(map(is_name, keypoints)):
                raise AnnotationError(f"{name}: 'keypoints' of a category must be a list of names, 'id' a number")
            alike.setdefault(tuple(keypoints), []).append(category)
    if not alike:
        raise AnnotationError(f"{name}: no category has 'keypoints'; COCO's person_keypoints files are of this kind")
    if skeleton is not None:
        if skeleton.names not in alike:
            have = "; or ".join(", ".join(names) for names in alike)
            raise AnnotationError(f"{name}: its keypoints are {have}, but the model's are {', '.join(skeleton.names)}")
        return alike[skeleton.names]
    used = [a.get("category_id") for a in data["annotations"] if isinstance(a, dict)]
    for fits in (
        lambda group: True,
        lambda group: any(c["id"] in used for c in group),
        lambda group: any(c.get("name") == "person" for c in group),
    ):
        groups = [group for group in alike.values() if fits(group)]
        if len(groups) == 1:
            return groups[0]
    listed = ", ".join(f"{_called(group[0])} ({len(names)})" for names, group in alike.items())
    raise AnnotationError(
        f"{name}: has categories with different keypoints ({listed}), none of which is called person; keep one of them"
    )


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


def has_area(person: Mapping[str, Any]) -> bool:
    """Whether an annotation with a right box states an area that can be one: more than a hundredth of the box."""
    area, (_, _, width, height) = person.get("area"), person["bbox"]
    return is_number(area) and area > _NO_AREA * max(0.0, width) * max(0.0, height)


def _content(
    source: str | PathLike[str] | Mapping[str, Any], keys: Sequence[str], name: str
) -> tuple[str, dict[str, Any]]:
    """What messages call a file, and its content with a list under each of ``keys`` and images that can be told."""
    data = read_lists(source, keys, name)
    name = name if isinstance(source, Mapping) else str(source)
    ids: set[Any] = set()
    names: dict[str, Any] = {}
    for i, image in enumerate(data["images"]):
        if not isinstance(image, dict) or not is_id(image.get("id")) or not is_name(image.get("file_name")):
            raise AnnotationError(f"{name}: image {i} needs 'id' and 'file_name'")
        for side in ("width", "height"):
            if image.get(side) is not None and not (is_number(image[side]) and image[side] >= 0):
                raise AnnotationError(f"{name}: image {i} needs a number of pixels as {side!r}")
        if image["id"] in ids:
            raise AnnotationError(f"{name}: image id {image['id']!r:.80} is there twice; give every image its own")
        if image["file_name"] in names:
            raise AnnotationError(
                f"{name}: {image['file_name']} is listed twice, as image {names[image['file_name']]!r:.80} and "
                f"{image['id']!r:.80}; the people of both would be looked for twice: make it one image"
            )
        ids.add(image["id"])
        names[image["file_name"]] = image["id"]
    if not ids:
        raise AnnotationError(f"{name}: holds no images")
    return name, data


def _checked(
    person: dict[str, Any], count: int, image_ids: set[Any], what: str, filled: Counter[str]
) -> dict[str, Any]:
    """An annotation with everything that an evaluation or training reads; counts what was filled in."""
    if person["image_id"] not in image_ids:
        raise AnnotationError(f"{what} is about image {person['image_id']!r:.80}, which is not among the images")
    keypoints = person.get("keypoints") or [0] * (3 * count)  # nobody labelled them
    if not isinstance(keypoints, list) or len(keypoints) != 3 * count:
        got = len(keypoints) if isinstance(keypoints, list) else f"a {type(keypoints).__name__}"
        raise AnnotationError(f"{what} needs {3 * count} keypoint values (x, y, visible), got {got}")
    if not all(map(is_number, keypoints)):
        raise AnnotationError(f"{what}: its keypoints are not all numbers")
    if person.get("iscrowd", 0) not in (0, 1):
        raise AnnotationError(f"{what}: 'iscrowd' must be 0 or 1")
    labelled = sum(v > 0 for v in keypoints[2::3])
    crowd = int(person.get("iscrowd", 0))
    box = person.get("bbox")
    if box is None and labelled:
        xs, ys = ([p for p, v in zip(keypoints[axis::3], keypoints[2::3], strict=True) if v > 0] for axis in (0, 1))
        box = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
        filled["box"] += 1
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box)):
        raise AnnotationError(f"{what} needs 'bbox', four numbers x, y, width, height")
    area = person.get("area")
    if area is not None and (not is_number(area) or area < 0):
        raise AnnotationError(f"{what} needs a number 'area' of 0 or more")
    if area is None or not (crowd or has_area({"area": area, "bbox": box})):
        area = AREA_SHARE * max(0.0, box[2]) * max(0.0, box[3])
        filled["area"] += bool(labelled and not crowd and area)
    filled["count"] += person.get("num_keypoints", labelled) != labelled
    return {**person, "keypoints": keypoints, "num_keypoints": labelled, "bbox": box, "area": area, "iscrowd": crowd}


def _refuse_shares(people: Sequence[Mapping[str, Any]], images: Sequence[Mapping[str, Any]], name: str) -> None:
    """Raise `AnnotationError` if keypoints are shares of the photo instead of pixels."""
    most, labelled = 0.0, 0
    for person in people:
        values = person["keypoints"]
        for x, y, v in zip(values[::3], values[1::3], values[2::3], strict=True):
            if v > 0:
                most, labelled = max(most, x, y), labelled + 1
    sides: list[Any] = [image.get("width") for image in images]
    if labelled > 1 and most <= 1 and any(is_number(side) and side > 8 for side in sides):
        raise AnnotationError(
            f"{name}: all keypoints lie within 0 to {most:g}: they look like shares of the photo; COCO's are pixels"
        )


def _say_notes(
    categories: Sequence[Any], kept: Sequence[Mapping[str, Any]], others: Counter[Any], filled: Counter[str], say: Say
) -> None:
    """Say what was merged, left out and filled in."""
    if len(kept) > 1:
        say(f"categories {', '.join(map(_called, kept))} have the same keypoints and are taken as one")
    if others:
        names = {c["id"]: _called(c) for c in categories if isinstance(c, dict) and is_id(c.get("id"))}
        listed = ", ".join(f"{names.get(of, f'{of!r:.40}')} ({number})" for of, number in others.most_common(5))
        more = ", …" if len(others) > 5 else ""
        say(f"left out {others.total()} annotations of categories that are not people: {listed}{more}")
    if filled["box"]:
        say(f"{filled['box']} people have no box; that of their keypoints is taken")
    if filled["area"]:
        say(f"{filled['area']} people have no area, or 0; {AREA_SHARE} of the box is taken")
    if filled["count"]:
        say(f"{filled['count']} people state another num_keypoints than are labelled; the labels count")


def _called(category: Mapping[str, Any]) -> str:
    name: Any = category.get("name")
    return str(name) if is_name(name) else f"{category['id']!r:.40}"
