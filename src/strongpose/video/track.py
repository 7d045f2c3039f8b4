"""One tracked person: where last seen, how fast, how the person looks, and where to expect the person next."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

__all__ = ["Track"]

_SURE = 0.1  # score from which a keypoint tells where a person goes
_VELOCITY_SECONDS = 0.3  # over which a person's velocity is averaged
_SIZE_SECONDS = 0.5  # likewise the size
_NEW_SHARE = 0.85  # of a new position in where a keypoint is taken to be, if it is as sure as before
_UNKNOWN_SPEED = 1.5  # sizes a second, standard deviation of the speed of people seen once
_KNOWN_SPEED = 0.5  # and of what people seen more often deviate from it
_TINY = 1e-6


@dataclass(eq=False)
class Track:
    """One person: where last seen and how fast."""

    keypoints: np.ndarray  # (K, 3)
    size: float
    time: float
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))  # pixels a second
    moves: int = 0
    seen: tuple[bool, ...] = ()  # the last frames
    identifier: int = 0  # none yet

    def expected(self, time: float) -> np.ndarray:
        """(K, 3) keypoints at a later time."""
        points = self.keypoints.astype(np.float64)
        points[:, :2] += self.velocity * (time - self.time)
        return points

    def slack(self, time: float) -> float:
        """How far the prediction may be missed, in sizes: more while a person is unseen or the velocity not known."""
        return (_KNOWN_SPEED if self.moves else _UNKNOWN_SPEED) * (time - self.time)

    def move(self, keypoints: np.ndarray, size: float, time: float) -> None:
        """Take over where the person was found."""
        seconds, before = time - self.time, self.expected(time)
        self.moves += 1
        both = np.minimum(self.keypoints[:, 2], keypoints[:, 2])
        steps = (keypoints - self.keypoints)[both >= min(_SURE, both.max()), :2]
        share = max(1 - np.exp(-seconds / _VELOCITY_SECONDS), 1 / self.moves)
        self.velocity = self.velocity + share * (np.median(steps, axis=0) / seconds - self.velocity)
        self.size += (1 - np.exp(-seconds / _SIZE_SECONDS)) * (size - self.size)
        # every keypoint goes most of the way from where it was expected, further if surer than it was
        points = before
        news, olds = _NEW_SHARE * keypoints[:, 2:], (1 - _NEW_SHARE) * points[:, 2:]
        points[:, :2] += news / np.maximum(news + olds, _TINY) * (keypoints[:, :2] - points[:, :2])
        points[:, 2:] = news + olds
        self.keypoints, self.time = points, time
