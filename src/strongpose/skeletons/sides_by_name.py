"""Which keypoints trade places in a mirrored photo, told by their names alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from strongpose.skeletons.side_words import is_in_the_middle, plain_letters, with_side

__all__ = ["NamedSides", "sides_by_name", "usual_spelling"]

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+\d*|[A-Z]+\d*|\d+|[^\W\d_a-zA-Z]+")
_OTHER = {"left": "right", "l": "r", "lt": "rt", "lft": "rgt"}
_OTHER |= {right: left for left, right in _OTHER.items()}
_LEFT = ("left", "l", "lt", "lft")


class _Part(NamedTuple):
    """A part of a name: the word for a side, or any other."""

    text: str
    is_side: bool = False


_Name: TypeAlias = tuple[_Part, ...]


@dataclass(frozen=True)
class NamedSides:
    """What the names of K keypoints say about left and right.

    Attributes:
        pairs: (left, right) indices of keypoints that trade places in a mirrored photo.
        alone: names that have a side, but no partner on the other one.
        count: K.
        doubtful: names in which no side is known, nor that they are in the middle.
    """

    pairs: tuple[tuple[int, int], ...]
    alone: tuple[str, ...]
    count: int
    doubtful: tuple[str, ...] = ()

    @property
    def flip_order(self) -> tuple[int, ...] | None:
        """K indices: keypoint k of a mirrored person is keypoint ``flip_order[k]`` of the person; None if not known.

        It is not known if a keypoint has no partner, and if no keypoint has a side by its name.
        """
        if self.alone or not self.pairs:
            return None
        order = list(range(self.count))
        for left, right in self.pairs:
            order[left], order[right] = right, left
        return tuple(order)


def sides_by_name(names: Sequence[str]) -> NamedSides:
    """The pairs of left and right keypoints, in all usual ways of naming them.

    Such are left_eye, leftEye, "Left Eye", eye-left, l_eye, LEye, eye.L and lefteye; the two of a pair may be named in
    different ways where it is clear which belong together. Words such as upright and leftover have no side. FL and FR,
    port and starboard, and the words of some other languages count where both sides are there.

    Args:
        names: of the K keypoints.
    """
    parted = [_parted(name) for name in names]
    pairs: dict[int, int] = {}
    for shape in (_as_written, _in_words, _without_place):  # the strictest first
        open_ = [i for i in range(len(names)) if i not in pairs]
        pairs |= _partners({i: parted[i] for i in open_}, shape)
    for find in (_glued, _in_other_words):
        unsided = [i for i in range(len(names)) if i not in pairs and not any(part.is_side for part in parted[i])]
        pairs |= find({names[i]: i for i in unsided})
    rest = [i for i in range(len(names)) if i not in pairs]
    alone = tuple(names[i] for i in rest if any(part.is_side for part in parted[i]))
    doubtful = tuple(names[i] for i in rest if names[i] not in alone and not is_in_the_middle(_words(names[i])))
    both = [(i, j) if _is_left(parted[i], names[i]) else (j, i) for i, j in sorted(pairs.items()) if i < j]
    return NamedSides(tuple(both), alone, len(names), doubtful)


def usual_spelling(name: str) -> str:
    """A text that is the same for all usual ways of writing a keypoint's name: its side in front, small letters."""
    text = "".join(part.text for part in _without_place(_parted(name)))
    for side in ("left", "right"):
        if text.endswith(side):
            return side + text.removesuffix(side)
    return text


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(plain_letters(name))]


def _parted(name: str) -> _Name:
    parts: list[_Part] = []
    for text in _words(name):
        stem = text.rstrip("0123456789")
        if stem in ("left", "right"):
            parts += [_Part(stem, True), *([_Part(text[len(stem) :])] if stem != text else [])]
        else:
            parts.append(_Part(text, text in _OTHER))
    return tuple(parts)


def _mirrored(name: _Name) -> _Name:
    return tuple(_Part(_OTHER[part.text], True) if part.is_side else part for part in name)


def _as_written(name: _Name) -> _Name:
    return name


def _in_words(name: _Name) -> _Name:
    """The name with whole words for the sides."""
    return tuple(_Part("left" if part.text in _LEFT else "right", True) if part.is_side else part for part in name)


def _without_place(name: _Name) -> _Name:
    """The name with its sides in front."""
    words = _in_words(name)
    return (*(part for part in words if part.is_side), *(part for part in words if not part.is_side))


def _partners(names: dict[int, _Name], shape: Callable[[_Name], _Name]) -> dict[int, int]:
    """For each keypoint with a partner the partner, where names of the same shape are those of no two keypoints."""
    places: dict[_Name, list[int]] = {}
    for i, name in names.items():
        if any(part.is_side for part in name):
            places.setdefault(shape(name), []).append(i)
    found = {}
    for shaped, here in places.items():
        there = places.get(_mirrored(shaped), [])
        if len(here) == len(there) == 1 and here != there:
            found[here[0]] = there[0]
    return found


def _glued(names: dict[str, int]) -> dict[int, int]:
    """Partners among names such as lefteye, eyeright, Lhip and r1, which have a side only if both are there."""
    lower = {name.lower(): i for name, i in names.items()}
    if len(lower) < len(names):
        return {}
    found = {}
    for name, i in lower.items():
        for mirrored in _glued_mirrors(name):
            if mirrored in lower:
                found[i] = lower[mirrored]
                break
    return {i: j for i, j in found.items() if found.get(j) == i}


def _in_other_words(names: dict[str, int]) -> dict[int, int]:
    """Partners among names with other words for the sides, which count only if both are there."""
    places: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for name, i in names.items():
        sided = with_side(_words(name))
        if sided is not None:
            places.setdefault(sided, []).append(i)
    found = {}
    for (side, others), here in places.items():
        there = places.get((_OTHER[side], others), [])
        if len(here) == len(there) == 1:
            found[here[0]] = there[0]
    return found


def _glued_mirrors(name: str) -> Iterator[str]:
    for side in ("left", "right"):
        if name.startswith(side):
            yield _OTHER[side] + name.removeprefix(side)
        if name.endswith(side):
            yield name.removesuffix(side) + _OTHER[side]
    rest = name[1:]
    if name[:1] in ("l", "r") and (len(rest) > 2 or rest.isdigit()):
        yield _OTHER[name[0]] + rest


def _is_left(name: _Name, text: str) -> bool:
    side = next((part.text for part in name if part.is_side), None)
    other = with_side(_words(text))
    if side is None and other is not None:
        return other[0] == "left"
    if side is None:
        text = text.lower()
        return text.startswith("l") if text[:1] in ("l", "r") and not text.endswith("left") else text.endswith("left")
    return side in _LEFT
