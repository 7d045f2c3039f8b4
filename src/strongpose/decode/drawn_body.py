"""One person's body drawn from predicted keypoints, and how far cells lie from its outline: for body regions.

The same shape as the training targets (`strongpose.encode.drawn_body`, which draws whole batches on the device).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from strongpose.skeleton import Skeleton
from strongpose.skeletons.body_shape import BODY, BOX, FACE, HIPS, LENGTHS, NECKS, SHOULDERS, TOPS, without_side

__all__ = ["DrawnBody", "draw_body", "signed_distance"]

_UP = np.array([0.0, -1.0])
_TINY = 1e-3


class DrawnBody(NamedTuple):
    """Thick lines and a filled trunk, in pixels.

    Attributes:
        starts: (L, 2) x, y where the lines start.
        ends: (L, 2) x, y where they end.
        half_widths: (L, 2) at start and end; in between they change evenly.
        trunk: (C, 2) x, y of the corners of the trunk, of which the convex hull is filled.
        has_head: whether the last line is the head.
        scale: the trunk's length.
    """

    starts: np.ndarray
    ends: np.ndarray
    half_widths: np.ndarray
    trunk: np.ndarray
    has_head: bool
    scale: float


def draw_body(points: np.ndarray, known: np.ndarray, skeleton: Skeleton) -> DrawnBody | None:
    """The body of one person, as `strongpose.encode.drawn_body.body_targets` draws it.

    Where no part of it can be drawn, each keypoint is a dot.

    Args:
        points: (K, 2) x, y in pixels.
        known: (K,) bool, which keypoints count.
        skeleton: names the keypoints.

    Returns:
        In pixels; None for a person without extent, such as one with a single keypoint.
    """
    person = _Person(points, known, skeleton)
    if person.scale <= _TINY:
        return None
    lines = [*person.limbs(), *person.middle()]
    head = person.head()
    lines = [*lines, *head] or person.dots()
    starts, ends, first, last = zip(*lines, strict=True)
    half_widths = np.stack([first, last], axis=1) * person.scale
    trunk = np.reshape(person.trunk(), (-1, 2))
    return DrawnBody(np.array(starts), np.array(ends), half_widths, trunk, bool(head), person.scale)


_Line = tuple[np.ndarray, np.ndarray, float, float]  # start, end, and half widths there in scales


class _Person:
    """What a body is drawn from: ``at`` has the known keypoints by name, in pixels."""

    def __init__(self, points: np.ndarray, known: np.ndarray, skeleton: Skeleton) -> None:
        self.skeleton = skeleton
        self.at = {skeleton.names[k]: points[k].astype(np.float64) for k in np.flatnonzero(known)}
        self.scale = self._scale()
        self.shoulders, self.hips = self._mean(SHOULDERS), self._mean(HIPS)
        self.has_shoulders = all(name in self.at for name in SHOULDERS)
        self.up = self._up()

    def limbs(self) -> list[_Line]:
        """The limbs, with hands and feet; none between face, top and shoulders, where head and neck are."""
        lines = []
        for limb in self.skeleton.limbs:
            a, b = (self.skeleton.names[k] for k in limb)
            ends = {a, b}
            if a not in self.at or b not in self.at:
                continue
            if ends & {*FACE, *TOPS} and ends <= {*FACE, *TOPS, *NECKS, *SHOULDERS}:
                continue
            lines.append((self.at[a], self.at[b], BODY.half_width(a), BODY.half_width(b)))
            for start, end in ((a, b), (b, a)):
                joints = without_side(start), without_side(end)
                length = {("elbow", "wrist"): BODY.hand, ("knee", "ankle"): BODY.foot}.get(joints)
                if length is not None:
                    onward = length * self.scale * _direction(self.at[end] - self.at[start])
                    width = BODY.half_width(end)
                    lines.append((self.at[end], self.at[end] + onward, width, width))
        return lines

    def middle(self) -> list[_Line]:
        """Chest or waist, and the neck."""
        lines = []
        if self.has_shoulders and self.hips is None:
            lines += [(self.at[name], self._below(self.at[name]), BODY.shoulder, BODY.shoulder) for name in SHOULDERS]
        if self.shoulders is not None and (self.hips is not None or self.has_shoulders):
            waist = self._below(self.shoulders) if self.hips is None else self.hips
            lines.append((self.shoulders, waist, BODY.waist, BODY.waist))
        face = self._face()
        if self.shoulders is not None and face is not None:
            lines.append((self.shoulders, face, BODY.neck, BODY.neck))
        return lines

    def head(self) -> list[_Line]:
        """The head, if it is known where it is."""
        face = self._face()
        return [] if face is None else [(face, face + BODY.above * self.scale * self.up, BODY.chin, BODY.crown)]

    def dots(self) -> list[_Line]:
        """Lines of no length at the keypoints."""
        return [(place, place, BODY.half_width(name), BODY.half_width(name)) for name, place in self.at.items()]

    def trunk(self) -> list[np.ndarray]:
        """The corners of the trunk; below shoulders without hips, those of a chest."""
        corners = [self.at[name] for name in (*SHOULDERS, *HIPS) if name in self.at]
        if self.has_shoulders and self.hips is None:
            corners += [self._below(self.at[name]) for name in SHOULDERS]
        return corners

    def _face(self) -> np.ndarray | None:
        """The middle of the face."""
        face, neck, top = self._mean(FACE), self._mean(NECKS), self._mean(TOPS)
        if face is None and neck is not None and top is not None:
            return top - (BODY.above + BODY.crown) * self.scale * self.up
        if face is None and self.has_shoulders and self.shoulders is not None:
            return self.shoulders + BODY.face * self.scale * self.up
        return face

    def _below(self, shoulder: np.ndarray) -> np.ndarray:
        """Where the trunk ends below a shoulder if no hip is known."""
        return shoulder - BODY.chest * self.scale * self.up

    def _scale(self) -> float:
        """The trunk's length in pixels: root mean square of what the lengths seen say; else by the box."""
        seen = [
            np.square(self.at[a] - self.at[b]).sum() / length**2
            for a, b, length in LENGTHS
            if a in self.at and b in self.at
        ]
        if seen:
            return float(np.sqrt(np.mean(seen)))
        if not self.at:
            return 0.0
        extent = np.ptp(list(self.at.values()), axis=0)
        return BOX * float(max(np.sqrt(extent.prod()), 0.5 * extent.max()))

    def _up(self) -> np.ndarray:
        """(2,) unit vector to the top of the head, by the best of what is known."""
        face, neck, top = self._mean(FACE), self._mean(NECKS), self._mean(TOPS)
        corners = [self.at[name] for name in (*SHOULDERS, *HIPS) if name in self.at]
        eyes = self._mean(("left_eye", "right_eye"))
        if neck is not None and top is not None:
            return _direction(top - neck)
        if face is not None and len(corners) > 1:  # one corner lies aside
            return _direction(face - np.mean(corners, axis=0))
        if self.shoulders is not None and self.hips is not None:
            return _direction(self.shoulders - self.hips)
        return _direction(eyes - self.at["nose"]) if eyes is not None and "nose" in self.at else _UP

    def _mean(self, names: Sequence[str]) -> np.ndarray | None:
        """(2,) mean of those of the keypoints that are known."""
        places = [self.at[name] for name in names if name in self.at]
        return np.mean(places, axis=0) if places else None


def signed_distance(body: DrawnBody, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far cells lie outside of a drawn body's outline.

    Args:
        body: in pixels.
        x: (w,) x of the cells' columns, in pixels.
        y: (h,) y of the cells' rows, in pixels.

    Returns:
        (h, w) float32 pixels, negative inside; and (h, w) bool, where the head is the nearest part.
    """
    from_line, along = _to_lines(body.starts, body.ends - body.starts, x, y)
    first, last = body.half_widths.T.astype(np.float32)[..., None, None]
    from_line -= first + along * (last - first)
    away = from_line.min(axis=0)
    in_head = from_line[-1] <= away if body.has_head else np.zeros(away.shape, dtype=bool)
    if len(body.trunk) > 2:
        from_trunk = _to_hull(body.trunk, x, y)
        in_head &= away <= from_trunk
        away = np.minimum(away, from_trunk)
    return away, in_head


def _to_lines(starts: np.ndarray, lines: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(L, h, w) distance from the middle of each line, and where along it, 0 to 1, its nearest point lies."""
    lines = lines.astype(np.float32)
    dx = x.astype(np.float32)[None, None, :] - starts[:, 0, None, None].astype(np.float32)  # (L, 1, w)
    dy = y.astype(np.float32)[None, :, None] - starts[:, 1, None, None].astype(np.float32)  # (L, h, 1)
    share = (lines / np.maximum(np.square(lines).sum(axis=1, keepdims=True), _TINY**2))[..., None, None]
    along = np.clip(dx * share[:, 0] + dy * share[:, 1], 0, 1)
    across = np.square(dx - along * lines[:, 0, None, None]) + np.square(dy - along * lines[:, 1, None, None])
    return np.sqrt(across), along


def _to_hull(corners: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(h, w) signed distance from the outline of the convex hull; infinite if the corners lie on a line."""
    starts, lines = _outline(corners)
    if len(starts) < 3:
        return np.full((len(y), len(x)), np.inf, dtype=np.float32)
    outward = np.stack([lines[:, 1], -lines[:, 0]], axis=1) / np.linalg.norm(lines, axis=1, keepdims=True)
    beyond = (
        (x - starts[:, :1])[:, None, :] * outward[:, 0, None, None]
        + (y - starts[:, 1:])[:, :, None] * outward[:, 1, None, None]
    ).max(axis=0)
    outside, _ = _to_lines(starts, lines, x, y)
    return np.where(beyond <= 0, beyond, outside.min(axis=0)).astype(np.float32)


def _outline(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(E, 2) start and (E, 2) direction of the edges of the convex hull, which lies on the same side of each."""
    starts, lines = [], []
    for start in corners:
        for end in corners:
            line = end - start
            length = np.linalg.norm(line)
            if length < _TINY:
                continue
            beyond = (corners - start) @ np.array([line[1], -line[0]]) / length
            if beyond.max() <= _TINY and beyond.min() < -_TINY:
                starts.append(start)
                lines.append(line)
    return np.reshape(starts, (-1, 2)), np.reshape(lines, (-1, 2))


def _direction(vector: np.ndarray) -> np.ndarray:
    """(2,) of length 1, or 0."""
    return vector / max(float(np.linalg.norm(vector)), 1e-6)
