"""Tracking: the poses of one frame after the other in, the same people with ids that last out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from strongpose._util.installing import install_command
from strongpose.poses import Poses
from strongpose.video.similarity import person_sizes, pose_similarities

__all__ = ["TrackOptions", "TrackedPoses", "Tracker"]

_SURE = 0.1  # score from which a keypoint tells where a person goes
_VELOCITY_SECONDS = 0.3  # over which a person's velocity is averaged
_SIZE_SECONDS = 0.5  # likewise the size
_NEW_SHARE = 0.85  # of a new position in where a keypoint is taken to be, if it is as sure as before
_UNKNOWN_SPEED = 1.5  # sizes a second, standard deviation of the speed of people seen once
_KNOWN_SPEED = 0.5  # and of what people seen more often deviate from it
_MISSED_FRAMES = 2  # nobody is given up before more frames than these were missed
_TINY = 1e-6


@dataclass(frozen=True)
class TrackOptions:
    """When people are taken for the same, when they are new, and when they are gone.

    Attributes:
        similarity: least OKS between where a person is expected and where a pose was found.
        keep_score: people who score less are not looked at; those above it carry tracks on.
        start_score: people who score less start no track.
        sure_score: people who score this much get an id at once.
        hits: others get it once they were seen in so many …
        window: … of so many frames in a row.
        max_gap: seconds a person may be unseen and still keep the id.
        double: OKS to somebody who carries a track on above which a pose is left out: the same person, found twice.

    Raises:
        ValueError: if a value makes no sense; says what was expected.
    """

    similarity: float = 0.05
    keep_score: float = 0.2
    start_score: float = 0.25
    sure_score: float = 0.6
    hits: int = 3
    window: int = 5
    max_gap: float = 0.5
    double: float = 0.3

    def __post_init__(self) -> None:
        for name in ("similarity", "double"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in 0-1, got {getattr(self, name)}")
        if not 0 <= self.keep_score <= self.start_score <= self.sure_score:
            raise ValueError(
                "expected 0 <= keep_score <= start_score <= sure_score, "
                f"got {self.keep_score}, {self.start_score}, {self.sure_score}"
            )
        if not 1 <= self.hits <= self.window:
            raise ValueError(f"expected 1 <= hits <= window, got {self.hits} of {self.window}")
        if self.max_gap < 0:
            raise ValueError(f"max_gap must not be negative, got {self.max_gap}")

    @classmethod
    def from_threshold(cls, score: float) -> TrackOptions:
        """The defaults, but people whose score never reaches ``score`` (0-1) get no id."""
        usual = cls()
        return cls(keep_score=min(usual.keep_score, score), start_score=score, sure_score=max(usual.sure_score, score))


@dataclass(frozen=True, eq=False)
class TrackedPoses:
    """The people of one frame, with ids.

    Attributes:
        time: of the frame, in seconds.
        poses: N people in photo pixels.
        ids: (N,) int, different in one frame; a person has the same one in all frames.

    Raises:
        ValueError: if there are not as many ids as people, or an id comes twice.
    """

    time: float
    poses: Poses
    ids: np.ndarray

    def __post_init__(self) -> None:
        ids = np.asarray(self.ids, dtype=np.int64)
        if ids.shape != (len(self.poses),) or len(set(ids.tolist())) < len(ids):
            raise ValueError(f"expected {len(self.poses)} different ids, got {ids.tolist()}")
        object.__setattr__(self, "ids", ids)

    def __len__(self) -> int:
        return len(self.poses)

    def to_json(self, frame: int, motions: Sequence[tuple[str, ...]] | None = None) -> str:
        """One line of JSON: frame, time in seconds, and of everybody id, score, box and keypoints by name.

        Args:
            frame: number of the frame.
            motions: N times what a person does (`strongpose.video.motion`), to be written as well.
        """
        people = []
        for i, (identifier, person) in enumerate(zip(self.ids.tolist(), self.poses, strict=True)):
            facts: dict[str, Any] = {
                "id": identifier,
                "score": round(person.score, 4),
                "box": [round(float(v), 2) for v in person.box],
                "keypoints": {
                    name: [round(float(x), 2), round(float(y), 2), round(float(score), 3)]
                    for name, (x, y, score) in zip(person.skeleton.names, person.keypoints, strict=True)
                },
            }
            people.append(facts if motions is None else {**facts, "motion": list(motions[i])})
        return json.dumps({"frame": frame, "time": round(self.time, 6), "people": people})

    def to_csv(self, frame: int) -> str:
        """A table with a row per person: frame, time, id, and what `Poses.to_csv` writes."""
        header, *rows = self.poses.to_csv().splitlines()
        start = f"{frame},{round(self.time, 6)}"
        lines = [f"frame,time,id,{header}", *(f"{start},{i},{row}" for i, row in zip(self.ids, rows, strict=True))]
        return "".join(line + "\n" for line in lines)


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
        self._tracks: list[_Track] = []
        self._time: float | None = None
        self._next_id = 1

    def update(self, poses: Poses, time: float) -> TrackedPoses:
        """Take in the next frame.

        Args:
            poses: everybody found in the frame; people with low scores help to carry tracks on.
            time: of the frame, in seconds; later than that of the frame before.

        Returns:
            Those who have an id, in the order given.

        Raises:
            ValueError: if time does not go forward.
        """
        if self._time is not None and not time > self._time:
            raise ValueError(f"frames must come in the order of time, got {time} s after {self._time} s")
        self._time = time
        options = self.options
        sizes = person_sizes(poses)
        free = set(np.flatnonzero(poses.scores >= options.keep_score).tolist())
        sure = set(np.flatnonzero(poses.scores >= options.start_score).tolist())
        known = [track for track in self._tracks if track.identifier]
        new = [track for track in self._tracks if not track.identifier]
        owners: dict[int, _Track] = {}
        for tracks, candidates in ((known, sure), (known, free - sure), (new, sure)):
            waiting = [track for track in tracks if track not in owners.values()]
            owners.update(self._match(waiting, sorted(candidates & free), poses, sizes, time))
            free -= set(owners)
            free -= self._doubles(sorted(free), sorted(owners), poses, sizes)
        for i in sorted(free & sure):
            owners[i] = _Track(poses.keypoints[i], float(sizes[i]), time)
            self._tracks.append(owners[i])
        for track in self._tracks:
            track.seen = (*track.seen, track.time == time)[-options.window :]
        for i in sorted(owners):
            track = owners[i]
            if not track.identifier and (poses.scores[i] >= options.sure_score or sum(track.seen) >= options.hits):
                track.identifier, self._next_id = self._next_id, self._next_id + 1
        self._tracks = [track for track in self._tracks if self._lives(track, time)]
        shown = [i for i in sorted(owners) if owners[i].identifier]
        return TrackedPoses(time, poses[shown], np.array([owners[i].identifier for i in shown], dtype=np.int64))

    def _match(
        self, tracks: list[_Track], candidates: list[int], poses: Poses, sizes: np.ndarray, time: float
    ) -> dict[int, _Track]:
        """Which candidate each track becomes; the tracks move there."""
        if not tracks or not candidates:
            return {}
        expected = np.stack([track.expected(time) for track in tracks])
        around = np.array([track.size for track in tracks])
        slack = np.array([track.slack(time) for track in tracks])
        found = poses.keypoints[candidates]
        alike = pose_similarities(expected, around, found, sizes[candidates], poses.skeleton.sigmas, slack)
        owners = {}
        for row, column in _assign(np.where(alike >= self.options.similarity, alike, 0)):
            tracks[row].move(found[column], float(sizes[candidates[column]]), time)
            owners[candidates[column]] = tracks[row]
        return owners

    def _doubles(self, free: list[int], taken: list[int], poses: Poses, sizes: np.ndarray) -> set[int]:
        """Those of ``free`` who resemble somebody of ``taken``: probably the same person, found twice."""
        if not free or not taken:
            return set()
        points, sigmas = poses.keypoints, poses.skeleton.sigmas
        alike = pose_similarities(points[free], sizes[free], points[taken], sizes[taken], sigmas)
        return {i for i, most in zip(free, alike.max(axis=1), strict=True) if most > self.options.double}

    def _lives(self, track: _Track, time: float) -> bool:
        missed = next((n for n, seen in enumerate(reversed(track.seen)) if seen), len(track.seen))
        if not track.identifier:
            return missed <= self.options.window - self.options.hits
        return missed <= _MISSED_FRAMES or time - track.time <= self.options.max_gap


@dataclass(eq=False)
class _Track:
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


def _assign(gains: np.ndarray) -> list[tuple[int, int]]:
    """The pairs of rows and columns that gain most in all; pairs that gain 0 are left out."""
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError as error:
        raise ImportError(f"tracking needs the package scipy: {install_command('video')}") from error
    rows, columns = linear_sum_assignment(gains, maximize=True)
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if gains[r, c] > 0]
