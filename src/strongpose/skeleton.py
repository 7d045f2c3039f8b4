"""Skeletons: the names, graph, mirror pairs and tolerances of a set of keypoints."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["COCO", "COCO_19", "COCO_TREE", "Skeleton"]


@dataclass(frozen=True)
class Skeleton:
    """A frozen description of K keypoints, the one source that drives every part of the system.

    Attributes:
        name: what the skeleton is called in model metadata.
        names: the K keypoint names, in channel order.
        edges: E index pairs of the kinematic graph along which poses grow; each edge gives two
            relative displacement fields, one per direction (SP §III-C).
        flip_pairs: index pairs that trade places in a mirrored photo (left and right).
        sigmas: K Object Keypoint Similarity tolerances, relative to the person's scale, as in
            COCO's ``kpt_oks_sigmas``.
        limbs: index pairs that are drawn, and thickened into the body (subset of the anatomy;
            need not be edges).

    Raises:
        ValueError: if an index, a length or the mirror symmetry of the edges does not fit; the
            message says what was expected and what came.
    """

    name: str
    names: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    flip_pairs: tuple[tuple[int, int], ...]
    sigmas: tuple[float, ...]
    limbs: tuple[tuple[int, int], ...]

    def __repr__(self) -> str:
        return f"Skeleton({self.name!r}, {len(self.names)} keypoints, {len(self.edges)} edges)"

    def __post_init__(self) -> None:
        k = len(self.names)
        if k == 0 or len(set(self.names)) != k:
            raise ValueError(f"skeleton {self.name!r}: names must be unique and not empty, got {self.names}")
        if len(self.sigmas) != k or not all(0 < s < math.inf for s in self.sigmas):
            raise ValueError(f"skeleton {self.name!r}: expected {k} positive sigmas, got {self.sigmas}")
        for what in ("edges", "flip_pairs", "limbs"):
            pairs = getattr(self, what)
            for pair in pairs:
                if len(pair) != 2 or pair[0] == pair[1] or not all(0 <= i < k for i in pair):
                    raise ValueError(
                        f"skeleton {self.name!r}: {what} must be pairs of different indices in 0..{k - 1}, got {pair}"
                    )
            if len({frozenset(pair) for pair in pairs}) != len(pairs):
                raise ValueError(f"skeleton {self.name!r}: {what} holds a pair twice: {pairs}")
        mirrored = [i for pair in self.flip_pairs for i in pair]
        if len(set(mirrored)) != len(mirrored):
            raise ValueError(f"skeleton {self.name!r}: a keypoint is in two flip pairs: {self.flip_pairs}")
        known = {frozenset(edge) for edge in self.edges}
        for a, b in self.edges:
            image = (self.flip_order[a], self.flip_order[b])
            if frozenset(image) not in known:
                raise ValueError(
                    f"skeleton {self.name!r}: edge {(a, b)} has no mirror image {image} among the edges; "
                    "flip testing and flip augmentation need a symmetric graph"
                )

    @classmethod
    def from_names(
        cls,
        name: str,
        names: Iterable[str],
        edges: Iterable[tuple[str, str]],
        flip_pairs: Iterable[tuple[str, str]],
        sigmas: Iterable[float],
        limbs: Iterable[tuple[str, str]],
    ) -> Skeleton:
        """Build a skeleton whose pairs are given by keypoint names.

        Raises:
            ValueError: if a pair uses a name that is not in ``names``.
        """
        names = tuple(names)
        index = {n: i for i, n in enumerate(names)}

        def indices(what: str, pairs: Iterable[tuple[str, str]]) -> tuple[tuple[int, int], ...]:
            named = [(a, b) for a, b in pairs]
            for unknown in set(itertools.chain(*named)) - set(index):
                raise ValueError(f"skeleton {name!r}: {what} uses {unknown!r}, which is not one of {names}")
            return tuple((index[a], index[b]) for a, b in named)

        return cls(
            name=name,
            names=names,
            edges=indices("edges", edges),
            flip_pairs=indices("flip_pairs", flip_pairs),
            sigmas=tuple(float(s) for s in sigmas),
            limbs=indices("limbs", limbs),
        )

    @property
    def num_keypoints(self) -> int:
        """K, the number of keypoints."""
        return len(self.names)

    @property
    def directed_edges(self) -> np.ndarray:
        """(2E, 2) int: tail and head keypoint of each relative displacement field.

        Field e < E goes from ``edges[e][0]`` to ``edges[e][1]``; field E + e goes back.
        """
        edges = np.array(self.edges, dtype=np.int64).reshape(-1, 2)
        return np.concatenate([edges, edges[:, ::-1]])

    @property
    def flip_order(self) -> tuple[int, ...]:
        """K indices: keypoint k of a mirrored person is keypoint ``flip_order[k]`` of the person."""
        order = list(range(len(self.names)))
        for a, b in self.flip_pairs:
            order[a], order[b] = b, a
        return tuple(order)

    @property
    def flip_edge_order(self) -> tuple[int, ...]:
        """2E indices: displacement field c of a mirrored photo is field ``flip_edge_order[c]`` of the photo."""
        directed = [tuple(int(i) for i in edge) for edge in self.directed_edges]
        index = {edge: c for c, edge in enumerate(directed)}
        order = self.flip_order
        return tuple(index[order[a], order[b]] for a, b in directed)

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON; pairs are written by name."""
        n = self.names
        return {
            "name": self.name,
            "names": list(n),
            "edges": [[n[a], n[b]] for a, b in self.edges],
            "flip_pairs": [[n[a], n[b]] for a, b in self.flip_pairs],
            "sigmas": list(self.sigmas),
            "limbs": [[n[a], n[b]] for a, b in self.limbs],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Skeleton:
        """The skeleton that `to_dict` wrote.

        Raises:
            ValueError: if a field is missing, unknown or does not fit.
        """
        fields = set(cls.__dataclass_fields__)
        if not isinstance(data, dict) or set(data) != fields:
            got = sorted(data) if isinstance(data, dict) else type(data).__name__
            raise ValueError(f"a skeleton needs the fields {sorted(fields)}, got {got}")
        if not isinstance(data["name"], str):
            raise ValueError(f"the name of a skeleton must be text, got {data['name']!r:.40}")
        for field, what, fits in (
            ("names", "names", lambda value: isinstance(value, str)),
            ("sigmas", "numbers", lambda value: isinstance(value, int | float) and abs(value) <= _MOST_SIGMA),
            *((field, "pairs of names", _is_pair_of_names) for field in ("edges", "flip_pairs", "limbs")),
        ):
            if not isinstance(data[field], list) or not all(map(fits, data[field])):
                raise ValueError(f"skeleton {data['name']!r}: {field} must be a list of {what}")
        return cls.from_names(**data)


_MOST_SIGMA = 1e3  # times the person's size; COCO's largest is .107


def _is_pair_of_names(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(name, str) for name in value)


_NAMES = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)

# COCO's kpt_oks_sigmas, pycocotools.cocoeval.Params.
_SIGMAS = (
    *(0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072),
    *(0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
)

_FLIP_PAIRS = tuple((f"left_{part}", f"right_{part}") for part in "eye ear shoulder elbow wrist hip knee ankle".split())


def _both_sides(*pairs: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Each pair and its mirror image; parts without a side stand on the left."""
    mirrors = {"left": "right", "right": "left"}

    def mirror(part: str) -> str:
        side, _, rest = part.partition("_")
        return f"{mirrors[side]}_{rest}" if side in mirrors else part

    return tuple(itertools.chain(*((pair, (mirror(pair[0]), mirror(pair[1]))) for pair in pairs)))


# The person tree of the paper's kin (PersonLab, Fig. 3): 16 edges rooted at the nose.
_TREE = _both_sides(
    ("nose", "left_eye"),
    ("left_eye", "left_ear"),
    ("nose", "left_shoulder"),
    ("left_shoulder", "left_elbow"),
    ("left_elbow", "left_wrist"),
    ("left_shoulder", "left_hip"),
    ("left_hip", "left_knee"),
    ("left_knee", "left_ankle"),
)

_ACROSS = (("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"), ("left_eye", "right_eye"))

# A joint that is hidden or was not annotated cuts a tree in two. These links close the gaps; the last
# five were chosen greedily for the people that the others still leave cut (docs/reports/decoder.md).
_REDUNDANT = (
    *_both_sides(
        ("nose", "left_ear"),
        ("left_ear", "left_shoulder"),
        ("left_eye", "left_shoulder"),
        ("left_shoulder", "right_hip"),
        ("left_hip", "right_knee"),
        ("left_shoulder", "right_wrist"),
        ("left_wrist", "left_hip"),
    ),
    ("left_ankle", "right_ankle"),
)

_LIMBS = (
    *_both_sides(
        ("nose", "left_eye"),
        ("left_eye", "left_ear"),
        ("left_shoulder", "left_elbow"),
        ("left_elbow", "left_wrist"),
        ("left_shoulder", "left_hip"),
        ("left_hip", "left_knee"),
        ("left_knee", "left_ankle"),
        ("left_ear", "left_shoulder"),
    ),
    ("left_shoulder", "right_shoulder"),
    ("left_hip", "right_hip"),
)

_COCO_19 = (
    *_both_sides(
        ("left_ankle", "left_knee"),
        ("left_knee", "left_hip"),
        ("left_shoulder", "left_hip"),
        ("left_shoulder", "left_elbow"),
        ("left_elbow", "left_wrist"),
        ("nose", "left_eye"),
        ("left_eye", "left_ear"),
        ("left_ear", "left_shoulder"),
    ),
    *_ACROSS,
)


def _coco(name: str, edges: Iterable[tuple[str, str]]) -> Skeleton:
    return Skeleton.from_names(name, _NAMES, edges, _FLIP_PAIRS, _SIGMAS, _LIMBS)


COCO = _coco("coco", (*_TREE, *_ACROSS, *_REDUNDANT))
"""COCO's 17 keypoints with the default kinematic graph of 34 edges."""

COCO_19 = _coco("coco-19", _COCO_19)
"""COCO's 17 keypoints with the 19 edges of the COCO annotation file."""

COCO_TREE = _coco("coco-tree", _TREE)
"""COCO's 17 keypoints with the paper's tree of 16 edges."""
