"""VideoEstimator: the frames of a video in, one after the other, the people in them with ids out."""

from __future__ import annotations

import itertools
import warnings
from collections import deque
from collections.abc import Generator, Iterable
from dataclasses import replace
from os import PathLike, fspath
from typing import TYPE_CHECKING

import numpy as np

from strongpose.exceptions import VideoError
from strongpose.video.appearance import Appearances
from strongpose.video.camera_motion import CameraMotion, shifted
from strongpose.video.io import open_video
from strongpose.video.smoothing import Smoother
from strongpose.video.track_options import TrackOptions
from strongpose.video.track_summary import TrackSummary
from strongpose.video.tracked_poses import TrackedPoses
from strongpose.video.tracking import Observation, Tracker

if TYPE_CHECKING:
    from strongpose.inference import StrongPose
    from strongpose.video.io import Frame

__all__ = ["VideoEstimator", "track_video"]


class VideoEstimator:
    """Finds the people in the frames of a video, follows them and smooths their keypoints.

    The camera's motion is taken out before people are followed and smoothed, and put back afterwards, so that poses
    lie on the frame as it is. One estimator is for one video: it remembers the frames before.

    Args:
        model: finds the people in one frame.
        tracking: who is taken for the same person, and from which scores; its scores take the place of the model's
            threshold. Left out, the measured defaults with the model's threshold (`TrackOptions.from_threshold`).
        smooth: whether keypoints are smoothed (`strongpose.video.smoothing`).
        camera_motion: whether the motion of a hand-held camera is looked for (`strongpose.video.camera_motion`).

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
    ) -> None:
        self.summary = TrackSummary()
        self._tracker = Tracker(tracking or TrackOptions.from_threshold(model.threshold))
        self._model = model.with_threshold(self._tracker.options.low_score)
        self._smoother = Smoother() if smooth else None
        self._camera = CameraMotion() if camera_motion else None

    def __call__(self, image: np.ndarray, time: float) -> TrackedPoses:
        """The people in the next frame, at once: somebody new is left out until confirmed (`TrackOptions`).

        Args:
            image: (H, W, 3) uint8 RGB.
            time: of the frame, in seconds; later than that of the frame before.

        Returns:
            The N people who have an id, in pixels of the frame.

        Raises:
            ValueError: if time does not go forward.
            ImportError: if SciPy is missing.
        """
        return self._finish(*self._observe(image, time))

    def track(
        self, frames: Iterable[Frame], delay: int | None = None
    ) -> Generator[tuple[Frame, TrackedPoses], None, None]:
        """The people in every frame of a video, new people from their first frame on.

        Frames are held back until it is known who of the new people is confirmed in the frames after. Of a video
        of fewer frames than confirming takes, people are given who are in all of them.

        Args:
            frames: in the order of time.
            delay: how many frames are held back; left out, as many as confirming takes (`TrackOptions.window` - 1);
                0 for live video: the newest frame is given at once, and new people are left out until confirmed.

        Yields:
            Every frame and the people in it, as `__call__` gives them.

        Raises:
            strongpose.exceptions.VideoError: if the video cannot be read on; the frames before are given first.
            ValueError: if time does not go forward.
            ImportError: if SciPy is missing.
        """
        delay = self._tracker.options.window - 1 if delay is None else delay
        held: deque[tuple[Frame, np.ndarray, Observation]] = deque()
        failure: VideoError | None = None
        try:
            for frame in frames:
                held.append((frame, *self._observe(frame.image, frame.time)))
                if len(held) > delay:
                    oldest, moved, observation = held.popleft()
                    yield oldest, self._finish(moved, observation)
        except VideoError as error:
            failure = error
        if delay and not self.summary.frames:
            self._tracker.settle(len(held))
        for oldest, moved, observation in held:
            yield oldest, self._finish(moved, observation)
        if failure is not None:
            raise failure

    def _observe(self, image: np.ndarray, time: float) -> tuple[np.ndarray, Observation]:
        """(2,) pixels by which the background has moved, and who is where, as if the camera stood still."""
        poses = self._model(image)
        moved = np.zeros(2)
        if self._camera is not None:
            moved = self._camera.update(image, poses.boxes)
        return moved, self._tracker.observe(shifted(poses, -moved), time, Appearances.of(image, poses))

    def _finish(self, moved: np.ndarray, observation: Observation) -> TrackedPoses:
        """Who is confirmed by now, smoothed, on the frame as it is."""
        tracked = observation.confirmed()
        if self._smoother is not None:
            tracked = self._smoother.update(tracked)
        self.summary.update(tracked)
        return replace(tracked, poses=shifted(tracked.poses, moved))


def track_video(
    model: StrongPose,
    source: str | PathLike[str] | int,
    *,
    smooth: bool = True,
    camera_motion: bool = True,
    max_frames: int | None = None,
) -> Generator[tuple[Frame, TrackedPoses], None, None]:
    """Open a video and give every frame and the people in it; see `StrongPose.track`.

    Of a live source the newest frame is given at once, and new people are left out until confirmed.
    """
    if max_frames is not None and max_frames < 1:
        raise ValueError(f"max_frames must be at least 1, got {max_frames}")
    estimator = VideoEstimator(model, smooth=smooth, camera_motion=camera_motion)
    with open_video(str(source) if isinstance(source, int) else fspath(source)) as reader:
        yield from estimator.track(itertools.islice(reader, max_frames), delay=0 if reader.live else None)
        if not estimator.summary.frames:
            raise VideoError(reader.damage or f"{reader.source}: holds no frames")
        if reader.damage:
            warnings.warn(reader.damage, stacklevel=3)
