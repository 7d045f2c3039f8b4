"""The options of the decoder and their measured defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from numbers import Integral, Real

from strongpose.fields import DISK_RADIUS

__all__ = ["DecodeOptions", "Ranking", "Suppression"]

_POSITIVE = ("disk_radius", "filter_sigma", "backward_tolerance", "similarity")
_NOT_NEGATIVE = (
    "vote_threshold",
    "seed_threshold",
    "body_threshold",
    "body_weight",
    "nms_radius",
    "localization_error",
    "refinement_width",
)


class Ranking(Enum):
    """How the score of a person follows from the expected similarities of the keypoints (SP §III-D)."""

    QUADRATIC = "quadratic"
    """Their quadratic mean over all K keypoints: those that are sure count most."""
    KEYPOINT_NMS = "keypoint_nms"
    """Eq. (1): their mean, where keypoints that keypoint NMS suppresses count 0."""


class Suppression(Enum):
    """What happens to a pose that resembles a stronger one (SP §III-D)."""

    NONE = "none"
    """Nothing."""
    HARD = "hard"
    """It is dropped where the similarity (OKS) exceeds `DecodeOptions.similarity`."""
    SOFT = "soft"
    """Its score is multiplied by exp(−OKS² / `DecodeOptions.similarity`)."""
    KEYPOINT = "keypoint"
    """Keypoint NMS: keypoints within `DecodeOptions.nms_radius` of a stronger pose's same keypoint score 0."""


@dataclass(frozen=True)
class DecodeOptions:
    """How fields become poses.

    Attributes:
        disk_radius: R in pixels, the radius of the disks that the network was trained with; it sets the unit of
            ``seed_threshold`` and the least ``backward_tolerance``. Change it only with the network.
        filter_sigma: standard deviation of the Gaussian that smooths the votes, in cells. The paper's is 1; a smaller
            one keeps close people apart. Raise it for networks whose stride is below 8.
        voting: every cell votes for the point that its short offset leads to. Without it seeds are maxima of the
            filtered heat maps, as in the paper, and about half as high: halve ``seed_threshold`` then.
        vote_threshold: cells with less heat cast no Hough vote. Lower it for a network that is never sure; more votes
            take more time.
        seed_threshold: least height of a seed in the filtered Hough map; 1 is what a whole disk of certain cells
            reaches that all point at the same spot. Lower it where people are missed, raise it to save time.
        body_threshold: seeds on cells with less body heat are dropped (SP §III); 0 switches the gate off. Raise it to
            save time where the heat maps have many false maxima.
        body_weight: power to which the body heat along a keypoint's limbs multiplies its score (SP §III, `fuse_body`).
            Raise it to about .5 where the body heat map was learnt from segmentations.
        refinements: how often the short offsets correct a point that a displacement led to. Set it to 1 for a network
            whose displacements are exact; 0 leaves the points where displacements lead.
        backward_tolerance: a keypoint's score is halved where the displacement back misses the keypoint it was reached
            from by this share of the distance (by ``disk_radius`` if that is more), and falls with the square of this
            forward-backward error. Raise it for a network whose displacements are inexact; 1e6 trusts
            them all.
        localization_error: pixels, standard deviation of keypoints that are right, for the expected similarity that
            people are scored by (Expected-OKS, SP §III-D); 0 scores them by their keypoints' scores alone. Scale it
            with the error that your network makes.
        ranking: how people are scored. Change it to reproduce the paper.
        nms_radius: r in pixels, within which the same keypoint of two people is the same: a seed so close to an
            earlier person's keypoint does not grow (SP §III-C), and keypoint NMS suppresses the weaker person's (SP
            §III-D). Scale it with the size of people in the network's input.
        suppression: what happens to duplicates. Hard suppression gives the fewest duplicates and loses people in
            groups; none leaves the choice to you.
        similarity: OKS above which a pose is a duplicate (hard), or the width of the Gaussian (soft). Lower it where
            duplicates are left.
        refinement_width: how near the votes must be to which mean shift moves the keypoints of the people who are
            returned: standard deviation of its Gaussian as a share of the person's size, the root of the area. 0
            leaves the keypoints where growth put them, and saves time.
        max_people: the number of people returned at most. Raise it for crowds.

    Raises:
        ValueError: if a value makes no sense; says what was expected.
    """

    disk_radius: float = DISK_RADIUS
    filter_sigma: float = 0.7
    voting: bool = True
    vote_threshold: float = 0.1
    seed_threshold: float = 0.16
    body_threshold: float = 0.0
    body_weight: float = 0.0
    refinements: int = 2
    backward_tolerance: float = 1.0
    localization_error: float = 3.0
    ranking: Ranking = Ranking.QUADRATIC
    nms_radius: float = 10.0
    suppression: Suppression = Suppression.KEYPOINT
    similarity: float = 0.5
    refinement_width: float = 0.08
    max_people: int = 100

    def __post_init__(self) -> None:
        for name, kind in (("ranking", Ranking), ("suppression", Suppression)):
            if not isinstance(getattr(self, name), kind):
                raise ValueError(f"{name} must be one of {[str(c) for c in kind]}, got {getattr(self, name)!r}")
        for name, least in (("refinements", 0), ("max_people", 1)):
            value = getattr(self, name)
            if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < least:
                raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
        for name in _POSITIVE + _NOT_NEGATIVE:
            value = getattr(self, name)
            if not isinstance(value, Real) or isinstance(value, bool) or not 0 <= float(value) < math.inf:
                raise ValueError(f"{name} must be finite and at least 0, got {value!r}")
            if name in _POSITIVE and value == 0:
                raise ValueError(f"{name} must be positive, got 0")
        if not isinstance(self.voting, bool):
            raise ValueError(f"voting must be True or False, got {self.voting!r}")
