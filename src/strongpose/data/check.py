"""Looking for mistakes in a COCO-format keypoint data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from strongpose.annotations import is_id, is_name, is_number
from strongpose.data.convert import ConversionError
from strongpose.data.convert.dataset import AREA_SHARE, read_json
from strongpose.data.photos import PhotoStore
from strongpose.data.sides import doubtful_sides
from strongpose.images import ImageError
from strongpose.skeleton import Skeleton
from strongpose.skeletons import skeleton_named_like

__all__ = ["KINDS", "CheckedPhoto", "Finding", "check_data_set"]

KINDS = {
    "damaged entry": True,
    "missing photo": True,
    "unreadable photo": True,
    "other photo size": True,
    "listed twice": True,
    "wrong keypoints": True,
    "empty box": True,
    "outside the picture": True,
    "duplicate people": True,
    "swapped sides": False,
    "sides at one place": False,
    "far outside the box": False,
    "no keypoints": False,
    "wrong count": False,
}
"""What can be found, and whether it is an error (else a remark: it may be right)."""

_MARGIN = 1.0  # pixels by which a keypoint may lie outside of the picture
_FAR = 0.25  # share of the box's long side by which a keypoint may lie outside of the box
_SAME = 0.95  # OKS from which two people are one
_TOLERANCE = 0.079  # of keypoints of unknown skeletons; COCO's for shoulders


@dataclass(frozen=True, eq=False)
class Finding:
    """A mistake, or what looks like one.

    Attributes:
        kind: one of `KINDS`.
        photo: file name, or empty where it is about no photo.
        text: what is wrong, with the annotations' ids.
        people: indices in the photo's people (`CheckedPhoto`).
        marks: (L, 2) x, y in pixels of the places concerned.
    """

    kind: str
    photo: str
    text: str
    people: tuple[int, ...] = ()
    marks: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))

    @property
    def is_error(self) -> bool:
        """Whether the data set is wrong; otherwise a person should look."""
        return KINDS[self.kind]


@dataclass(frozen=True, eq=False)
class CheckedPhoto:
    """A photo with what was found in it.

    Attributes:
        file_name: as in the annotation file.
        keypoints: (N, K, 3) of its people whose keypoints could be read.
        findings: about the photo and its people.
    """

    file_name: str
    keypoints: np.ndarray
    findings: list[Finding]


def check_data_set(
    path: Path, images: Path | None = None, progress: Callable[[int, int], None] = lambda done, total: None
) -> tuple[Skeleton, list[CheckedPhoto]]:
    """Look for mistakes in annotations and photos.

    Args:
        path: a COCO keypoint annotation file.
        images: the folder of its photos (or tar shards beside it); None for the one beside the file with its name.
        progress: called after every photo with the number done and the total.

    Returns:
        The skeleton, and every photo with its findings; what belongs to no photo comes first, under an empty name.

    Raises:
        strongpose.data.convert.ConversionError: if the file is no COCO keypoint annotation file at all.
        FileNotFoundError: if there is no folder of photos.
    """
    data = read_json(path)
    for key in ("images", "annotations", "categories"):
        if not isinstance(data, dict) or not isinstance(data.get(key), list):
            raise ConversionError(f"{path}: expected a list {key!r}, as in COCO's person_keypoints files")
    category, skeleton = _skeleton_of(data, path)
    store = PhotoStore(images if images is not None else path.with_suffix(""))
    general: list[Finding] = []
    photos = _photos(data["images"], general)
    people: dict[Any, list[dict[str, Any]]] = {image["id"]: [] for image in photos}
    seen: set[Any] = set()
    for i, annotation in enumerate(data["annotations"]):
        if not isinstance(annotation, dict) or not is_id(annotation.get("id", i)):
            general.append(Finding("damaged entry", "", f"annotation {i} has no 'id' that can be one"))
        elif not is_id(annotation.get("image_id")) or annotation["image_id"] not in people:
            general.append(Finding("damaged entry", "", f"annotation {i} is about no photo that is listed"))
        elif annotation.get("category_id", category) == category:
            if annotation.get("id", i) in seen and "id" in annotation:
                general.append(Finding("listed twice", "", f"annotation id {annotation['id']} is there twice"))
            seen.add(annotation.get("id", i))
            people[annotation["image_id"]].append(annotation)
    checked = [CheckedPhoto("", np.zeros((0, skeleton.num_keypoints, 3)), general)]
    for done, image in enumerate(photos, start=1):
        findings = list(_check_photo(image, store))
        keypoints = _check_people(image, people[image["id"]], skeleton, findings)
        checked.append(CheckedPhoto(image["file_name"], keypoints, findings))
        progress(done, len(photos))
    return skeleton, checked


def _skeleton_of(data: Mapping[str, Any], path: Path) -> tuple[int, Skeleton]:
    """The id of the first category with keypoints, and its skeleton.

    The packaged skeleton of these names; of others, one without edges, with the limbs that the category lists.
    """
    for category in data["categories"]:
        if isinstance(category, dict) and "id" in category and category.get("keypoints"):
            keypoints = category["keypoints"]
            if not isinstance(keypoints, list) or not all(map(is_name, keypoints)):
                raise ConversionError(f"{path}: 'keypoints' of a category must be a list of names")
            names = tuple(keypoints)
            try:
                skeleton = skeleton_named_like(names) or _plain_skeleton(names, category.get("skeleton"))
            except ValueError as error:
                raise ConversionError(f"{path}: its keypoints are no skeleton: {error}") from error
            return category["id"], skeleton
    raise ConversionError(f"{path}: no category has 'keypoints'; COCO's person_keypoints files are of this kind")


def _photos(images: list[Any], general: list[Finding]) -> list[dict[str, Any]]:
    photos: dict[Any, dict[str, Any]] = {}
    names: Counter[str] = Counter()
    for i, image in enumerate(images):
        if not (
            isinstance(image, dict)
            and is_id(image.get("id"))
            and is_name(image.get("file_name"))
            and is_number(image.get("width"))
            and is_number(image.get("height"))
        ):
            general.append(Finding("damaged entry", "", f"image {i} needs 'id', 'file_name', 'width' and 'height'"))
            continue
        names[image["file_name"]] += 1
        if image["id"] in photos or names[image["file_name"]] > 1:
            what = f"image id {image['id']}" if image["id"] in photos else "the file"
            general.append(Finding("listed twice", image["file_name"], f"{what} is there twice"))
        photos.setdefault(image["id"], image)
    return list(photos.values())


def _check_photo(image: dict[str, Any], store: PhotoStore) -> Iterator[Finding]:
    name = image["file_name"]
    if name not in store:
        yield Finding("missing photo", name, f"not in {store.folder}")
        return
    try:
        height, width = store.open(name).shape[:2]
    except ImageError as error:
        yield Finding("unreadable photo", name, str(error))
    else:
        if (width, height) != (image["width"], image["height"]):
            stated = f"{image['width']}×{image['height']}"
            yield Finding("other photo size", name, f"{width}×{height} pixels, annotated as {stated}")


def _check_people(
    image: dict[str, Any], annotations: list[dict[str, Any]], skeleton: Skeleton, findings: list[Finding]
) -> np.ndarray:
    """(N, K, 3) keypoints of the people that could be read; crowds are left out."""
    found: list[np.ndarray] = []
    areas: list[float] = []
    names: list[str] = []
    for annotation in annotations:
        what = f"annotation {annotation.get('id', '?')}"
        rows = _keypoints(annotation, skeleton.num_keypoints)
        box = _box(annotation)
        if box is None or (box[2:] <= 0).any():
            shown = "no box" if box is None else f"a box of {box[2]:g}×{box[3]:g} pixels"
            findings.append(Finding("empty box", image["file_name"], f"{what} has {shown}", (len(found),)))
        if isinstance(rows, str):
            findings.append(Finding("wrong keypoints", image["file_name"], f"{what}: {rows}"))
            continue
        if annotation.get("iscrowd"):
            continue
        findings += _check_person(image, annotation, rows, box, skeleton, what, len(found))
        found.append(rows)
        areas.append(_area(annotation, box))
        names.append(what)
    keypoints = np.stack(found) if found else np.zeros((0, skeleton.num_keypoints, 3))
    for i in range(len(found)):
        for j in range(i + 1, len(found)):
            both = (found[i][:, 2] > 0) & (found[j][:, 2] > 0)
            fewest = int((keypoints[[i, j], :, 2] > 0).sum(1).min())
            if both.sum() >= 3 and 2 * both.sum() >= fewest:
                oks = _similarity(keypoints[i], keypoints[j], both, (areas[i] + areas[j]) / 2, skeleton)
                if oks >= _SAME:
                    text = f"{names[i]} and {names[j]}: alike, OKS {oks:.3f}"
                    findings.append(Finding("duplicate people", image["file_name"], text, (i, j)))
    return keypoints


def _check_person(
    image: dict[str, Any],
    annotation: dict[str, Any],
    rows: np.ndarray,
    box: np.ndarray | None,
    skeleton: Skeleton,
    what: str,
    index: int,
) -> Iterator[Finding]:
    def finding(kind: str, text: str, concerned: np.ndarray) -> Finding:
        return Finding(kind, image["file_name"], f"{what}: {text}", (index,), rows[concerned, :2])

    def named(concerned: np.ndarray) -> str:
        return ", ".join(skeleton.names[k] for k in np.flatnonzero(concerned))

    labelled, points = rows[:, 2] > 0, rows[:, :2]
    if not labelled.any():
        yield finding("no keypoints", "nobody labelled this person", labelled)
        return
    size = np.array([image["width"], image["height"]], dtype=np.float64)
    outside = labelled & ((points < -_MARGIN) | (points > size - 1 + _MARGIN)).any(1)
    if outside.any():
        yield finding("outside the picture", named(outside), outside)
    if box is not None:
        beyond = np.maximum(box[:2] - points, points - box[:2] - box[2:]).max(1)
        far = labelled & ~outside & (beyond > _FAR * box[2:].max())
        if far.any():
            yield finding("far outside the box", named(far), far)
    doubts = doubtful_sides(rows, skeleton)
    if doubts:
        concerned = np.isin(np.arange(len(rows)), [k for doubt in doubts for k in doubt.keypoints])
        yield finding("swapped sides", "; ".join(doubt.text for doubt in doubts), concerned)
    for pair in map(list, skeleton.flip_pairs):
        if labelled[pair].all() and (points[pair[0]] == points[pair[1]]).all():
            text = " and ".join(skeleton.names[k] for k in pair)
            yield finding("sides at one place", text, np.isin(np.arange(len(rows)), pair))
    stated = annotation.get("num_keypoints", int(labelled.sum()))
    if not isinstance(stated, int) or stated != labelled.sum():
        yield finding(
            "wrong count", f"num_keypoints {stated!r:.20}, but {labelled.sum()} are labelled", ~labelled & False
        )


def _keypoints(annotation: dict[str, Any], count: int) -> np.ndarray | str:
    """(K, 3), or what is wrong with them."""
    try:
        values = np.array(annotation.get("keypoints") or np.zeros(3 * count), dtype=np.float64).ravel()
    except (TypeError, ValueError, OverflowError):
        return "its keypoints are not numbers"
    if values.size != 3 * count:
        return f"expected {3 * count} keypoint values, got {values.size}"
    if not all(map(is_number, values.tolist())):
        return "its keypoints are not all finite numbers"
    rows = values.reshape(count, 3)
    if not np.isin(rows[:, 2], (0, 1, 2)).all():
        return f"visibilities must be 0, 1 or 2, got {sorted({f'{v:g}' for v in rows[:, 2]})}"
    return rows


def _box(annotation: dict[str, Any]) -> np.ndarray | None:
    try:
        box = np.array(annotation.get("bbox"), dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    return box if box.shape == (4,) and all(map(is_number, box.tolist())) else None


def _area(annotation: dict[str, Any], box: np.ndarray | None) -> float:
    """Square pixels: as stated, or the usual share of the box."""
    stated: Any = annotation.get("area")
    if is_number(stated) and stated > 0:
        return float(stated)
    return 0.0 if box is None else AREA_SHARE * float(box[2:].clip(0).prod())


def _similarity(a: np.ndarray, b: np.ndarray, both: np.ndarray, area: float, skeleton: Skeleton) -> float:
    """Object Keypoint Similarity of two people, over the keypoints that both have."""
    squared = np.square(a[both, :2] - b[both, :2]).sum(1)
    scale = 2 * max(area, 1.0) * np.square(2 * np.array(skeleton.sigmas)[both])
    return float(np.exp(-squared / scale).mean())


def _plain_skeleton(names: tuple[str, ...], limbs: Any) -> Skeleton:
    k = len(names)
    listed = limbs if isinstance(limbs, list) else []
    limbs = [limb for limb in listed if isinstance(limb, list) and all(isinstance(i, int) for i in limb)]
    pairs = {frozenset(limb): (limb[0] - 1, limb[1] - 1) for limb in limbs if len(set(limb)) == len(limb) == 2}
    known = [pair for pair in pairs.values() if all(0 <= i < k for i in pair)]
    left = [name for name in names if name.startswith("left_") and f"right_{name[5:]}" in names]
    flips = tuple((names.index(name), names.index(f"right_{name[5:]}")) for name in left)
    return Skeleton("annotated", names, (), flips, (_TOLERANCE,) * k, tuple(known))
