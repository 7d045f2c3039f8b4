"""Motion: what tracked people do, by rules over the last second or two of their poses, or by a classifier of yours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from strongpose.skeleton import Skeleton
from strongpose.video.tracked_poses import TrackedPoses

__all__ = ["Classifier", "MotionRecogniser", "PoseWindow", "recognise_motion"]

_SURE = 0.2  # keypoints that score less are not looked at
_LEAST_SECONDS = 0.4  # less says nothing about motion
_GAP_SECONDS = 0.5  # a window does not reach over longer gaps
_NOW = 0.3  # seconds that count as now, for postures

# Lengths in body heights, from eyes to ankles, of somebody standing.
_TORSO, _THIGH, _SHIN = 0.30, 0.22, 0.22

_UPRIGHT, _LYING = 40.0, 55.0  # degrees between the torso and the vertical
_SEATED_DROP = 0.55  # share of the thigh's length by which the knees of somebody sitting are lower than the hips
_LEG_DROP = 0.25  # body heights; under somebody lying the ankles are not lower than this
_STEP = 0.05  # body heights, standard deviation of the way between the ankles, from which somebody steps
_WALK_SPEED, _RUN_SPEED = 0.15, 1.4  # body heights a second
_RUN_STRIDES = 1.2  # strides a second
_STRIDE = 0.1  # as _STEP, for somebody who runs on the spot
_JUMP_SPEED, _JUMP_HEIGHT = 0.8, 0.08  # body heights a second upwards; body heights


@dataclass(frozen=True, eq=False)
class PoseWindow:
    """One person over the last moments.

    Attributes:
        times: (T,) seconds, ascending; the last is now.
        keypoints: (T, K, 3) x, y in pixels and score 0-1.
        skeleton: what the K keypoints are called.
    """

    times: np.ndarray
    keypoints: np.ndarray
    skeleton: Skeleton


Classifier = Callable[[PoseWindow], tuple[str, ...]]
"""Says what the person of a window does: any words, none if that is not clear."""


class MotionRecogniser:
    """Says what everybody does, frame by frame.

    Args:
        classifier: looks at one person's window; left out, the rules of `recognise_motion`.
        seconds: length of the windows.
    """

    def __init__(self, classifier: Classifier | None = None, seconds: float = 1.5) -> None:
        self.classifier = recognise_motion if classifier is None else classifier
        self.seconds = seconds
        self._histories: dict[int, _History] = {}

    def update(self, tracked: TrackedPoses) -> list[tuple[str, ...]]:
        """Take in the next frame.

        Args:
            tracked: its people; its time is later than that of the frame before.

        Returns:
            N times the classifier's words.
        """
        time = tracked.time
        self._histories = {i: h for i, h in self._histories.items() if time - h.times[-1] <= _GAP_SECONDS}
        words = []
        for identifier, keypoints in zip(tracked.ids.tolist(), tracked.poses.keypoints, strict=True):
            history = self._histories.setdefault(identifier, _History())
            history.times.append(time)
            history.keypoints.append(keypoints)
            while time - history.times[0] > self.seconds:
                del history.times[0], history.keypoints[0]
            window = PoseWindow(np.array(history.times), np.stack(history.keypoints), tracked.poses.skeleton)
            words.append(self.classifier(window))
        return words


@dataclass
class _History:
    times: list[float] = field(default_factory=list)
    keypoints: list[np.ndarray] = field(default_factory=list)


def recognise_motion(window: PoseWindow) -> tuple[str, ...]:
    """What a person does, by rules in body heights and seconds, for a camera that stands still and level.

    Args:
        window: of a skeleton with shoulders, hips, knees, ankles and wrists named as COCO's are.

    Returns:
        One of "standing", "sitting", "walking", "running", "jumping", "lying" and "fallen" (lying, and upright
        at the window's start), or none where the rules do not tell; then "hand raised", if one is.

    Raises:
        ValueError: if the skeleton lacks a keypoint.
    """
    body = _Body.of(window)
    if body is None or window.times[-1] - window.times[0] < _LEAST_SECONDS:
        return ()
    now = window.times >= window.times[-1] - _NOW
    tilt = _middle(body.tilt[now])
    if np.isnan(tilt):
        return ()
    if tilt > _LYING:
        legs = _middle((body.ankles[:, 1] - body.hips[:, 1])[now])
        if legs > _LEG_DROP * body.height:
            return ()  # bent over
        early = _middle(body.tilt[window.times <= window.times[0] + _NOW])
        return ("fallen",) if early < _UPRIGHT else ("lying",)
    doing = _moving(window.times, body) or _posture(body, now, tilt)
    return (*((doing,) if doing else ()), *(("hand raised",) if _hand_raised(body, now) else ()))


@dataclass(frozen=True)
class _Body:
    """Where the parts of a body are: (T, 2) pixels, NaN where not sure."""

    hips: np.ndarray
    knees: np.ndarray
    ankles: np.ndarray
    feet: tuple[np.ndarray, np.ndarray]  # left and right ankle
    head: np.ndarray
    shoulders: np.ndarray
    wrists: tuple[np.ndarray, np.ndarray]
    tilt: np.ndarray  # (T,) degrees from upright
    height: float  # pixels

    @classmethod
    def of(cls, window: PoseWindow) -> _Body | None:
        """None if its height cannot be told."""
        names = window.skeleton.names
        needed = ("shoulder", "hip", "knee", "ankle", "wrist")
        missing = [f"{side}_{part}" for part in needed for side in ("left", "right") if f"{side}_{part}" not in names]
        if missing:
            raise ValueError(f"the rules of motion need {missing}, which skeleton {window.skeleton.name!r} lacks")
        points = window.keypoints[..., :2].astype(np.float64)
        points[window.keypoints[..., 2] < _SURE] = np.nan

        def part(name: str) -> tuple[np.ndarray, np.ndarray]:
            return points[:, names.index(f"left_{name}")], points[:, names.index(f"right_{name}")]

        shoulders, hips, knees, ankles = (_centre(*part(name)) for name in ("shoulder", "hip", "knee", "ankle"))
        faces = [i for i, name in enumerate(names) if name == "nose" or name.endswith(("_eye", "_ear"))]
        head = _centre(*points[:, faces].transpose(1, 0, 2)) if faces else np.full_like(hips, np.nan)
        lengths = [
            _length(shoulders - hips) / _TORSO,
            *(_length(a - b) / _THIGH for a, b in zip(part("hip"), part("knee"), strict=True)),
            *(_length(a - b) / _SHIN for a, b in zip(part("knee"), part("ankle"), strict=True)),
        ]
        middles = [_middle(length) for length in lengths]  # foreshortening only shortens: the longest counts
        if np.isnan(middles).all() or not np.nanmax(middles) > 0:
            return None
        up = shoulders - hips
        tilt = np.degrees(np.arctan2(np.abs(up[:, 0]), -up[:, 1]))
        height = float(np.nanmax(middles))
        return cls(hips, knees, ankles, part("ankle"), head, shoulders, part("wrist"), tilt, height)


def _moving(times: np.ndarray, body: _Body) -> str | None:
    """Jumping, running or walking."""
    height = body.height
    hips, low = body.hips, np.fmax(body.feet[0][:, 1], body.feet[1][:, 1])  # the lower foot
    sideways = abs(_slope(times, hips[:, 0])) / height
    swing, strides = _gait(times, body.feet[0] - body.feet[1])
    swing /= height
    if sideways > _RUN_SPEED or (swing > _STRIDE and strides > _RUN_STRIDES):
        return "running"
    recent = times >= times[-1] - 0.9
    if recent.sum() >= 4 and np.isfinite(low[recent]).sum() >= 4 and np.isfinite(hips[recent, 1]).sum() >= 4:
        ground = np.nanmax(low[recent])
        in_air = np.nan_to_num(ground - low[recent]) > _JUMP_HEIGHT * height
        fresh = in_air[times[recent] >= times[-1] - 0.2].any()
        speeds = [_top_speed(times[recent], -part[recent, 1]) for part in (hips, body.shoulders)] if fresh else [0.0]
        if min(speeds) > _JUMP_SPEED * height:
            return "jumping"
    if swing > _STEP and (sideways > _WALK_SPEED or swing > 1.5 * _STEP):
        return "walking"
    return None


def _posture(body: _Body, now: np.ndarray, tilt: float) -> str | None:
    """Standing or sitting."""
    drop = _middle((body.knees[:, 1] - body.hips[:, 1])[now]) / (_THIGH * body.height)
    if np.isnan(drop) or tilt > _UPRIGHT:
        return None
    return "sitting" if drop < _SEATED_DROP else "standing"


def _hand_raised(body: _Body, now: np.ndarray) -> bool:
    """Whether a wrist is above the face, or well above the shoulders where the face is not seen."""
    level = np.where(np.isnan(body.head[:, 1]), body.shoulders[:, 1] - 0.15 * body.height, body.head[:, 1])
    return any(_middle((wrist[:, 1] - level)[now]) < -0.02 * body.height for wrist in body.wrists)


def _gait(times: np.ndarray, apart: np.ndarray) -> tuple[float, float]:
    """How far the feet swing past each other (standard deviation, pixels), and strides a second."""
    known = np.isfinite(apart).all(axis=1)
    if known.sum() < 5:
        return 0.0, 0.0
    apart, times = apart[known] - apart[known].mean(axis=0), times[known]
    _, _, axes = np.linalg.svd(apart, full_matrices=False)
    along = apart @ axes[0]
    swing = float(along.std())
    beyond = np.flatnonzero(np.abs(along) > 0.5 * swing)  # small crossings of the middle are noise
    signs = np.sign(along[beyond])
    turns = times[beyond[1:][signs[1:] != signs[:-1]]]
    strides = (len(turns) - 1) / 2 / (turns[-1] - turns[0]) if len(turns) > 1 else 0.0
    return swing, float(strides)


def _top_speed(times: np.ndarray, values: np.ndarray) -> float:
    """Highest slope over 0.12 s (at least three values) of a signal."""
    known = np.isfinite(values)
    times, values = times[known], values[known]
    ends = [max(i + 2, int(np.searchsorted(times, times[i] + 0.12, "right")) - 1) for i in range(len(times) - 2)]
    slopes = [_slope(times[i : j + 1], values[i : j + 1]) for i, j in enumerate(ends) if j < len(times)]
    return max(slopes, default=0.0)


def _slope(times: np.ndarray, values: np.ndarray) -> float:
    """Of the straight line through values that are known; 0 if there are fewer than three."""
    known = np.isfinite(values)
    if known.sum() < 3:
        return 0.0
    t, v = times[known] - times[known].mean(), values[known]
    return float((t * v).sum() / np.square(t).sum())


def _centre(*points: np.ndarray) -> np.ndarray:
    """(T, 2) mean of the known among some (T, 2) points."""
    stack = np.stack(points)
    known = np.isfinite(stack).all(axis=2, keepdims=True)
    total = np.where(known, stack, 0).sum(axis=0)
    return total / np.where(known.any(axis=0), known.sum(axis=0), np.nan)


def _length(vectors: np.ndarray) -> np.ndarray:
    return np.linalg.norm(vectors, axis=1)


def _middle(values: np.ndarray) -> float:
    """Median of what is known; NaN if nothing is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")
