"""Mistakes in a data set: their kinds, and what is said of each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

__all__ = ["KINDS", "CheckedPhoto", "Finding"]

KINDS = {
    "damaged entry": True,
    "missing photo": True,
    "unreadable photo": True,
    "other photo size": True,
    "listed twice": True,
    "wrong keypoints": True,
    "empty box": True,
    "damaged polygon": True,
    "outside the picture": True,
    "wrong unit": True,
    "duplicate people": True,
    "swapped sides": False,
    "sides at one place": False,
    "far outside the box": False,
    "no keypoints": False,
    "wrong count": False,
    "no area": False,
    "no size": False,
    "box outside the picture": False,
    "labelled at 0 0": False,
    "empty polygon": False,
    "other category": False,
}
"""What can be found, and whether it is an error (else a warning, which needs a manual check)."""


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
