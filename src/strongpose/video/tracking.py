"""Tracking: the poses of one frame after the other in, the same people with ids that last out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strongpose._util.installing import install_command
from strongpose.poses import Poses
from strongpose.video.appearance import Appearances, colour_distances
from strongpose.video.similarity import person_sizes, pose_similarities
from strongpose.video.track import Track
from strongpose.video.track_options import TrackOptions
from strongpose.video.tracked_poses import TrackedPoses

__all__ = ["Observation", "Tracker"]

_MISSED_FRAMES = 2  # nobody is given up before more frames than these were missed


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


@dataclass(frozen=True, eq=False)
class _Found:
    """The people found in one frame: poses, sizes in pixels, and how they look."""

    time: float
    poses: Poses
    sizes: np.ndarray
    looks: Appearances


class Tracker:
    """Multi-object tracking: gives the people of a video ids, frame by frame, from their poses and clothes.

    Every person is expected to move on at the present velocity; who was found where is settled for all at
    once (Hungarian method) by the Object Keypoint Similarity to what is expected and by the colours of the clothes.
    Somebody unseen for longer is re-identified by the colours alone. Somebody new is confirmed and gets an id when
    sure, or when seen in some frames of the last few. An id is never given twice.

    Args:
        options: left out, the measured defaults.
    """

    def __init__(self, options: TrackOptions | None = None) -> None:
        self.options = TrackOptions() if options is None else options
        self._tracks: list[Track] = []
        self._time: float | None = None
        self._next_id = 1

    def update(self, poses: Poses, time: float, looks: Appearances | None = None) -> TrackedPoses:
        """Take in the next frame, for online tracking: those whose tracks are confirmed in this frame, with ids.

        Arguments and errors are those of `observe`.
        """
        return self.observe(poses, time, looks).confirmed()

    def observe(self, poses: Poses, time: float, looks: Appearances | None = None) -> Observation:
        """Take in the next frame.

        Args:
            poses: everybody found in the frame; people with low scores help to carry tracks on.
            time: of the frame, in seconds; later than that of the frame before.
            looks: of the people in the frame; left out, people are told apart by their poses alone.

        Returns:
            Those who belong to a track. Asked `TrackOptions.window` - 1 frames later who is confirmed, it also knows
            those who were new in this frame.

        Raises:
            ValueError: if time does not go forward.
        """
        if self._time is not None and not time > self._time:
            raise ValueError(f"frames must come in the order of time, got {time} s after {self._time} s")
        self._time = time
        found = _Found(time, poses, person_sizes(poses), looks or Appearances.unknown(len(poses)))
        owners = self._owners(found)
        for i, track in owners.items():
            track.remember(found.looks.histograms[i], bool(found.looks.unoccluded[i]))
        for track in self._tracks:
            track.seen = (*track.seen, track.time == time)[-self.options.window :]
        for i in sorted(owners):
            if not owners[i].identifier and self._is_sure(owners[i], float(poses.scores[i])):
                self._confirm(owners[i])
        self._tracks = [track for track in self._tracks if self._lives(track, time)]
        seen = sorted(owners)
        return Observation(time, poses[seen], tuple(owners[i] for i in seen))

    def settle(self, frames: int) -> None:
        """At the end of a video of fewer frames than confirming takes, confirm those who were seen in all of them."""
        for track in self._tracks:
            if not track.identifier and frames == sum(track.seen) < self.options.min_hits:
                self._confirm(track)

    def _confirm(self, track: Track) -> None:
        track.identifier, self._next_id = self._next_id, self._next_id + 1

    def _owners(self, found: _Found) -> dict[int, Track]:
        """The track of each pose that has one; new ones are made."""
        free = set(np.flatnonzero(found.poses.scores >= self.options.low_score).tolist())
        sure = set(np.flatnonzero(found.poses.scores >= self.options.high_score).tolist())
        known = [track for track in self._tracks if track.identifier]
        moving = [track for track in known if not track.lost]
        new = [track for track in self._tracks if not track.identifier]
        owners: dict[int, Track] = {}
        for tracks, candidates, gains in (
            (moving, sure, self._oks_gains),
            (known, sure, self._colour_gains),
            (moving, free - sure, self._oks_gains),
            (known, free - sure, self._colour_gains),
            (new, sure, self._oks_gains),
        ):
            waiting = [track for track in tracks if track not in owners.values()]
            remaining = sorted(candidates & free)
            if waiting and remaining:
                for row, column in _assign(gains(waiting, remaining, found)):
                    i = remaining[column]
                    waiting[row].move(found.poses.keypoints[i], float(found.sizes[i]), found.time)
                    owners[i] = waiting[row]
            free -= set(owners)
            free -= self._duplicates(sorted(free), sorted(owners), found)
        for i in sorted(free & sure):
            owners[i] = Track(found.poses.keypoints[i], float(found.sizes[i]), found.time)
            self._tracks.append(owners[i])
        return owners

    def _oks_gains(self, tracks: list[Track], candidates: list[int], found: _Found) -> np.ndarray:
        """(M, N) how well M tracks fit N candidates, by where they are expected and how they look; 0 is not at all."""
        expected = np.stack([track.expected(found.time) for track in tracks])
        around = np.array([track.size for track in tracks])
        slack = np.array([track.slack(found.time) for track in tracks])
        points, sizes = found.poses.keypoints[candidates], found.sizes[candidates]
        oks = pose_similarities(expected, around, points, sizes, found.poses.skeleton.sigmas, slack)
        distances = self._distances(tracks, candidates, found)
        others = (distances > self.options.max_colour_distance) & found.looks.unoccluded[candidates]
        possible = (oks >= self.options.min_oks) & ~others
        return np.where(possible, oks * np.exp(-self.options.colour_weight * distances), 0)

    def _colour_gains(self, tracks: list[Track], candidates: list[int], found: _Found) -> np.ndarray:
        """(M, N) how alike M tracks and N unoccluded candidates within reach are dressed; 0 is not alike."""
        points, sizes = found.poses.keypoints[candidates], found.sizes[candidates].tolist()
        reachable = np.array(
            [[track.reaches(*one, found.time) for one in zip(points, sizes, strict=True)] for track in tracks]
        )
        remembered = np.array([track.look is not None for track in tracks])[:, None]
        distances = self._distances(tracks, candidates, found)
        alike = found.looks.unoccluded[candidates] & remembered & (distances <= self.options.reid_distance)
        return np.where(alike & reachable, 1 - distances, 0)

    def _distances(self, tracks: list[Track], candidates: list[int], found: _Found) -> np.ndarray:
        """(M, N) colour distances; 0 where one of both is not known."""
        histograms = found.looks.histograms
        unknown = np.zeros(histograms.shape[1:])
        remembered = np.stack([unknown if track.look is None else track.look for track in tracks])
        return colour_distances(remembered, histograms[candidates])

    def _duplicates(self, free: list[int], taken: list[int], found: _Found) -> set[int]:
        """Those of ``free`` who resemble somebody of ``taken``: probably the same person, found twice."""
        if not free or not taken:
            return set()
        points, sizes, sigmas = found.poses.keypoints, found.sizes, found.poses.skeleton.sigmas
        alike = pose_similarities(points[free], sizes[free], points[taken], sizes[taken], sigmas)
        return {i for i, most in zip(free, alike.max(axis=1), strict=True) if most > self.options.duplicate_oks}

    def _is_sure(self, track: Track, score: float) -> bool:
        return score >= self.options.confirm_score or sum(track.seen) >= self.options.min_hits

    def _lives(self, track: Track, time: float) -> bool:
        missed = next((n for n, seen in enumerate(reversed(track.seen)) if seen), len(track.seen))
        if not track.identifier:
            return missed <= self.options.window - self.options.min_hits
        unseen = time - track.time
        track.lost = missed > _MISSED_FRAMES and unseen > self.options.max_age
        return not track.lost or (track.look is not None and unseen <= self.options.reid_age)


def _assign(gains: np.ndarray) -> list[tuple[int, int]]:
    """The pairs of rows and columns that gain most in all; pairs that gain 0 are left out."""
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError as error:
        raise ImportError(f"tracking needs the package scipy: {install_command('video')}") from error
    rows, columns = linear_sum_assignment(gains, maximize=True)
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if gains[r, c] > 0]
