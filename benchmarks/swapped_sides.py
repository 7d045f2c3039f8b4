"""Measure the search for swapped sides: how many people it doubts as they are, and with sides traded on purpose."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tyro

from strongpose.data.check.sides import doubtful_sides
from strongpose.skeleton import COCO

_TRADED = {
    "eyes and ears": ("eye", "ear"),
    "all but the face": ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"),
    "arms with shoulders": ("shoulder", "elbow", "wrist"),
    "legs with hips": ("hip", "knee", "ankle"),
    "shoulders": ("shoulder",),
    "hips": ("hip",),
    "elbows": ("elbow",),
    "knees": ("knee",),
    "wrists": ("wrist",),
    "ankles": ("ankle",),
    "knees and ankles": ("knee", "ankle"),
}
_LEAST = 8  # labelled keypoints of people whose sides are traded


def main(annotations: tyro.conf.Positional[tuple[Path, ...]], source: str = "human") -> None:
    """Print two tables.

    Args:
        annotations: COCO-17 annotation files.
        source: Look only at people of this keypoint_source, where a file says it.
    """
    people = [person for path in annotations for person in read_people(path, source)]
    doubted = [bool(doubtful_sides(person, COCO)) for person in people]
    print(f"{len(people)} people, {sum(doubted)} doubted as they are ({np.mean(doubted):.2%})\n")
    print("| traded on purpose | people | found |")
    print("|---|---|---|")
    right = [person for person, doubt in zip(people, doubted, strict=True) if not doubt]
    for name, parts in _TRADED.items():
        pairs = [[COCO.names.index(f"{side}_{part}") for side in ("left", "right")] for part in parts]
        fit = [p for p in right if (p[:, 2] > 0).sum() >= _LEAST and all((p[pair, 2] > 0).all() for pair in pairs)]
        found = [bool(doubtful_sides(trade(person, pairs), COCO)) for person in fit]
        print(f"| {name} | {len(fit)} | {np.mean(found):.0%} |")


def read_people(path: Path, source: str) -> list[np.ndarray]:
    """(17, 3) of everybody with labelled keypoints."""
    people = []
    for annotation in json.loads(path.read_text())["annotations"]:
        keypoints = np.array(annotation.get("keypoints") or [0] * 51, dtype=np.float64).reshape(17, 3)
        known = not annotation.get("iscrowd") and annotation.get("keypoint_source", source) == source
        if known and (keypoints[:, 2] > 0).any():
            people.append(keypoints)
    return people


def trade(person: np.ndarray, pairs: Sequence[list[int]]) -> np.ndarray:
    """The person with left and right of some pairs exchanged."""
    traded = person.copy()
    for pair in pairs:
        traded[pair] = traded[pair[::-1]]
    return traded


if __name__ == "__main__":
    tyro.cli(main)
