"""Smoothing: less jitter on tracked keypoints without lag, by One-Euro filters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strongpose.poses import Poses
from strongpose.video.similarity import person_sizes
from strongpose.video.tracked_poses import TrackedPoses

__all__ = ["SmoothOptions", "Smoother"]

_LEAST_WEIGHT = 1e-3
_SIZE_SECONDS = 0.5  # over which a person's size is averaged
_FORGET_SECONDS = 2.0  # people unseen for so long are forgotten


@dataclass(frozen=True)
class SmoothOptions:
    """How strongly slow keypoints are smoothed, and how soon fast ones no longer are.

    Attributes:
        min_cutoff: hertz, the low-pass filter's cut-off frequency at rest; lower is calmer.
        beta: hertz by which it rises per speed of one person size (root of the area) a second; higher
            follows more closely.
        speed_cutoff: hertz, cut-off frequency of the speed itself.

    Raises:
        ValueError: if a frequency is not positive or beta is negative.
    """

    min_cutoff: float = 0.7
    beta: float = 6.0
    speed_cutoff: float = 1.0

    def __post_init__(self) -> None:
        if not (self.min_cutoff > 0 and self.speed_cutoff > 0 and self.beta >= 0):
            raise ValueError(f"expected positive frequencies and beta >= 0, got {self}")


class Smoother:
    """Smooths every keypoint of tracked people, in time stamps and in units of the person's size.

    A One-Euro filter (Casiez, Roussel, Vogel: CHI 2012) is an exponential average whose cut-off frequency
    rises with speed: what rests is calmed, what moves is followed. Here every position counts in the average
    with its keypoint's score, so a sure one soon replaces a guess, and a guess hardly moves a sure one.

    Args:
        options: left out, the measured defaults.
    """

    def __init__(self, options: SmoothOptions | None = None) -> None:
        self.options = SmoothOptions() if options is None else options
        self._states: dict[int, _State] = {}

    def update(self, tracked: TrackedPoses) -> TrackedPoses:
        """Take in the next frame.

        Args:
            tracked: the people of the frame; its time is later than that of the frame before.

        Returns:
            The same people and ids; keypoints moved, their scores as they were, boxes around the new keypoints.
        """
        time = tracked.time
        self._states = {i: s for i, s in self._states.items() if time - s.time <= _FORGET_SECONDS}
        keypoints = tracked.poses.keypoints.astype(np.float64)
        for row, (identifier, size) in enumerate(zip(tracked.ids.tolist(), person_sizes(tracked.poses), strict=True)):
            points, scores = keypoints[row, :, :2], np.maximum(keypoints[row, :, 2:], _LEAST_WEIGHT)
            state = self._states.get(identifier)
            if state is None:
                self._states[identifier] = _State(time, points.copy(), scores, np.zeros_like(points), float(size))
            else:
                state.move(points, scores, float(size), time, self.options)
                keypoints[row, :, :2] = state.points
        poses = Poses(keypoints, tracked.poses.scores, tracked.poses.skeleton)
        return TrackedPoses(time, poses, tracked.ids)


@dataclass
class _State:
    """The filters of one person."""

    time: float
    points: np.ndarray  # (K, 2) smoothed
    weights: np.ndarray  # (K, 1) the average's weight
    speed: np.ndarray  # (K, 2) sizes a second
    size: float

    def move(self, points: np.ndarray, scores: np.ndarray, size: float, time: float, options: SmoothOptions) -> None:
        seconds = time - self.time
        self.size += (1 - np.exp(-seconds / _SIZE_SECONDS)) * (size - self.size)
        speed = (points - self.points) / (seconds * self.size)
        trust = np.minimum(1, np.minimum(scores, self.weights) / self.weights)
        self.speed += _share(options.speed_cutoff, seconds) * trust * (speed - self.speed)
        cutoff = options.min_cutoff + options.beta * np.linalg.norm(self.speed, axis=1, keepdims=True)
        share = _share(cutoff, seconds)
        weights = (1 - share) * self.weights + share * scores
        self.points = self.points + share * scores / weights * (points - self.points)
        self.time, self.weights = time, weights


def _share(cutoff: float | np.ndarray, seconds: float) -> float | np.ndarray:
    """Of a new value in an exponential average with a cut-off frequency in hertz."""
    turns = 2 * np.pi * cutoff * seconds
    return turns / (turns + 1)
