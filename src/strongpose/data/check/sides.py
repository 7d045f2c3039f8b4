"""Swapped sides: people whose left and right contradict the rest of their body."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from strongpose.skeleton import Skeleton

__all__ = ["Doubt", "doubtful_sides"]

_OPPOSED = -0.7  # cosine of the angle between two pairs that contradict each other: more than 134 degrees
_TURNED = -0.35  # sine by which a face may seem swapped
_SHORTER = 0.6  # share of the limbs' length that is left when a pair trades places
_WIDE = 0.2  # width of a pair, as a share of the torso's length, from which its direction is clear
_WIDE_FACE = 0.06  # the same for eyes; ears are about twice as wide
_APART = 4.0  # pixels between eyes or ears from which noise does not turn a face round
_AGREE = (("hip", "shoulder", _WIDE), ("shoulder", "ear", 2 * _WIDE_FACE), ("shoulder", "eye", _WIDE_FACE))


class Doubt(NamedTuple):
    """A reason to doubt a person's sides.

    Attributes:
        text: what contradicts what.
        keypoints: indices of those concerned.
    """

    text: str
    keypoints: tuple[int, ...]


def doubtful_sides(keypoints: np.ndarray, skeleton: Skeleton) -> list[Doubt]:
    """Where left and right of a person do not fit together; heuristics that can be wrong either way.

    1. A face with both eyes and the nose is seen from the front, so it has one sense of rotation: left eye, right
       eye, nose. In a face that has the other one they are swapped.
    2. Hips, shoulders, ears and eyes point the same way from right to left, as nobody turns their head or chest so
       far against the rest; neighbours that point apart by more than 134°, and are wide enough to tell, are doubtful.
    3. If a pair between two limbs (elbows, knees, hips, shoulders) traded places and these limbs became shorter by
       40 %, it is doubtful: one pair swapped in an otherwise right body. Wrists and ankles may lie crosswise.

    Args:
        keypoints: (K, 3) x, y and visibility; 0 is not labelled.
        skeleton: what they are. Pairs are found by their names, left_hip and right_hip.
    """
    if not (keypoints[:, 2] > 0).any():
        return []
    return [*_mirrored_face(keypoints, skeleton), *_opposed(keypoints, skeleton), *_long_limbs(keypoints, skeleton)]


def _mirrored_face(keypoints: np.ndarray, skeleton: Skeleton) -> Iterator[Doubt]:
    eyes = _pair("eye", keypoints, skeleton)
    if eyes is None or "nose" not in skeleton.names:
        return
    nose = skeleton.names.index("nose")
    if not keypoints[nose, 2] > 0:
        return
    left, right = keypoints[list(eyes), :2]
    across, down = left - right, keypoints[nose, :2] - (left + right) / 2
    lengths = np.linalg.norm(across) * np.linalg.norm(down)
    clear = np.linalg.norm(across) > max(_APART, _WIDE_FACE * _size(keypoints, skeleton))
    if clear and lengths > 0 and (across[0] * down[1] - across[1] * down[0]) / lengths < _TURNED:
        yield Doubt("left and right of the face are swapped", (*eyes, nose))


def _opposed(keypoints: np.ndarray, skeleton: Skeleton) -> Iterator[Doubt]:
    size = _size(keypoints, skeleton)
    for one, other, least in _AGREE:
        pair, next_pair = _pair(one, keypoints, skeleton), _pair(other, keypoints, skeleton)
        if pair is None or next_pair is None:
            continue
        first, second = (keypoints[left, :2] - keypoints[right, :2] for left, right in (pair, next_pair))
        lengths = float(np.linalg.norm(first)), float(np.linalg.norm(second))
        clear = lengths[0] > _WIDE * size and lengths[1] > max(_APART, least * size)
        if clear and first @ second / (lengths[0] * lengths[1]) < _OPPOSED:
            yield Doubt(f"{one}s against {other}s", (*pair, *next_pair))


def _long_limbs(keypoints: np.ndarray, skeleton: Skeleton) -> Iterator[Doubt]:
    mirror = skeleton.flip_order
    limbs = {frozenset(limb) for limb in skeleton.limbs}
    for left, right in skeleton.flip_pairs:
        ends = [x for x in range(len(mirror)) if frozenset((left, x)) in limbs and mirror[x] not in (x, left)]
        ends = [x for x in ends if (keypoints[[left, right, x, mirror[x]], 2] > 0).all()]
        if len(ends) < 2:
            continue
        a, b = keypoints[left, :2], keypoints[right, :2]
        now = sum(_distance(a, keypoints[x, :2]) + _distance(b, keypoints[mirror[x], :2]) for x in ends)
        swapped = sum(_distance(b, keypoints[x, :2]) + _distance(a, keypoints[mirror[x], :2]) for x in ends)
        if swapped < _SHORTER * now and _distance(a, b) > _WIDE * _size(keypoints, skeleton):
            part = skeleton.names[left].partition("_")[2]
            yield Doubt(f"{part}s against their limbs ({1 - swapped / now:.0%} shorter if swapped)", (left, right))


def _pair(part: str, keypoints: np.ndarray, skeleton: Skeleton) -> tuple[int, int] | None:
    """Left and right index of a labelled pair."""
    names = f"left_{part}", f"right_{part}"
    if not set(names) <= set(skeleton.names):
        return None
    left, right = map(skeleton.names.index, names)
    return (left, right) if keypoints[left, 2] > 0 and keypoints[right, 2] > 0 else None


def _size(keypoints: np.ndarray, skeleton: Skeleton) -> float:
    """The torso's length in pixels: shoulders to hips; a third of the person's extent where it is not labelled."""
    shoulders, hips = _pair("shoulder", keypoints, skeleton), _pair("hip", keypoints, skeleton)
    extent = np.ptp(keypoints[keypoints[:, 2] > 0, :2], axis=0)
    size = float(np.linalg.norm(extent)) / 3
    if shoulders is not None and hips is not None:
        size = max(size, _distance(keypoints[list(shoulders), :2].mean(0), keypoints[list(hips), :2].mean(0)))
    return size


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b))
