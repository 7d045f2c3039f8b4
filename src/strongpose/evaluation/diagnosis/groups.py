"""What may explain an error: size, crowding, truncation and blur of the annotated people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from strongpose.evaluation.diagnosis.classification import PhotoErrors

__all__ = ["Group", "Person", "box_overlaps", "describe_people", "group_people", "sharpness"]

_BORDER = 2.0  # pixels within which a box touches the border of the photo
_OVERLAP = 0.1  # intersection over union of the boxes of people who crowd each other
_FEW = 9  # fewer labelled keypoints than this: much of the person is occluded or truncated
_SIDE = 128  # long side in pixels to which boxes are scaled to compare their sharpness
_MEDIUM, _LARGE, _VERY_LARGE = 32.0**2, 96.0**2, 192.0**2  # square pixels; the first two are COCO's borders


@dataclass(frozen=True, eq=False)
class Person:
    """An annotated person who is not ignored.

    Attributes:
        photo: the classified errors of the photo.
        index: of the person in it.
        area: square pixels.
        crowding: the number of other annotated people whose box overlaps theirs (IoU above .1).
        at_border: whether their box touches the border of the photo (within 2 pixels).
        labelled: the number of labelled keypoints.
        sharpness: of the photo in their box, see `sharpness`.
    """

    photo: PhotoErrors
    index: int
    area: float
    crowding: int
    at_border: bool
    labelled: int
    sharpness: float


@dataclass(frozen=True)
class Group:
    """Some of the annotated people: ``members`` are indices of the list given to `group_people`."""

    kind: str
    name: str
    members: tuple[int, ...]


def describe_people(photo: PhotoErrors, image: np.ndarray) -> list[Person]:
    """The people of one photo who are not ignored.

    Args:
        photo: the classified errors.
        image: (H, W, 3) uint8 RGB.
    """
    people = photo.people
    high = np.array(image.shape[1::-1]) - 1.0
    low_side, high_side = people.boxes[:, :2] <= _BORDER, people.boxes[:, 2:] >= high - _BORDER
    at_border = (low_side | high_side).max(axis=1)
    crowding = (box_overlaps(people.boxes) > _OVERLAP).sum(axis=1)
    labelled = (people.keypoints[..., 2] > 0).sum(axis=1)
    return [
        Person(
            photo,
            int(i),
            float(people.areas[i]),
            int(crowding[i]),
            bool(at_border[i]),
            int(labelled[i]),
            sharpness(image, people.boxes[i]),
        )
        for i in np.flatnonzero(~people.ignored)
    ]


def box_overlaps(boxes: np.ndarray) -> np.ndarray:
    """(M, M) intersection over union of (M, 4) boxes x0, y0, x1, y1, with 0 on the diagonal."""
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(axis=-1)
    areas = np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=-1)
    union = areas[:, None] + areas[None] - shared
    overlaps = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    np.fill_diagonal(overlaps, 0)
    return overlaps


def sharpness(image: np.ndarray, box: np.ndarray) -> float:
    """Variance of the Laplacian of a box's grey values, scaled to a long side of 128 pixels.

    Low for blurred people, and for those so small that enlarging them shows no detail.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: (4,) x0, y0, x1, y1 in pixels; what lies outside the photo is cut off.
    """
    h, w = image.shape[:2]
    x0, y0 = (int(np.clip(np.floor(v), 0, side - 1)) for v, side in zip(box[:2], (w, h), strict=True))
    x1, y1 = (int(np.clip(np.ceil(v), low + 1, side)) for v, low, side in zip(box[2:], (x0, y0), (w, h), strict=True))
    grey = Image.fromarray(image[y0:y1, x0:x1]).convert("L")
    scale = _SIDE / max(grey.size)
    size = (max(1, round(grey.width * scale)), max(1, round(grey.height * scale)))
    if scale < 1:
        scaled = np.rint(_averaged(_averaged(np.asarray(grey, dtype=np.float64), size[1]).T, size[0]).T)
    else:
        scaled = np.asarray(grey.resize(size, Image.Resampling.BILINEAR), dtype=np.float64)
    padded = np.pad(scaled, 1, mode="reflect")
    beside = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    return float((beside - 4 * padded[1:-1, 1:-1]).var())


def _averaged(values: np.ndarray, count: int) -> np.ndarray:
    """(count, w) means over equal parts of (h, w) lines; a line that two parts share counts in each by its share."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    borders = np.linspace(0, len(values), count + 1)
    whole = np.minimum(borders.astype(int), len(values) - 1)
    until = sums[whole] + (borders - whole)[:, None] * values[whole]
    return np.diff(until, axis=0) * (count / len(values))


def group_people(people: Sequence[Person]) -> list[Group]:
    """All people, and four ways to part them: by size (twice), crowding, truncation and blur; no empty groups."""
    area = np.array([p.area for p in people])
    crowding = np.array([p.crowding for p in people])
    at_border = np.array([p.at_border for p in people], dtype=bool)
    few = np.array([p.labelled < _FEW for p in people], dtype=bool)
    groups = [
        ("all", "all people", np.ones(len(people), dtype=bool)),
        ("size", "small, below 32²", area < _MEDIUM),
        ("size", "medium, 32² to 96²", (area >= _MEDIUM) & (area < _LARGE)),
        ("size", "large, 96² to 192²", (area >= _LARGE) & (area < _VERY_LARGE)),
        ("size", "very large, from 192²", area >= _VERY_LARGE),
        *_terciles("size, thirds", area, ("smallest", "middle", "largest")),
        ("crowding", "nobody overlaps", crowding == 0),
        ("crowding", "1 other", crowding == 1),
        ("crowding", "2 or more others", crowding > 1),
        ("truncation", "whole", ~at_border & ~few),
        ("truncation", "truncated (at the border)", at_border),
        ("truncation", "inside, under 9 keypoints", ~at_border & few),
        *_terciles("blur, thirds", np.array([p.sharpness for p in people]), ("most blurred", "middle", "sharpest")),
    ]
    members = [(kind, name, tuple(np.flatnonzero(mask).tolist())) for kind, name, mask in groups]
    return [Group(kind, name, indices) for kind, name, indices in members if indices]


def _terciles(kind: str, values: np.ndarray, names: tuple[str, str, str]) -> list[tuple[str, str, np.ndarray]]:
    """Three groups of nearly the same number of people; the names say where they part."""
    if not len(values):
        return []
    low, high = np.quantile(values, [1 / 3, 2 / 3])
    where = (f"below {low:,.0f}", f"{low:,.0f} to {high:,.0f}", f"from {high:,.0f}")
    parts = (values < low, (values >= low) & (values < high), values >= high)
    return [(kind, f"{name}, {limit}", part) for name, limit, part in zip(names, where, parts, strict=True)]
