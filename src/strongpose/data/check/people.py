"""Looking for mistakes in the annotations of one photo's people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from strongpose._util.json_files import is_number
from strongpose._util.lines import one_line
from strongpose.annotations import has_area
from strongpose.annotations.segmentation import read_region
from strongpose.data.check.findings import Finding
from strongpose.data.check.sides import doubtful_sides
from strongpose.oks import AREA_SHARE, similarity_to
from strongpose.skeleton import Skeleton

__all__ = ["check_people"]

_MARGIN = 1.0  # pixels by which a keypoint may lie outside of the picture
_FAR = 0.25  # share of the box's long side by which a keypoint may lie outside of the box
_SAME = 0.95  # OKS from which two people are one


def check_people(
    image: dict[str, Any], annotations: list[dict[str, Any]], skeleton: Skeleton, findings: list[Finding]
) -> np.ndarray:
    """Look for mistakes in the annotations of a photo's people.

    Args:
        image: the photo's entry, with "file_name", "width" and "height".
        annotations: of its people.
        skeleton: their keypoints.
        findings: what is found is appended here.

    Returns:
        (N, K, 3) keypoints of the people that could be read; crowds are left out.
    """
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
        findings += _check_polygons(image, annotation, what, len(found))
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
    points, sigmas = keypoints[..., :2], np.array(skeleton.sigmas)
    for i in range(len(found)):
        for j in range(i + 1, len(found)):
            both = (found[i][:, 2] > 0) & (found[j][:, 2] > 0)
            fewest = int((keypoints[[i, j], :, 2] > 0).sum(1).min())
            if both.sum() >= 3 and 2 * both.sum() >= fewest:
                area = max((areas[i] + areas[j]) / 2, 1.0)
                oks = float(similarity_to(points[i], area, points[j, None], both[None], sigmas)[0])
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
    unstated = annotation.get("area") is None  # .53 of the box is usual then
    if not unstated and box is not None and (box[2:] > 0).all() and not has_area({**annotation, "bbox": box.tolist()}):
        stated = annotation["area"]
        yield finding("no area", f"area {stated!r:.20} for a box of {box[2]:g}×{box[3]:g} pixels", ~labelled & False)
    count = int(labelled.sum())
    nowhere = labelled & (points == 0).all(1)
    if nowhere.any():
        yield finding("labelled at 0 0", named(nowhere), nowhere)
        labelled = labelled & ~nowhere
    size = np.array([image["width"], image["height"]], dtype=np.float64)
    outside = labelled & ((points < -_MARGIN) | (points > size - 1 + _MARGIN)).any(1)
    if outside.any():
        yield finding("outside the picture", named(outside), outside)
    if box is not None and (box[:2] + box[2:] > size + 2).any():
        yield finding("box outside the picture", f"a box to {box[0] + box[2]:g}, {box[1] + box[3]:g}", labelled & False)
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
    stated = annotation.get("num_keypoints", count)
    if not isinstance(stated, int) or stated != count:
        yield finding("wrong count", f"num_keypoints {stated!r:.20}, but {count} are labelled", ~labelled & False)


def _check_polygons(image: dict[str, Any], annotation: dict[str, Any], what: str, index: int) -> Iterator[Finding]:
    """Whether the segmentation can be read, and encloses something."""
    try:
        region = read_region(annotation, int(image["width"]), int(image["height"]))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        yield Finding("damaged polygon", image["file_name"], f"{what}, segmentation: {one_line(error)}", (index,))
        return
    polygons: Any = annotation.get("segmentation")
    if isinstance(polygons, list) and len(polygons) != len(region.polygons if region else ()):
        yield Finding("empty polygon", image["file_name"], f"{what}: a polygon of fewer than three points", (index,))


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
