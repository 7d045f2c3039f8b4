"""What the tracks of a whole video are like: how many, how long, how broken, how calm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strongpose.video.similarity import person_sizes
from strongpose.video.tracked_poses import TrackedPoses

__all__ = ["TrackSummary"]

_SURE = 0.3  # keypoints that score less do not count as jitter
_SECONDS = 1.0  # between the end of a track and the start of the one that probably goes on with it


@dataclass
class _Track:
    start: float
    end: float
    frames: int
    box: np.ndarray  # (4,) the last
    size: float
    last: np.ndarray  # (2, K, 3) the last two frames' keypoints, NaN where there was none


class TrackSummary:
    """Figures about tracks that need no annotation, gathered frame by frame.

    Attributes:
        frames: looked at.
        people: people × frames.
        fragments: tracks that begin within a second after another ended, less than a person's size away from
            where it did: probably the same person under another id.
    """

    def __init__(self) -> None:
        self.frames = self.people = self.fragments = 0
        self._tracks: dict[int, _Track] = {}
        self._lengths: list[float] = []
        self._time: float | None = None
        self._jitter = (0.0, 0.0, 0)  # sums in pixels and sizes, and the number

    def update(self, tracked: TrackedPoses) -> None:
        """Take in the next frame."""
        self.frames += 1
        self.people += len(tracked)
        time = tracked.time
        sizes = person_sizes(tracked.poses)
        for identifier, person, size in zip(tracked.ids.tolist(), tracked.poses, sizes.tolist(), strict=True):
            track = self._tracks.get(identifier)
            if track is None:
                nothing = np.full((2, *person.keypoints.shape), np.nan)
                track = self._tracks[identifier] = _Track(time, time, 0, person.box, size, nothing)
                self._join(track)
            elif track.end != self._time:
                track.last[:] = np.nan  # a gap
            self._add_jitter(track, person.keypoints, size)
            track.end, track.box, track.size, track.frames = time, person.box, size, track.frames + 1
            track.last = np.stack([track.last[1], person.keypoints])
        self._time = time
        for identifier in [i for i, track in self._tracks.items() if time - track.end > 2 * _SECONDS]:
            track = self._tracks.pop(identifier)
            self._lengths.append(track.end - track.start)

    @property
    def tracks(self) -> int:
        """How many ids there were."""
        return len(self._lengths) + len(self._tracks)

    @property
    def median_seconds(self) -> float:
        """Median time from a track's first frame to its last; 0 without tracks."""
        lengths = self._lengths + [track.end - track.start for track in self._tracks.values()]
        return float(np.median(lengths)) if lengths else 0.0

    @property
    def jitter(self) -> tuple[float, float]:
        """Mean over people × frames of the median keypoint's |x(t+1) − 2 x(t) + x(t−1)|.

        Returns:
            In pixels a frame squared, and in shares of the person's size (root of the area).
        """
        pixels, share, number = self._jitter
        return (pixels / number, share / number) if number else (0.0, 0.0)

    def __str__(self) -> str:
        pixels, share = self.jitter
        mean = self.people / max(1, self.frames)
        return (
            f"{self.tracks} tracks, median {self.median_seconds:.2f} s, {mean:.1f} people a frame, "
            f"{self.fragments} fragments, jitter {pixels:.2f} px/frame² ({100 * share:.2f} % of a person's size)"
        )

    def _join(self, new: _Track) -> None:
        """Count a fragment where a track that ended a moment ago probably goes on as a new one."""
        for track in self._tracks.values():
            away = np.linalg.norm((new.box - track.box).reshape(2, 2).mean(axis=0))
            if 0 < new.start - track.end <= _SECONDS and away < (new.size + track.size) / 2:
                self.fragments += 1
                return

    def _add_jitter(self, track: _Track, keypoints: np.ndarray, size: float) -> None:
        before, middle = track.last
        sure = np.minimum(np.minimum(before[:, 2], middle[:, 2]), keypoints[:, 2]) >= _SURE
        if sure.any():
            bends = np.linalg.norm((keypoints - 2 * middle + before)[sure, :2], axis=1)
            pixels = float(np.median(bends))
            total, shares, number = self._jitter
            self._jitter = (total + pixels, shares + pixels / size, number + 1)
