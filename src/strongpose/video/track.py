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
_LOOK_SECONDS = 0.5  # over which the colours of the clothes are averaged
_REID_REACH, _REID_SPEED = 1.0, 2.0  # sizes, and sizes a second, within which somebody may be found again
_REID_RATIO = 0.6  # of the smaller size to the larger one of the same person


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
    lost: bool = False  # unseen for too long to be found again by velocity
    look: np.ndarray | None = None  # (2, B) colour histograms (`strongpose.video.appearance`)
    look_time: float = 0.0  # when it was seen

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

    def reaches(self, keypoints: np.ndarray, size: float, time: float) -> bool:
        """Whether the person may be where somebody was found, and as large."""
        away = np.linalg.norm(np.median(keypoints[:, :2], axis=0) - np.median(self.keypoints[:, :2], axis=0))
        near = away <= (_REID_REACH + _REID_SPEED * (time - self.time)) * self.size
        return bool(near) and _REID_RATIO < size / self.size < 1 / _REID_RATIO

    def remember(self, histograms: np.ndarray, unoccluded: bool) -> None:
        """Average the colours of the clothes, (2, B), over the frames in which they were seen unoccluded."""
        if not unoccluded:
            return
        share = 1.0 if self.look is None else 1 - np.exp(-(self.time - self.look_time) / _LOOK_SECONDS)
        look = histograms if self.look is None else self.look
        self.look, self.look_time = look + share * (histograms - look), self.time
