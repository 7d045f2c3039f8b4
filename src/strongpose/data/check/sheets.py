"""Contact sheets of what the check of a data set found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from strongpose.data.check.findings import KINDS, CheckedPhoto, Finding
from strongpose.draw.contact_sheet import Tile, contact_sheet, surroundings
from strongpose.poses import Poses
from strongpose.skeleton import Skeleton

__all__ = ["draw_findings"]

_EACH = 24  # examples of a kind, spread over the data set


def draw_findings(
    photos: Sequence[CheckedPhoto], opened: Callable[[str], np.ndarray], skeleton: Skeleton
) -> Iterator[tuple[str, np.ndarray]]:
    """A sheet for each kind of finding that is about people: up to 24 examples, evenly taken from all.

    The people concerned are drawn thin and white with green points, the keypoints concerned have red rings.

    Args:
        photos: the checked photos.
        opened: gives a photo by its file name, (H, W, 3) uint8 RGB.
        skeleton: what the keypoints are.

    Yields:
        The sheet's name and its picture, (H, W, 3) uint8 RGB.
    """
    for kind in KINDS:
        found = [
            (photo, finding)
            for photo in photos
            for finding in photo.findings
            if finding.kind == kind and _places(photo, finding).size
        ]
        if found:
            chosen = [found[i] for i in np.linspace(0, len(found) - 1, min(_EACH, len(found))).round().astype(int)]
            tiles = [_tile(photo, finding, opened(photo.file_name), skeleton) for photo, finding in chosen]
            title = f"{kind}: {len(chosen)} of {len(found)}"
            yield kind.replace(" ", "-"), contact_sheet(title, tiles, skeleton)


def _people(photo: CheckedPhoto, finding: Finding) -> np.ndarray:
    """(M, K, 3) keypoints of the people whom a finding is about, as far as they could be read."""
    return photo.keypoints[[i for i in finding.people if i < len(photo.keypoints)]]


def _places(photo: CheckedPhoto, finding: Finding) -> np.ndarray:
    """(L, 2) where to look."""
    people = _people(photo, finding)
    return np.concatenate([people[people[..., 2] > 0][:, :2], finding.marks])


def _tile(photo: CheckedPhoto, finding: Finding, image: np.ndarray, skeleton: Skeleton) -> Tile:
    part, origin = surroundings(image, _places(photo, finding))
    what, _, why = finding.text.partition(": ")
    caption = f"{photo.file_name}, {what}\n{why}"
    return Tile(part, origin, _people(photo, finding), Poses.empty(skeleton), finding.marks, caption)
