"""VideoEstimator: the frames of a video in, one after the other, the people in them with ids out."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from strongpose.video.camera_motion import CameraMotion, shifted
from strongpose.video.motion import MotionRecogniser
from strongpose.video.smoothing import Smoother
from strongpose.video.track_summary import TrackSummary
from strongpose.video.tracking import TrackedPoses, Tracker, TrackOptions

if TYPE_CHECKING:
    from strongpose.inference import StrongPose

__all__ = ["VideoEstimator"]


class VideoEstimator:
    """Finds the people in the frames of a video, follows them, smooths their keypoints and says what they do.

    The camera's motion is taken out before people are followed and smoothed, and put back afterwards, so that poses
    lie on the frame as it is. One estimator is for one video: it remembers the frames before.

    Args:
        model: finds the people in one frame.
        tracking: who is taken for the same person; left out, the measured defaults.
        smooth: whether keypoints are smoothed (`strongpose.video.smoothing`).
        camera_motion: whether the motion of a hand-held camera is looked for (`strongpose.video.camera_motion`).
        recogniser: says what people do (`strongpose.video.motion`); left out, that is not looked at.

    Attributes:
        summary: figures about the tracks until now.
    """

    def __init__(
        self,
        model: StrongPose,
        *,
        tracking: TrackOptions | None = None,
        smooth: bool = True,
        camera_motion: bool = True,
        recogniser: MotionRecogniser | None = None,
    ) -> None:
        self.summary = TrackSummary()
        self._model = model
        self._tracker = Tracker(tracking)
        self._smoother = Smoother() if smooth else None
        self._camera = CameraMotion() if camera_motion else None
        self._recogniser = recogniser
        self._words: Counter[str] = Counter()

    def __call__(self, image: np.ndarray, time: float) -> tuple[TrackedPoses, list[tuple[str, ...]] | None]:
        """The people in the next frame.

        Args:
            image: (H, W, 3) uint8 RGB.
            time: of the frame, in seconds; later than that of the frame before.

        Returns:
            The N people who have an id, in pixels of the frame, and what each of them does: N times the recogniser's
            words, or None without one.

        Raises:
            ValueError: if time does not go forward.
            ImportError: if SciPy is missing.
        """
        poses = self._model(image)
        moved = np.zeros(2)
        if self._camera is not None:  # everything below happens as if the camera stood still
            moved = self._camera.update(image, poses[poses.scores >= self._tracker.options.keep_score].boxes)
        tracked = self._tracker.update(shifted(poses, -moved), time)
        if self._smoother is not None:
            tracked = self._smoother.update(tracked)
        self.summary.update(tracked)
        shown = replace(tracked, poses=shifted(tracked.poses, moved))
        if self._recogniser is None:
            return shown, None
        motions = self._recogniser.update(tracked)
        self._words.update(word for words in motions for word in words or ("not clear",))
        return shown, motions

    @property
    def motion_shares(self) -> list[tuple[str, float]]:
        """The recogniser's words and in which share of people × frames each was said, the most frequent first."""
        return [(word, count / self.summary.people) for word, count in self._words.most_common()]
