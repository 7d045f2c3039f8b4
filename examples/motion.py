"""Say what the people in a video do, by rules over their tracked poses: python examples/motion.py street.mp4.

The words are standing, sitting, walking and lying, with "hand raised" next to them. `describe` holds the rules; put a
classifier of your own in its place. How often the words are right: examples/README.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

import numpy as np

from strongpose import StrongPose, StrongPoseError, VideoEstimator
from strongpose.skeleton import COCO
from strongpose.video import TrackedPoses, open_video

SECONDS = 0.6  # of the past that the rules look at
LEAST_SECONDS = 0.4  # less says nothing about walking
LEAST_SCORE = 0.2  # of keypoints that the rules look at
WALKING_SPEED = 0.2  # body heights a second
UPRIGHT, LYING = 40.0, 55.0  # degrees between the torso and the vertical
SEATED_DROP = 0.55  # share of the thigh's length by which the knees of somebody sitting are lower than the hips
LEG_DROP = 0.25  # body heights by which the ankles of somebody lying are lower than the hips, at most
# Lengths in body heights, from eyes to ankles, of somebody standing:
TORSO, THIGH, SHIN = 0.30, 0.22, 0.22

FACE = slice(0, 5)
SHOULDERS, WRISTS, HIPS, KNEES, ANKLES = (
    [COCO.names.index(f"{side}_{part}") for side in ("left", "right")]
    for part in ("shoulder", "wrist", "hip", "knee", "ankle")
)


class Recent:
    """The last moments of everybody, from frame to frame."""

    def __init__(self) -> None:
        self._moments: dict[int, list[tuple[float, np.ndarray]]] = {}

    def update(self, people: TrackedPoses) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Take in a frame.

        Args:
            people: of the frame, with ids.

        Yields:
            Of each person in it the id, (T,) seconds and (T, K, 3) x, y in pixels and score; the last is now.
        """
        for identifier, keypoints in zip(people.ids.tolist(), people.poses.keypoints, strict=True):
            moments = [*self._moments.get(identifier, []), (people.time, keypoints)]
            moments = [moment for moment in moments if people.time - moment[0] <= SECONDS + 1e-6]
            self._moments[identifier] = moments
            yield identifier, np.array([time for time, _ in moments]), np.stack([pose for _, pose in moments])
        self._moments = {i: m for i, m in self._moments.items() if people.time - m[-1][0] <= SECONDS}


def describe(times: np.ndarray, keypoints: np.ndarray) -> tuple[str, ...]:
    """What a person does, for a camera that stands still and level.

    Args:
        times: (T,) seconds, ascending; the last is now. One moment is enough for all words but walking.
        keypoints: (T, 17, 3) x, y in pixels and score 0-1, as COCO orders them.

    Returns:
        "standing", "sitting", "walking" or "lying", or none of them where the rules do not tell; then "hand raised", if
        one is.
    """
    points = np.where(keypoints[..., 2:] < LEAST_SCORE, np.nan, keypoints[..., :2].astype(np.float64))
    pose = _middle(points)
    height = _height(pose)
    hips, knees, ankles = (_middle(pose[part]) for part in (HIPS, KNEES, ANKLES))
    up = _middle(pose[SHOULDERS]) - hips
    tilt = np.degrees(np.arctan2(abs(up[0]), -up[1]))
    if np.isnan(tilt):
        return ()
    if tilt > LYING:
        bent_over = (ankles - hips)[1] > LEG_DROP * height
        return () if bent_over else ("lying",)
    words = []
    if _speed(times, points) > WALKING_SPEED * height:
        words = ["walking"]
    elif tilt <= UPRIGHT and not np.isnan(knees[1]):
        words = ["sitting" if (knees - hips)[1] < SEATED_DROP * THIGH * height else "standing"]
    if _hand_raised(pose, height):
        words.append("hand raised")
    return tuple(words)


def _hand_raised(pose: np.ndarray, height: float) -> bool:
    """Whether a wrist is above the face, or well above the shoulders where the face is not seen."""
    level = _middle(pose[FACE])[1]
    if np.isnan(level):
        level = _middle(pose[SHOULDERS])[1] - 0.15 * height
    return bool((pose[WRISTS, 1] < level - 0.02 * height).any())


def _height(pose: np.ndarray) -> float:
    """Of the body in pixels: foreshortening only shortens, so the longest part counts. NaN if none is known."""
    ends = [(_middle(pose[SHOULDERS]), _middle(pose[HIPS]), TORSO)]
    for upper, lower, share in ((HIPS, KNEES, THIGH), (KNEES, ANKLES, SHIN)):
        ends += [(pose[i], pose[j], share) for i, j in zip(upper, lower, strict=True)]
    return float(np.fmax.reduce([np.linalg.norm(a - b) / share for a, b, share in ends]))


def _speed(times: np.ndarray, points: np.ndarray) -> float:
    """Of the hips, in pixels a second; 0 if they are known for too short a time."""
    hips = np.stack([_middle(moment[HIPS]) for moment in points])
    known = np.isfinite(hips).all(axis=1)
    if known.sum() < 3 or np.ptp(times[known]) < LEAST_SECONDS:
        return 0.0
    return float(np.linalg.norm(np.polyfit(times[known], hips[known], 1)[0]))


def _middle(points: np.ndarray) -> np.ndarray:
    """Median over the first axis of what is known; NaN where nothing is."""
    return np.ma.median(np.ma.masked_invalid(points), axis=0).filled(np.nan)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", help="a file, the number of a camera or an rtsp:// address")
    parser.add_argument("--model", default="base", help="a model's name or path (base)")
    arguments = parser.parse_args()
    try:
        watch(arguments.video, arguments.model)
    except StrongPoseError as error:  # one line that names the file and the remedy
        sys.exit(f"motion.py: {error}")


def watch(source: str, model: str) -> None:
    """Print what people do in a video, whenever that changes."""
    estimator = StrongPose.from_pretrained(model)
    names = estimator.info.skeleton.names
    if missing := [name for name in COCO.names if name not in names]:
        sys.exit(f"motion.py: {model}: has no keypoints {', '.join(missing)}; name a model that has all of COCO's")
    order = [names.index(name) for name in COCO.names]
    tracker, recent = VideoEstimator(estimator), Recent()
    said: dict[int, tuple[str, ...]] = {}
    with open_video(source) as video:
        for frame, people in tracker.track(video, delay=0 if video.live else None):
            for identifier, times, keypoints in recent.update(people):
                words = describe(times, keypoints[:, order])
                if words and words != said.get(identifier):
                    print(f"{frame.time:.2f} s: person {identifier} {', '.join(words)}", flush=True)
                    said[identifier] = words


if __name__ == "__main__":
    main()
