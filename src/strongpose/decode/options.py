"""The options of the decoder and their measured defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from strongpose.fields import DISK_RADIUS

__all__ = ["DecodeOptions", "Ranking", "Suppression"]


class Ranking(Enum):
    """How the score of a person follows from the expected similarities of the keypoints (SP §III-D)."""

    QUADRATIC = "quadratic"
    """Their quadratic mean over all K keypoints: those that are sure count most."""
    BEST = "best"
    """The mean of the `DecodeOptions.best_keypoints` highest: people half out of the picture score higher."""
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
    """Keypoint NMS: keypoints within `DecodeOptions.keypoint_nms_radius` of a stronger pose's same keypoint score 0."""


@dataclass(frozen=True)
class DecodeOptions:
    """How fields become poses.

    Attributes:
        disk_radius: R in pixels, the radius of the disks the network was trained on; it sets the unit of
            ``seed_threshold`` and the least ``backward_tolerance``.
        filter_sigma: of the Gaussian that smooths the votes, in cells. The paper's is 1; 0.7 keeps close
            people apart.
        voting: every cell votes for the point that its short offset leads to; without it seeds are maxima of the heat
            maps themselves, which are about half as high.
        vote_threshold: cells with less heat cast no Hough vote.
        seed_threshold: least height of a seed in the filtered Hough map; 1 is what a whole disk of certain
            cells reaches that all point at the same spot.
        max_seeds: the number of strongest seeds looked at.
        body_threshold: seeds on cells with less body heat are dropped; 0 switches the gate off.
        body_weight: power to which the body heat along a keypoint's limbs multiplies its score (`fuse_body`); worth it
            where the body heat map was learnt from segmentations.
        refinements: how often the short offsets correct a point that a displacement led to.
        backward_tolerance: a keypoint's score is halved where the displacement back misses the keypoint it
            was reached from by this share of the distance (by ``disk_radius`` if that is more), and
            falls with the square of this forward-backward error: it may be somebody else's.
        keypoint_threshold: heat from which a keypoint counts as found.
        through_low_scores: whether growth continues from keypoints below `keypoint_threshold`, after all others.
        seed_radius: pixels from the same keypoint of a person within which a seed is that person's.
        localization_error: pixels, standard deviation of keypoints that are right, for the expected
            similarity that people are scored by; 0 scores them by their keypoints' scores alone.
        ranking: how people are scored.
        best_keypoints: the number of keypoints in `Ranking.BEST`.
        keypoint_nms_radius: r in pixels, within which keypoint NMS suppresses the same keypoint of a weaker person
            (`Suppression.KEYPOINT`, `Ranking.KEYPOINT_NMS`).
        suppression: what happens to duplicates.
        similarity: OKS above which a pose is a duplicate (hard), or the width of the Gaussian (soft).
        refinement_width: how near the votes must be to which mean shift moves the keypoints of the people who
            are returned: standard deviation of its Gaussian as a share of the person's size, the root of the
            area; 0 leaves the keypoints where growth put them.
        max_people: the number of people returned at most.

    Raises:
        ValueError: if a value makes no sense; says what was expected.
    """

    disk_radius: float = DISK_RADIUS
    filter_sigma: float = 0.7
    voting: bool = True
    vote_threshold: float = 0.1
    seed_threshold: float = 0.16
    max_seeds: int = 1000
    body_threshold: float = 0.0
    body_weight: float = 0.0
    refinements: int = 2
    backward_tolerance: float = 1.0
    keypoint_threshold: float = 0.1
    through_low_scores: bool = True
    seed_radius: float = 10.0
    localization_error: float = 3.0
    ranking: Ranking = Ranking.QUADRATIC
    best_keypoints: int = 9
    keypoint_nms_radius: float = 10.0
    suppression: Suppression = Suppression.KEYPOINT
    similarity: float = 0.5
    refinement_width: float = 0.08
    max_people: int = 100

    def __post_init__(self) -> None:
        for name, kind in (("ranking", Ranking), ("suppression", Suppression)):
            if not isinstance(getattr(self, name), kind):
                raise ValueError(f"{name} must be one of {[str(c) for c in kind]}, got {getattr(self, name)!r}")
        for name, least in (("max_seeds", 1), ("refinements", 0), ("best_keypoints", 1), ("max_people", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        for name in ("disk_radius", "filter_sigma", "backward_tolerance", "similarity"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("refinement_width", "body_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be finite and at least 0, got {getattr(self, name)}")
