"""``strongpose video``: a video, a camera or a stream in; a video with poses, JSON lines and a CSV table out."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

from tyro.conf import FlagCreatePairsOff, Positional, arg

from strongpose.runtime import RuntimeChoice

if TYPE_CHECKING:
    import numpy as np

    from strongpose.inference import StrongPose
    from strongpose.video import VideoReader
    from strongpose.video.tracking import TrackedPoses, Tracker

__all__ = ["video"]

_WINDOW = "strongpose (q ends)"


def video(
    source: Annotated[Positional[str], arg(metavar="FILE|CAMERA|ADDRESS")],
    /,
    out: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    show: FlagCreatePairsOff[bool] = False,
    motion: FlagCreatePairsOff[bool] = False,
    model: Annotated[str, arg(metavar="NAME|PATH")] = "base",
    size: Annotated[int | None, arg(metavar="PIXELS")] = None,
    every: Annotated[int, arg(metavar="N")] = 1,
    max_frames: Annotated[int | None, arg(metavar="N")] = None,
    smooth: FlagCreatePairsOff[bool] = True,
    steady: FlagCreatePairsOff[bool] = True,
    threshold: float = 0.25,
    keypoint_threshold: float = 0.1,
    threads: int = 0,
    runtime: RuntimeChoice = "auto",
) -> int:
    """Follow the people in a video; writes NAME.poses.mp4, NAME.poses.jsonl and NAME.poses.csv.

    Ctrl-C ends it early and leaves whole files.

    Args:
        source: A video file, numbered pictures (frames/%04d.png), the number of a camera (0 is /dev/video0), or an
            address such as rtsp://camera/live.
        out: Folder for the results; it is made if need be.
        show: Show the pictures in a window as they are made; the key q ends.
        motion: Say what people do (standing, sitting, walking, running, jumping, lying, fallen, hand raised), by simple
            rules that were tried on synthetic clips.
        model: A model that comes with the package, or the path of an .onnx or .xml file.
        size: Scale frames to this long side in pixels; larger finds smaller people and takes longer. Left out,
            what the model recommends.
        every: Look at every N-th frame only; the others are left out of the results.
        max_frames: End after so many frames were looked at.
        smooth: Leave keypoints where they were found, frame by frame.
        steady: Do not look for the motion of a hand-held camera; for one that surely stands still.
        threshold: People whose score never reaches this are left out.
        keypoint_threshold: Do not draw keypoints with a lower score; the files have them all.
        threads: CPU threads of the network; 0 takes all cores.
        runtime: What runs the network; auto takes the fastest that is installed.
    """
    from strongpose.exceptions import ModelError, VideoError
    from strongpose.inference import StrongPose
    from strongpose.video import open_video
    from strongpose.video.results import PoseFiles
    from strongpose.video.tracking import Tracker, TrackOptions

    if out is None and not show:
        return _complain("nothing to do: name a folder with --out, or open a window with --show")
    if every < 1 or (max_frames is not None and max_frames < 1):
        return _complain(f"--every and --max-frames must be at least 1, got {every} and {max_frames}")
    if not 0 <= threshold <= 1:
        return _complain(f"--threshold must lie in 0-1, got {threshold}")
    if show and (reason := _no_window()):
        return _complain(reason)
    try:
        usual = TrackOptions()
        tracker = Tracker(
            TrackOptions(
                keep_score=min(usual.keep_score, threshold),
                start_score=threshold,
                sure_score=max(usual.sure_score, threshold),
            )
        )
        reader = open_video(source)
        estimator = StrongPose.from_pretrained(model, size=size, threads=threads, runtime=runtime)
    except (ValueError, ImportError) as error:  # the video, the model, or a missing package
        return _complain(str(error))
    try:
        with ExitStack() as stack:
            stack.enter_context(reader)
            ending = stack.enter_context(_ending_early())
            results = stack.enter_context(PoseFiles(out, _name(source), reader, every, motion)) if out else None
            look = _Look(estimator, tracker, smooth, steady, motion)
            progress = _Progress(reader, every, max_frames)
            for frame in reader:
                if frame.index % every and not reader.live:
                    continue
                tracked, motions = look(frame.image, frame.time)
                picture = _draw(frame.image, tracked, motions, keypoint_threshold)
                if results is not None:
                    results.write(frame, tracked, motions, picture)
                progress.step(frame.time)
                if (show and not _shown(picture)) or ending or progress.done == max_frames:
                    break
    except (VideoError, ModelError) as error:
        return _complain(str(error))
    except OSError as error:
        file = f"{error.filename} " if error.filename else ""
        return _complain(
            f"--out {out}: {file}cannot be written ({error.strerror or error}); "
            "make room there, or name another folder; what was done is kept"
        )
    if progress.done == 0:
        return _complain(reader.damage or f"{reader.source}: holds no frames")
    print(
        f"{progress.done} frames, {progress.rate():.1f} a second; {look.summary}"
        + (f"; results in {out}" if out else "")
    )
    if look.words:
        print("motion: " + ", ".join(f"{word} {share:.0%}" for word, share in look.shares()))
    if ending:
        _complain(f"ended early by {ending[0].name}; what was done is kept")
        return 128 + ending[0]
    return _complain(reader.damage) if reader.damage else 0


class _Look:
    """From a picture to tracked people and what they do."""

    def __init__(self, estimator: StrongPose, tracker: Tracker, smooth: bool, steady: bool, motion: bool) -> None:
        from strongpose.video.camera_motion import CameraMotion
        from strongpose.video.motion import MotionRecogniser
        from strongpose.video.smoothing import Smoother
        from strongpose.video.track_summary import TrackSummary

        self._estimator, self._tracker = estimator, tracker
        self._smoother = Smoother() if smooth else None
        self._camera = CameraMotion() if steady else None
        self._recogniser = MotionRecogniser() if motion else None
        self.summary = TrackSummary()
        self.words: Counter[str] = Counter()

    def __call__(self, image: np.ndarray, moment: float) -> tuple[TrackedPoses, list[tuple[str, ...]] | None]:
        import numpy as np

        from strongpose.video.camera_motion import shifted

        poses = self._estimator(image)
        moved = np.zeros(2)
        if self._camera is not None:  # everything below happens as if the camera stood still
            moved = self._camera.update(image, poses[poses.scores >= self._tracker.options.keep_score].boxes)
        tracked = self._tracker.update(shifted(poses, -moved), moment)
        if self._smoother is not None:
            tracked = self._smoother.update(tracked)
        self.summary.update(tracked)
        shown = replace(tracked, poses=shifted(tracked.poses, moved))
        if self._recogniser is None:
            return shown, None
        motions = self._recogniser.update(tracked)
        self.words.update(word for words in motions for word in words or ("not clear",))
        return shown, motions

    def shares(self) -> list[tuple[str, float]]:
        """Of people × frames in which each word was said, the most frequent first."""
        return [(word, count / self.summary.people) for word, count in self.words.most_common()]


class _Progress:
    """A line on the terminal that overwrites itself, or one every ten seconds elsewhere."""

    def __init__(self, reader: VideoReader, every: int, max_frames: int | None) -> None:
        expected = [n for n in (reader.frames and -(-reader.frames // every), max_frames) if n]
        self._expected = min(expected) if expected else None
        self._duration = reader.duration
        self._start = self._told = time.perf_counter()
        self._recent = [self._start]
        self.done = 0

    def step(self, moment: float) -> None:
        self.done += 1
        now = time.perf_counter()
        self._recent = [*self._recent[-30:], now]
        terminal = sys.stderr.isatty()
        if now - self._told < (0.5 if terminal else 10):
            return
        self._told = now
        rate = (len(self._recent) - 1) / (now - self._recent[0])
        left = ""
        if self._expected is not None:
            left = f"/{self._expected}, {_clock((self._expected - self.done) / rate)} left"
        elif self._duration is not None and moment > 0:  # uneven frames cannot be counted before
            left = f", {_clock((now - self._start) * (self._duration / moment - 1))} left"
        line = f"frame {self.done}{left}, {rate:.1f} frames a second"
        print(f"\r{line:<60}\r" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)

    def rate(self) -> float:
        """Frames a second, all told."""
        return self.done / max(1e-9, time.perf_counter() - self._start)


@contextmanager
def _ending_early() -> Iterator[list[signal.Signals]]:
    """A list that holds the signal once somebody asks to end; at the second one the program ends at once."""
    caught: list[signal.Signals] = []

    def end(number: int, _: FrameType | None) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(signal.Signals(number))

    old = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _draw(
    image: np.ndarray, tracked: TrackedPoses, motions: list[tuple[str, ...]] | None, threshold: float
) -> np.ndarray:
    from strongpose.draw import draw_poses

    words = motions or [()] * len(tracked)
    labels = [" ".join([str(i), *said]) for i, said in zip(tracked.ids.tolist(), words, strict=True)]
    return draw_poses(image, tracked.poses, threshold, tracked.ids, labels)


def _no_window() -> str | None:
    """Why no window can be opened, and the remedy; None if one can."""
    import cv2

    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "--show: there is no screen here (DISPLAY is not set); leave --show away and look at the written video"
    try:
        cv2.namedWindow(_WINDOW, cv2.WINDOW_NORMAL)
    except cv2.error:
        return (
            "--show: the installed OpenCV has no windows; remedy: "
            "pip uninstall opencv-python-headless && pip install opencv-python"
        )
    return None


def _shown(picture: np.ndarray) -> bool:
    """Show a picture; False once q or Esc is pressed or the window is closed."""
    import cv2

    cv2.imshow(_WINDOW, picture[..., ::-1])
    key = cv2.waitKey(1) & 0xFF
    return key not in (ord("q"), 27) and cv2.getWindowProperty(_WINDOW, cv2.WND_PROP_VISIBLE) > 0


def _name(source: str) -> str:
    """What the result files are called."""
    from strongpose.video.io.opening import local_path

    path = local_path(source)
    if path is not None:
        return Path(path).stem
    if source.isdecimal():
        return f"camera-{source}"
    place = re.sub(r"//[^/@]*@", "//", source).split("://", 1)[1].split("?")[0]
    return re.sub(r"[^\w.-]+", "-", place).strip("-.") or "stream"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}" if minutes >= 60 else f"{minutes}:{seconds:02}"


def _complain(message: str) -> int:
    from strongpose._util.lines import printable

    print(f"strongpose: {printable(message)}", file=sys.stderr, flush=True)
    return 1
