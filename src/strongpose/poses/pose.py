"""Pose: one person of the poses in a photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strongpose.skeleton import Skeleton

__all__ = ["KEYPOINT_THRESHOLD", "Pose"]

KEYPOINT_THRESHOLD = 0.3
"""Score from which a keypoint counts as visible: others are not drawn, and marked invisible for other libraries."""


@dataclass(frozen=True, eq=False)
class Pose:
    """One person of `Poses`.

    Attributes:
        keypoints: (K, 3) float32, x, y in photo pixels and score 0-1.
        score: how sure the person is.
        box: (4,) float32, x0, y0, x1, y1 in photo pixels.
        skeleton: what the K keypoints are called.
    """

    keypoints: np.ndarray
    score: float
    box: np.ndarray
    skeleton: Skeleton

    def __getitem__(self, name: str) -> np.ndarray:
        """(3,) x, y, score of the keypoint called ``name``, for example ``pose["left_wrist"]``.

        Raises:
            KeyError: if the skeleton has no such keypoint; the message lists those it has.
        """
        if name not in self.skeleton.names:
            raise KeyError(f"no keypoint {name!r} in skeleton {self.skeleton.name!r}; it has {self.skeleton.names}")
        return self.keypoints[self.skeleton.names.index(name)]

    def __repr__(self) -> str:
        visible = int((self.keypoints[:, 2] >= KEYPOINT_THRESHOLD).sum())
        box = [round(float(v)) for v in self.box]
        return (
            f"Pose(score {self.score:.2f}, box {box}, {visible} of {len(self.keypoints)} keypoints with a score of "
            f"{KEYPOINT_THRESHOLD} or more)"
        )
