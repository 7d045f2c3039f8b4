"""Tracking: the poses of one frame after the other in, the same people with ids that last out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strongpose._util.installing import install_command
from strongpose.poses import Poses
from strongpose.runtime import DEFAULT_THRESHOLD
from strongpose.video.similarity import person_sizes, pose_similarities
from strongpose.video.track import Track
from strongpose.video.tracked_poses import TrackedPoses

__all__ = ["Observation", "TrackOptions", "Tracker"]

_MISSED_FRAMES = 2  # nobody is given up before more frames than these were missed


@dataclass(frozen=True)
class TrackOptions:
    """When people are taken for the same, when they are new, and when they are gone.

    Attributes:
        min_oks: least OKS between where a person is expected and where a pose was found.
        low_score: people who score less are not looked at; those above it carry tracks on.
        high_score: people who score less start no track.
        confirm_score: people who score this much get an id at once.
        min_hits: others get it once they were seen in so many …
        window: … of so many frames in a row.
        max_age: seconds a person may be unseen and still keep the id.
        duplicate_oks: OKS to somebody who carries a track on above which a pose is left out: the same person, found
            twice.

    Raises:
        ValueError: if a value makes no sense; says what was expected.
    """

    min_oks: float = 0.05
    low_score: float = 0.2
    high_score: float = DEFAULT_THRESHOLD
    confirm_score: float = 0.6
    min_hits: int = 3
    window: int = 5
    max_age: float = 0.5
    duplicate_oks: float = 0.3

    def __post_init__(self) -> None:
        for name in ("min_oks", "duplicate_oks"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in 0-1, got {getattr(self, name)}")
        if not 0 <= self.low_score <= self.high_score <= self.confirm_score:
            raise ValueError(
                "expected 0 <= low_score <= high_score <= confirm_score, "
                f"got {self.low_score}, {self.high_score}, {self.confirm_score}"
            )
        if not 1 <= self.min_hits <= self.window:
            raise ValueError(f"expected 1 <= min_hits <= window, got {self.min_hits} of {self.window}")
        if self.max_age < 0:
            raise ValueError(f"max_age must not be negative, got {self.max_age}")

    @classmethod
    def from_threshold(cls, score: float) -> TrackOptions:
        """The defaults, but people whose score never reaches ``score`` (0-1) get no id."""
        usual = cls()
        return cls(
            low_score=min(usual.low_score, score), high_score=score, confirm_score=max(usual.confirm_score, score)
        )


@dataclass(frozen=True, eq=False)
class Observation:
    """The people found in one frame, and the tracks they were taken for, confirmed or not.

    A track that is confirmed in a later frame is so in this observation, too.

    Attributes:
        time: of the frame, in seconds.
        poses: N people.
    """

    time: float
    poses: Poses
    _tracks: tuple[Track, ...]

    def confirmed(self) -> TrackedPoses:
        """Those whose tracks are confirmed by now, with ids, in the order of the poses."""
        shown = [i for i, track in enumerate(self._tracks) if track.identifier]
        return TrackedPoses(self.time, self.poses[shown], np.array([self._tracks[i].identifier for i in shown], int))


class Tracker:
    """Gives the people of a video ids, frame by frame, from nothing but their poses.

    Every person is expected to move on at the present velocity; who was found where is settled for all at
    once (Hungarian method) by the Object Keypoint Similarity to what is expected. Somebody new gets an id when
    sure, or when seen in some frames of the last few; until then, such a person is left out. Somebody hidden
    for a moment keeps the id. An id is never given twice.

    Args:
        options: left out, the measured defaults.
    """

    def __init__(self, options: TrackOptions | None = None) -> None:
        self.options = TrackOptions() if options is None else options
        self._tracks: list[Track] = []
        self._time: float | None = None
        self._next_id = 1

    def update(self, poses: Poses, time: float) -> TrackedPoses:
        """Take in the next frame, for online tracking: those whose tracks are confirmed in this frame, with ids.

        Arguments and errors are those of `observe`.
        """
        return self.observe(poses, time).confirmed()

    def observe(self, poses: Poses, time: float) -> Observation:
        """Take in the next frame.

        Args:
            poses: everybody found in the frame; people with low scores help to carry tracks on.
            time: of the frame, in seconds; later than that of the frame before.

        Returns:
            Those who belong to a track. Asked `TrackOptions.window` - 1 frames later who is confirmed, it also knows
            those who were new in this frame.

        Raises:
            ValueError: if time does not go forward.
        """
        if self._time is not None and not time > self._time:
            raise ValueError(f"frames must come in the order of time, got {time} s after {self._time} s")
        self._time = time
        options = self.options
        sizes = person_sizes(poses)
        free = set(np.flatnonzero(poses.scores >= options.low_score).tolist())
        sure = set(np.flatnonzero(poses.scores >= options.high_score).tolist())
        known = [track for track in self._tracks if track.identifier]
        new = [track for track in self._tracks if not track.identifier]
        owners: dict[int, Track] = {}
        for tracks, candidates in ((known, sure), (known, free - sure), (new, sure)):
            waiting = [track for track in tracks if track not in owners.values()]
            owners.update(self._match(waiting, sorted(candidates & free), poses, sizes, time))
            free -= set(owners)
            free -= self._doubles(sorted(free), sorted(owners), poses, sizes)
        for i in sorted(free & sure):
            owners[i] = Track(poses.keypoints[i], float(sizes[i]), time)
            self._tracks.append(owners[i])
        for track in self._tracks:
            track.seen = (*track.seen, track.time == time)[-options.window :]
        for i in sorted(owners):
            track = owners[i]
            if not track.identifier and (
                poses.scores[i] >= options.confirm_score or sum(track.seen) >= options.min_hits
            ):
                track.identifier, self._next_id = self._next_id, self._next_id + 1
        self._tracks = [track for track in self._tracks if self._lives(track, time)]
        seen = sorted(owners)
        return Observation(time, poses[seen], tuple(owners[i] for i in seen))

    def _match(
        self, tracks: list[Track], candidates: list[int], poses: Poses, sizes: np.ndarray, time: float
    ) -> dict[int, Track]:
        """Which candidate each track becomes; the tracks move there."""
        if not tracks or not candidates:
            return {}
        expected = np.stack([track.expected(time) for track in tracks])
        around = np.array([track.size for track in tracks])
        slack = np.array([track.slack(time) for track in tracks])
        found = poses.keypoints[candidates]
        alike = pose_similarities(expected, around, found, sizes[candidates], poses.skeleton.sigmas, slack)
        owners = {}
        for row, column in _assign(np.where(alike >= self.options.min_oks, alike, 0)):
            tracks[row].move(found[column], float(sizes[candidates[column]]), time)
            owners[candidates[column]] = tracks[row]
        return owners

    def _doubles(self, free: list[int], taken: list[int], poses: Poses, sizes: np.ndarray) -> set[int]:
        """Those of ``free`` who resemble somebody of ``taken``: probably the same person, found twice."""
        if not free or not taken:
            return set()
        points, sigmas = poses.keypoints, poses.skeleton.sigmas
        alike = pose_similarities(points[free], sizes[free], points[taken], sizes[taken], sigmas)
        return {i for i, most in zip(free, alike.max(axis=1), strict=True) if most > self.options.duplicate_oks}

    def _lives(self, track: Track, time: float) -> bool:
        missed = next((n for n, seen in enumerate(reversed(track.seen)) if seen), len(track.seen))
        if not track.identifier:
            return missed <= self.options.window - self.options.min_hits
        return missed <= _MISSED_FRAMES or time - track.time <= self.options.max_age


def _assign(gains: np.ndarray) -> list[tuple[int, int]]:
    """The pairs of rows and columns that gain most in all; pairs that gain 0 are left out."""
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError as error:
        raise ImportError(f"tracking needs the package scipy: {install_command('video')}") from error
    rows, columns = linear_sum_assignment(gains, maximize=True)
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if gains[r, c] > 0]
