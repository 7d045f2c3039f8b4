"""Targets of the body heat map, drawn from keypoints, for a whole batch at once and on any device."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor

from strongpose.skeleton import Skeleton
from strongpose.skeletons.body_shape import (
    BODY,
    BOX,
    FACE,
    HIPS,
    LENGTHS,
    NECKS,
    SHOULDERS,
    TOPS,
    BodyShape,
    without_side,
)

__all__ = ["body_targets"]


class _Capsule(NamedTuple):
    """A limb of M people, with round ends.

    Attributes:
        start: (M, 2) x, y in pixels.
        end: (M, 2) x, y in pixels.
        widths: half widths at start and end, shares of the scale.
        known: (M,) bool, people who have it.
    """

    start: Tensor
    end: Tensor
    widths: tuple[float, float]
    known: Tensor


def body_targets(
    points: Tensor, labelled: Tensor, xs: Tensor, ys: Tensor, skeleton: Skeleton, shape: BodyShape = BODY
) -> Tensor:
    """Where people are, by their keypoints: limbs, hands and feet, the trunk filled, neck and head.

    What is known by name gets its fitted size; other limbs of the skeleton are drawn ``shape.other`` wide.

    Args:
        points: (B, N, K, 2) float; x, y in pixels.
        labelled: (B, N, K) bool; people without any label are not drawn.
        xs: (w,) x of the cells' centres, in pixels.
        ys: (h,) y of the cells' centres, in pixels.
        skeleton: K keypoints and the limbs.
        shape: how wide and long the parts are.

    Returns:
        (B, h, w) bool, True on cells whose centre somebody's body covers.
    """
    image, person = labelled.any(-1).nonzero(as_tuple=True)
    people = _People(points[image, person], labelled[image, person], skeleton, shape)
    corners, known = people.trunk()
    inside = torch.zeros(len(image), len(ys), len(xs), dtype=torch.bool, device=points.device)
    if corners:
        inside |= _in_hull(corners, known, xs, ys)
    for capsule in people.capsules():
        inside |= _in_capsule(capsule, people.scale, xs, ys)
    drawn = torch.zeros(len(points), len(ys), len(xs), device=points.device)
    return drawn.index_add_(0, image, inside.float()) > 0


class _People:
    """M people with the lines and corners that their bodies are drawn from; positions are (M, 2) in pixels."""

    def __init__(self, points: Tensor, known: Tensor, skeleton: Skeleton, shape: BodyShape) -> None:
        points = points.masked_fill(~known[..., None], 0.0)
        self.skeleton, self.shape = skeleton, shape
        self.point = dict(zip(skeleton.names, points.unbind(1), strict=True))
        self.known = dict(zip(skeleton.names, known.unbind(1), strict=True))
        self.none = torch.zeros_like(known[:, 0])
        self.scale = self._scale(points, known)  # (M,) pixels

        self.shoulders, self.has_shoulder = self._middle(SHOULDERS)
        self.hips, self.has_hip = self._middle(HIPS)
        self.has_shoulders = self._has(*SHOULDERS)
        self.no_hip = self.has_shoulders & ~self.has_hip
        face, has_face = self._middle(FACE)
        self.up = self._up(face, has_face)
        face = _where(has_face, face, self.shoulders + self._scaled(shape.face) * self.up)
        _, has_neck = self._middle(NECKS)
        top, has_top = self._middle(TOPS)
        below_top = top - self._scaled(shape.above + shape.crown) * self.up
        self.face = _where(has_neck & has_top & ~has_face, below_top, face)
        self.has_face = has_face | self.has_shoulders | (has_neck & has_top)

    def trunk(self) -> tuple[list[Tensor], list[Tensor]]:
        """The corners of the trunk, and (M,) bool who has them."""
        names = [name for name in (*SHOULDERS, *HIPS) if name in self.point]
        ends = [self._below(name) for name in SHOULDERS if name in self.point]
        return [*(self.point[name] for name in names), *ends], [
            *(self.known[name] for name in names),
            *(self.no_hip for _ in ends),
        ]

    def capsules(self) -> list[_Capsule]:
        """Everything that is drawn as a thick line."""
        shape = self.shape
        names = self.skeleton.names
        waist = _where(self.has_hip, self.hips, self.shoulders - self._scaled(shape.chest) * self.up)
        crown = self.face + self._scaled(shape.above) * self.up
        return [
            *(part for a, b in self.skeleton.limbs for part in self._limb(names[a], names[b])),
            *(
                _Capsule(self.point[name], self._below(name), (shape.shoulder, shape.shoulder), self.no_hip)
                for name in SHOULDERS
                if name in self.point
            ),
            _Capsule(
                self.shoulders, waist, (shape.waist, shape.waist), self.no_hip | (self.has_shoulder & self.has_hip)
            ),
            _Capsule(self.shoulders, self.face, (shape.neck, shape.neck), self.has_shoulder & self.has_face),
            _Capsule(self.face, crown, (shape.chin, shape.crown), self.has_face),
        ]

    def _limb(self, a: str, b: str) -> list[_Capsule]:
        """A limb, with the hand or foot at its end; none between face, top and shoulders, where head and neck are."""
        if {a, b} & {*FACE, *TOPS} and {a, b} <= {*FACE, *TOPS, *NECKS, *SHOULDERS}:
            return []
        known = self._has(a, b)
        parts = [_Capsule(self.point[a], self.point[b], (self.shape.half_width(a), self.shape.half_width(b)), known)]
        for start, end in ((a, b), (b, a)):
            joints = (without_side(start), without_side(end))
            length = {("elbow", "wrist"): self.shape.hand, ("knee", "ankle"): self.shape.foot}.get(joints)
            if length is not None:
                onward = self._scaled(length) * _direction(self.point[end] - self.point[start])
                width = self.shape.half_width(end)
                parts.append(_Capsule(self.point[end], self.point[end] + onward, (width, width), known))
        return parts

    def _scale(self, points: Tensor, known: Tensor) -> Tensor:
        """(M,) the trunk's length in pixels: root mean square of what the lengths seen say; else by the box.

        The box is found here and not by `strongpose.oks`, as targets are made on the device that trains.
        """
        low = points.masked_fill(~known[..., None], torch.inf).amin(1)
        high = points.masked_fill(~known[..., None], -torch.inf).amax(1)
        extent = high - low
        scale = BOX * torch.maximum(extent.prod(-1).sqrt(), 0.5 * extent.amax(-1))
        pairs = [(a, b, length) for a, b, length in LENGTHS if a in self.point and b in self.point]
        if not pairs:
            return scale
        trunks = torch.stack([(self.point[a] - self.point[b]).square().sum(-1) / length**2 for a, b, length in pairs])
        seen = torch.stack([self._has(a, b) for a, b, _ in pairs])
        return torch.where(seen.any(0), ((trunks * seen).sum(0) / seen.sum(0).clamp(min=1)).sqrt(), scale)

    def _up(self, face: Tensor, has_face: Tensor) -> Tensor:
        """(M, 2) unit vectors to the top of the head."""
        eyes, has_eyes = self._middle(("left_eye", "right_eye"))
        nose, has_nose = self._middle(("nose",))
        neck, has_neck = self._middle(NECKS)
        top, has_top = self._middle(TOPS)
        trunk, _ = self._middle((*SHOULDERS, *HIPS))
        corners = sum((self.known[name].int() for name in (*SHOULDERS, *HIPS) if name in self.known), self.none.int())
        up = torch.stack([torch.zeros_like(self.scale), -torch.ones_like(self.scale)], dim=1)
        up = _where(has_eyes & has_nose, eyes - nose, up)
        up = _where(self.has_shoulder & self.has_hip, self.shoulders - self.hips, up)
        up = _where(has_face & (corners > 1), face - trunk, up)  # one corner lies aside
        return _direction(_where(has_neck & has_top, top - neck, up))

    def _below(self, shoulder: str) -> Tensor:
        """(M, 2) where the trunk ends below a shoulder if no hip is labelled."""
        return self.point[shoulder] - self._scaled(self.shape.chest) * self.up

    def _scaled(self, share: float) -> Tensor:
        """(M, 1) pixels."""
        return share * self.scale[:, None]

    def _has(self, *names: str) -> Tensor:
        """(M,) bool: who has all these keypoints."""
        known = [self.known.get(name, self.none) for name in names]
        return torch.stack(known).all(0)

    def _middle(self, names: tuple[str, ...]) -> tuple[Tensor, Tensor]:
        """(M, 2) mean of those of the keypoints that are labelled, and (M,) bool whether any is."""
        names = tuple(name for name in names if name in self.point)
        if not names:
            return torch.zeros_like(next(iter(self.point.values()))), self.none
        known = torch.stack([self.known[name] for name in names])
        return torch.stack([self.point[name] for name in names]).sum(0) / known.sum(0).clamp(min=1)[:, None], known.any(
            0
        )


def _in_capsule(capsule: _Capsule, scale: Tensor, xs: Tensor, ys: Tensor) -> Tensor:
    """(M, h, w) bool: cells inside a thick line."""
    start = capsule.start.masked_fill(~capsule.known[:, None], torch.nan)  # is in no comparison
    line = capsule.end - capsule.start
    line = torch.where(line.abs().amax(-1, keepdim=True) < 1e-3, 1e-3, line)  # a point: any direction will do
    length = line.square().sum(-1, keepdim=True).sqrt()
    x, y = xs - start[:, :1], ys - start[:, 1:]  # (M, w), (M, h)
    cos, sin = line[:, :1] / length, line[:, 1:] / length
    along = (x * cos)[:, None, :] + (y * sin)[:, :, None]
    aside = (x * sin)[:, None, :] - (y * cos)[:, :, None]
    nearest = along.clamp(min=0).minimum(length[..., None])
    away = aside.square_().add_(along.sub_(nearest).square_())  # squared
    first, last = (scale[:, None] * width for width in capsule.widths)
    if capsule.widths[0] == capsule.widths[1]:
        return away <= first.square()[..., None]
    return away <= nearest.mul_(((last - first) / length)[..., None]).add_(first[..., None]).square_()


def _in_hull(corners: list[Tensor], known: list[Tensor], xs: Tensor, ys: Tensor) -> Tensor:
    """(M, h, w) bool: cells in the convex hull of those corners that are known, row by row.

    A row's part of the hull reaches from the first to the last of the lines between corners that cross it.
    """
    people = len(known[0])
    left = torch.full((people, len(ys)), torch.inf, device=ys.device)
    right = -left
    for a, b in combinations(range(len(corners)), 2):
        start, line = corners[a], corners[b] - corners[a]
        height = torch.where(line[:, 1].abs() < 1e-3, 1e-3, line[:, 1])[:, None]
        share = (ys - start[:, 1:]) / height
        x = start[:, :1] + share * line[:, :1]
        crossed = (share >= 0) & (share <= 1) & (known[a] & known[b])[:, None]
        left = torch.where(crossed, torch.minimum(left, x), left)
        right = torch.where(crossed, torch.maximum(right, x), right)
    return (xs >= left[..., None]) & (xs <= right[..., None])


def _where(condition: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """(M, 2) of either, by (M,) bool."""
    return torch.where(condition[:, None], yes, no)


def _direction(vectors: Tensor) -> Tensor:
    """(M, 2) of length 1, or 0."""
    return vectors / vectors.square().sum(-1, keepdim=True).sqrt().clamp(min=1e-6)
