"""``strongpose video``: a video, a camera or a stream in; a video with poses, JSON lines and a CSV table out."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from tyro.conf import FlagCreatePairsOff, Positional, arg

from strongpose._util.signals import ending_early
from strongpose._util.terminal import Progress, complain
from strongpose.commands.estimator_options import EstimatorOptions

if TYPE_CHECKING:
    import numpy as np

    from strongpose.video import VideoEstimator, VideoReader
    from strongpose.video.tracking import TrackedPoses

__all__ = ["video"]


def video(
    source: Annotated[Positional[str], arg(metavar="FILE|CAMERA|ADDRESS")],
    /,
    out: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    show: FlagCreatePairsOff[bool] = False,
    motion: FlagCreatePairsOff[bool] = False,
    every: Annotated[int, arg(metavar="N")] = 1,
    max_frames: Annotated[int | None, arg(metavar="N")] = None,
    smooth: bool = True,
    camera_motion: bool = True,
    threshold: float = 0.25,
    keypoint_threshold: float = 0.1,
    network: EstimatorOptions = EstimatorOptions(),
) -> int:
    """Follow the people in a video; writes NAME.poses.mp4, NAME.poses.jsonl and NAME.poses.csv.

    Ctrl-C ends it early and leaves whole files.

    Args:
        source: A video file, numbered pictures (frames/%04d.png), the number of a camera (0 is /dev/video0), or an
            address such as rtsp://camera/live. Name it first.
        out: Folder for the results; it is made if need be.
        show: Show the pictures in a window as they are made; the key q ends.
        motion: Say what people do (standing, sitting, walking, running, jumping, lying, fallen, hand raised), by simple
            rules that were tried on synthetic clips.
        every: Use every N-th frame only; the others are left out of the results.
        max_frames: End after so many frames were used.
        smooth: Smooth keypoints over time. On by default; --no-smooth leaves them where they were found.
        camera_motion: Find the motion of a hand-held camera and take it out before people are followed. On by
            default; --no-camera-motion is for a camera that surely stands still.
        threshold: People whose score never reaches this are left out.
        keypoint_threshold: Do not draw keypoints with a lower score; the files have them all.
        network: Which model finds the people, and how.
    """
    from strongpose.exceptions import ModelError, VideoError
    from strongpose.video import MotionRecogniser, VideoEstimator, open_video
    from strongpose.video.results import PoseFiles, result_name
    from strongpose.video.tracking import TrackOptions
    from strongpose.video.window import open_window, show_frame

    if reason := _wrong_options(out, show, every, max_frames, threshold):
        return complain(reason)
    if show and (reason := open_window()):
        return complain(f"--show: {reason}")
    try:
        reader = open_video(source)
        estimator = VideoEstimator(
            network.open(),
            tracking=TrackOptions.from_threshold(threshold),
            smooth=smooth,
            camera_motion=camera_motion,
            recogniser=MotionRecogniser() if motion else None,
        )
    except (ValueError, ImportError) as error:  # the video, the model, or a missing package
        return complain(error)
    start = time.perf_counter()
    try:
        with ExitStack() as stack:
            stack.enter_context(reader)
            ending = stack.enter_context(ending_early())
            results = stack.enter_context(PoseFiles(out, result_name(source), reader, every, motion)) if out else None
            progress = stack.enter_context(_Progress(reader, every, max_frames))
            for frame in reader:
                if frame.index % every and not reader.live:
                    continue
                tracked, motions = estimator(frame.image, frame.time)
                picture = _draw(frame.image, tracked, motions, keypoint_threshold)
                if results is not None:
                    results.write(frame, tracked, motions, picture)
                progress.step(frame.time)
                if (show and not show_frame(picture)) or ending or progress.done == max_frames:
                    break
    except (VideoError, ModelError) as error:
        return complain(error)
    except OSError as error:
        file = f"{error.filename} " if error.filename else ""
        return complain(
            f"--out {out}: {file}cannot be written ({error.strerror or error}); "
            "make room there, or name another folder; what was done is kept"
        )
    if progress.done == 0:
        return complain(reader.damage or f"{reader.source}: holds no frames")
    rate = progress.done / max(1e-9, time.perf_counter() - start)
    _summarise(estimator, f"{progress.done} frames, {rate:.1f} frames/s", out)
    if ending:
        complain(f"ended early by {ending[0].name}; what was done is kept")
        return 128 + ending[0]
    return complain(reader.damage) if reader.damage else 0


def _wrong_options(out: Path | None, show: bool, every: int, max_frames: int | None, threshold: float) -> str | None:
    """What is wrong with the options, or None."""
    if out is None and not show:
        return "nothing to do: name a folder with --out, or open a window with --show"
    if every < 1 or (max_frames is not None and max_frames < 1):
        return f"--every and --max-frames must be at least 1, got {every} and {max_frames}"
    if not 0 <= threshold <= 1:
        return f"--threshold must lie in 0-1, got {threshold}"
    return None


class _Progress:
    """How far a video is: in frames, or, where they are uneven and cannot be counted before, in seconds of it."""

    def __init__(self, reader: VideoReader, every: int, max_frames: int | None) -> None:
        counts = [count for count in (reader.frames and -(-reader.frames // every), max_frames) if count]
        self._frames = min(counts, default=None)
        in_seconds = self._frames is None and reader.duration is not None
        self._seconds = round(reader.duration or 0) if in_seconds else None
        self._shown = Progress("s of video" if in_seconds else "frames")
        self.done = 0

    def __enter__(self) -> Self:
        self._shown.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._shown.__exit__(*error)

    def step(self, moment: float) -> None:
        """One more frame is done, ``moment`` seconds into the video."""
        self.done += 1
        if self._seconds is None:
            self._shown(self.done, self._frames)
        else:
            self._shown(round(moment), self._seconds)


def _summarise(estimator: VideoEstimator, done: str, out: Path | None) -> None:
    print(f"{done}; {estimator.summary}" + (f"; results in {out}" if out else ""))
    if shares := estimator.motion_shares:
        print("motion: " + ", ".join(f"{word} {share:.0%}" for word, share in shares))


def _draw(
    image: np.ndarray, tracked: TrackedPoses, motions: list[tuple[str, ...]] | None, threshold: float
) -> np.ndarray:
    from strongpose.draw import draw_poses

    words = motions or [()] * len(tracked)
    labels = [" ".join([str(i), *said]) for i, said in zip(tracked.ids.tolist(), words, strict=True)]
    return draw_poses(image, tracked.poses, threshold, tracked.ids, labels)
