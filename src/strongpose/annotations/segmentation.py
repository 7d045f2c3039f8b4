"""Parts of photos in COCO annotations: polygons, run-length encoded masks and boxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from strongpose._util.json_files import is_number

__all__ = ["Region", "read_box", "read_region"]


@dataclass(frozen=True, eq=False)
class Region:
    """A part of a photo: polygons, or a mask where the annotation is run-length encoded.

    Attributes:
        polygons: list of (P, 2) float arrays, x and y in photo pixels.
        mask: (H, W) uint8, 1 inside, or None.
    """

    polygons: tuple[np.ndarray, ...] = ()
    mask: np.ndarray | None = None


def read_region(annotation: Mapping[str, Any], width: int, height: int) -> Region | None:
    """The ``segmentation`` of an annotation, or None if it holds nothing.

    Outlines of fewer than three points, which some tools write for none, enclose nothing and are left out.

    Args:
        annotation: its entry in the file.
        width: of the photo in pixels.
        height: of the photo in pixels.

    Raises:
        ValueError: if it is no segmentation, or not of a photo of that size.
    """
    segmentation = annotation.get("segmentation")
    if not segmentation:
        return None
    if not isinstance(segmentation, list):
        return Region(mask=_mask(segmentation, width, height))
    if all(map(is_number, segmentation)):
        segmentation = [segmentation]  # a single outline without the list around it
    if any(isinstance(outline, Mapping) for outline in segmentation):
        raise ValueError("run-length masks must not stand in a list")
    outlines = [_numbers(_flat(outline)) for outline in segmentation if outline is not None]
    if any(len(outline) % 2 for outline in outlines):
        raise ValueError("a polygon must be pairs of x and y")
    polygons = tuple(outline.reshape(-1, 2) for outline in outlines if len(outline) >= 6)
    return Region(polygons) if polygons else None


def read_box(box: Any) -> Region:
    """The region of a ``bbox``: x, y, width, height in pixels.

    Raises:
        ValueError: if it is not four numbers.
    """
    x, y, w, h = _numbers(box)
    return Region((np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], dtype=np.float32),))


def _flat(outline: Any) -> Any:
    """X and y in one list, where they are written as pairs."""
    if isinstance(outline, list) and all(isinstance(point, list) and len(point) == 2 for point in outline):
        return [value for point in outline for value in point]
    return outline


def _numbers(values: Any) -> np.ndarray:
    """(L,) float32 of a list; refuses what cannot be pixels."""
    if not isinstance(values, list) or not all(map(is_number, values)):
        raise ValueError("expected a list of finite numbers")
    return np.array(values, dtype=np.float32)


def _mask(segmentation: dict[str, Any], width: int, height: int) -> np.ndarray:
    """(height, width) uint8 of COCO's run-length encoding: runs of 0 and 1 in turn, down the columns.

    Source: https://cocodataset.org/#format-data; the packed form is that of its mask API.
    """
    if segmentation["size"] != [height, width]:
        raise ValueError(f"a mask of {segmentation['size']!r:.40} for a photo of {[height, width]} pixels")
    counts = segmentation["counts"]
    runs = _unpacked(counts) if isinstance(counts, str) else [_whole(run) for run in counts]
    if not all(isinstance(run, int) and run >= 0 for run in runs) or sum(runs) != height * width:
        raise ValueError(f"the runs of a mask must add up to {height * width} pixels")
    return np.repeat(np.arange(len(runs), dtype=np.uint8) % 2, runs).reshape(width, height).T


def _whole(run: Any) -> Any:
    """A run that is written as 5.0 as 5."""
    return int(run) if isinstance(run, float) and run.is_integer() else run


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
