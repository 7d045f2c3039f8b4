"""The sizes and proportions of drawn bodies, fitted to silhouettes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BODY", "BOX", "FACE", "HIPS", "LENGTHS", "NECKS", "SHOULDERS", "TOPS", "BodyShape", "without_side"]


@dataclass(frozen=True)
class BodyShape:
    """Half widths and lengths of a drawn body, in the person's scale: the length of the trunk.

    A limb is as wide at either end as the joint there, and its width changes evenly in between.

    Attributes:
        shoulder: half width at a shoulder, of the arm, the shoulders and the side of the trunk.
        elbow: half width at an elbow.
        wrist: half width at a wrist, and of the hand.
        hip: half width at a hip, of the thigh, the hips and the side of the trunk.
        knee: half width at a knee.
        ankle: half width at an ankle, and of the foot.
        neck: half width at a neck.
        other: half width at a joint of any other name; not fitted.
        waist: half width of the trunk along its middle, which shows in people seen from the side.
        hand: length of the hand, onward from the wrist.
        foot: length of the foot, onward from the ankle.
        chest: length of the trunk that is drawn below two shoulders where no hip is labelled.
        chin: half width of the head around the middle of the face.
        crown: half width of the upper head.
        above: from the middle of the face up to the middle of the upper head.
        face: from the shoulders up to the middle of the face, where no keypoint of the face is labelled.
    """

    shoulder: float = 0.14
    elbow: float = 0.12
    wrist: float = 0.11
    hip: float = 0.24
    knee: float = 0.17
    ankle: float = 0.14
    neck: float = 0.22
    other: float = 0.19
    waist: float = 0.32
    hand: float = 0.13
    foot: float = 0.11
    chest: float = 0.34
    chin: float = 0.24
    crown: float = 0.25
    above: float = 0.09
    face: float = 0.39

    def half_width(self, name: str) -> float:
        """Half width at the keypoint of that name."""
        joint = "neck" if name in NECKS else without_side(name)
        return float(getattr(self, joint)) if joint in _JOINTS else self.other


BODY = BodyShape()
"""Fitted to the silhouettes of COCO's people: coordinate descent on the mean intersection over union of drawn bodies.

By ``drawn_bodies.py --fit`` of commit fb3fb1e, which is no longer kept.
"""

_JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "neck")
NECKS = ("neck", "upper_neck", "head_bottom")
TOPS = ("head_top", "head")
FACE = ("nose", "left_eye", "right_eye", *("left_ear", "right_ear") * 2)  # ears are nearest to the head's middle
SHOULDERS = ("left_shoulder", "right_shoulder")
HIPS = ("left_hip", "right_hip")

BOX = 0.63
"""The trunk's length over a person's box (root of its area, or half its long side), where no such length is known."""

LENGTHS = (
    ("left_shoulder", "right_shoulder", 0.58),
    ("left_hip", "right_hip", 0.39),
    ("left_ear", "right_ear", 0.35),
    ("left_eye", "right_eye", 0.13),
    *(
        (f"{side}{a}" if a != "nose" else a, f"{side}{b}", length)
        for side in ("left_", "right_")
        for a, b, length in (
            ("shoulder", "hip", 1.0),
            ("shoulder", "elbow", 0.54),
            ("elbow", "wrist", 0.44),
            ("hip", "knee", 0.77),
            ("knee", "ankle", 0.78),
            ("eye", "ear", 0.17),
            ("nose", "eye", 0.1),
            ("nose", "ear", 0.24),
            ("nose", "shoulder", 0.49),
            ("ear", "shoulder", 0.42),
        )
    ),
)
"""How far keypoints lie apart in photos, in trunks' lengths: root mean squares over people, by the same script."""


def without_side(name: str) -> str:
    """The name of a keypoint, be it left or right."""
    return name.removeprefix("left_").removeprefix("right_")
