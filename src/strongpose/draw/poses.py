"""Poses, drawn over the photo: the surer a keypoint, the clearer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from strongpose.draw.colours import LEFT, OUTLINE, RIGHT, person_colour
from strongpose.draw.labels import draw_labels
from strongpose.draw.legend import Corner, draw_legend, free_corner
from strongpose.draw.pen import WHITE, Box, Colour, Pen, lay_over
from strongpose.poses import KEYPOINT_THRESHOLD, Pose, Poses
from strongpose.skeleton import Skeleton

__all__ = ["draw_poses"]

_OPAQUE = 0.7  # keypoint score from which nothing fades
_FAINT, _THIN = 0.5, 0.6  # opacity and width, of a sure one's, at the threshold
_WIDTH = 0.014  # of a line, times the person's extent
_THICKEST = 100  # times the usual
_LEAST, _MOST = 1.35, 0.012  # width in pixels; times the picture's long side


class _Look(NamedTuple):
    """How a person is drawn.

    Attributes:
        points: (K, 2) x, y.
        limbs: (first, second keypoint, side, strength) of those drawn, the least sure first.
        dots: (keypoint, side, strength) of those drawn, likewise.
        width: of sure limbs, in pixels.
        colours: by side: -1 left, 0 trunk, 1 right.
    """

    points: np.ndarray
    limbs: list[tuple[int, int, int, float]]
    dots: list[tuple[int, int, float]]
    width: float
    colours: dict[int, Colour]


def draw_poses(
    image: np.ndarray,
    poses: Poses,
    threshold: float = KEYPOINT_THRESHOLD,
    ids: Sequence[int] | np.ndarray | None = None,
    labels: Sequence[str] | None = None,
    *,
    by_person: bool = False,
    thickness: float = 1.0,
    legend: bool = True,
    corner: Corner | None = None,
) -> np.ndarray:
    """A copy of the photo with every pose drawn on it: left limbs orange, right ones blue, trunks by person.

    Limbs and keypoints fade and get thinner as their score falls; a limb has the lower score of its two ends.
    Lines are as thick as suits the person's size. A keypoint none of whose limbs is drawn is not drawn either.

    Args:
        image: (H, W, 3) uint8 RGB.
        poses: in pixels of ``image``; the surest is drawn on top.
        threshold: keypoints with a lower score, and limbs that end in one, are not drawn.
        ids: N numbers that the people's colours go by, for people tracked in a video; left out, the order of the poses.
        labels: N texts to write beside the people, or none.
        by_person: give whole people their colour, lighter on the left and darker on the right.
        thickness: factor of the width of lines, up to 100.
        legend: whether a corner says which colour is the left and which the right; tiny pictures have none.
        corner: where the legend is, also if nobody is drawn; left out, a corner where nobody is.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError: if there are not as many ids or labels as people, or the threshold or thickness makes no sense.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold must lie in 0-1, got {threshold}")
    if not 0 < thickness <= _THICKEST:
        raise ValueError(f"thickness must be more than 0 and at most {_THICKEST}, got {thickness}")
    for name, values in (("ids", ids), ("labels", labels)):
        if values is not None and len(values) != len(poses):
            raise ValueError(f"expected {len(poses)} {name}, one per person, got {len(values)}")
    numbers = range(len(poses)) if ids is None else [int(i) for i in ids]
    canvas = image.copy()
    looks = [
        _look(pose, threshold, thickness, max(image.shape[:2]), _colours(number, by_person))
        for pose, number in zip(poses, numbers, strict=True)
    ]
    drawn = np.concatenate([np.zeros((0, 2)), *(_along_limbs(look) for look in looks)])
    if legend and poses.skeleton.flip_pairs and (corner or len(drawn)):
        draw_legend(canvas, corner or free_corner(canvas.shape, drawn), by_person)
    for i in np.argsort(poses.scores, kind="stable"):
        _draw_person(canvas, looks[i])
    if labels is not None:
        draw_labels(canvas, labels, poses.boxes, [person_colour(number) for number in numbers], drawn)
    return canvas


def _colours(number: int, by_person: bool) -> dict[int, Colour]:
    if by_person:
        return {side: person_colour(number, side) for side in (-1, 0, 1)}
    return {-1: LEFT, 0: person_colour(number), 1: RIGHT}


def _look(pose: Pose, threshold: float, thickness: float, long_side: int, colours: dict[int, Colour]) -> _Look:
    points, scores = pose.keypoints[:, :2], pose.keypoints[:, 2]
    seen = scores >= threshold
    sides, trunk = _sides(pose.skeleton)
    strength = np.clip((scores - threshold) / max(_OPAQUE - threshold, 1e-6), 0, 1)
    limbs = [
        (a, b, 0 if trunk[a] and trunk[b] else int(sides[a] or sides[b]), float(min(strength[a], strength[b])))
        for a, b in pose.skeleton.limbs
        if seen[a] and seen[b]
    ]
    joined, lone = {k for limb in limbs for k in limb[:2]}, seen.copy()
    lone[[k for limb in pose.skeleton.limbs for k in limb]] = False
    dots = [(k, int(sides[k]), float(strength[k])) for k in range(len(points)) if k in joined or lone[k]]
    limbs.sort(key=lambda limb: limb[-1])
    dots.sort(key=lambda dot: dot[-1])
    extent = float(np.linalg.norm(np.ptp(points[[k for k, *_ in dots]], axis=0))) if dots else 0.0
    width = thickness * max(_LEAST, min(_WIDTH * extent, _MOST * long_side))
    return _Look(points, limbs, dots, width, colours)


def _sides(skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Of each keypoint: -1 for left, 1 for right, else 0; and whether it is of the trunk, not of a limb of a side.

    Of the trunk are keypoints without a side, and those that a limb joins to their mirror image.
    """
    sides = np.zeros(skeleton.num_keypoints, dtype=int)
    for left, right in skeleton.flip_pairs:
        sides[left], sides[right] = -1, 1
    trunk = sides == 0
    for a, b in skeleton.limbs:
        if skeleton.flip_order[a] == b:
            trunk[[a, b]] = True
    return sides, trunk


def _along_limbs(look: _Look) -> np.ndarray:
    """(L, 2) points on the limbs, for what should not cover them."""
    parts = np.linspace(0, 1, 5)[:, None]
    ends = [(look.points[a], look.points[b]) for a, b, *_ in look.limbs]
    return np.concatenate([np.zeros((0, 2)), *(a + (b - a) * parts for a, b in ends)])


def _draw_person(canvas: np.ndarray, look: _Look) -> None:
    """Lay a person's outline, limbs and dots over the picture."""
    edge = min(max(0.25 * look.width, 0.6), 2.5)
    box = _box(look, 2 * look.width + edge, canvas.shape)
    if box is None:
        return
    pen = Pen.layer(box, int(np.clip(np.ceil(9 / look.width), 2, 6)), OUTLINE)
    for rim, colours in ((edge, dict.fromkeys((-1, 0, 1), OUTLINE)), (0.0, look.colours)):
        for a, b, side, strength in look.limbs:
            opacity, width = _faded(strength, look.width)
            pen.line(look.points[a], look.points[b], width + 2 * rim, colours[side], opacity)
        for k, side, strength in look.dots:
            opacity, width = _faded(strength, look.width)
            pen.disc(look.points[k], 0.9 * width + rim, colours[side], opacity)
            if not rim and width > 2:
                pen.disc(look.points[k], 0.45 * width, WHITE, opacity)
    lay_over(canvas, box, pen.reduced())


def _faded(strength: float, width: float) -> tuple[float, float]:
    """Opacity, and width in pixels, of strengths 0 (a score at the threshold) to 1."""
    return _FAINT + (1 - _FAINT) * strength, width * (_THIN + (1 - _THIN) * strength)


def _box(look: _Look, margin: float, shape: tuple[int, ...]) -> Box | None:
    """The part of the picture that a person's lines can reach, or None."""
    points = look.points[[k for k, *_ in look.dots]]
    if not len(points):
        return None
    low = np.clip(np.floor(points.min(axis=0) - margin), 0, shape[1::-1]).astype(int)
    high = np.clip(np.ceil(points.max(axis=0) + margin) + 1, 0, shape[1::-1]).astype(int)
    return (int(low[0]), int(low[1]), int(high[0]), int(high[1])) if (high > low).all() else None
