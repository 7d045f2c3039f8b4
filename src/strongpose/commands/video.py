"""``strongpose video``: videos, cameras or streams in; of each a video with poses, JSON lines and a CSV table out."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from tyro.conf import Positional, arg

from strongpose._util.lines import counted, pace, printable
from strongpose._util.signals import ending_early
from strongpose._util.terminal import Progress, complain, say
from strongpose.commands.estimator_options import EstimatorOptions, KeypointThreshold, Threshold
from strongpose.commands.options import Flag
from strongpose.commands.outputs import unwritable_folder
from strongpose.poses import KEYPOINT_THRESHOLD

if TYPE_CHECKING:
    import signal

    import numpy as np

    from strongpose.inference import StrongPose
    from strongpose.video import Frame, TrackedPoses, VideoReader

__all__ = ["video"]


def video(
    sources: Annotated[
        Positional[tuple[str, ...]], arg(metavar="FILE|FOLDER|CAMERA|ADDRESS ...", help_behavior_hint="(at least one)")
    ],
    /,
    out: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None,
    show: Flag = False,
    every: Annotated[int, arg(metavar="N")] = 1,
    max_frames: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: all)")] = None,
    no_smooth: Flag = False,
    no_camera_motion: Flag = False,
    threshold: Threshold = None,
    keypoint_threshold: KeypointThreshold = KEYPOINT_THRESHOLD,
    network: EstimatorOptions = EstimatorOptions(),
) -> int:
    """Track the people in videos, a camera or a stream.

    Writes NAME.poses.mp4, NAME.poses.jsonl and NAME.poses.csv for each. Ctrl-C ends it early and leaves whole files.

    Examples:
        strongpose video CLIP.mp4 FOLDER --out RESULTS
        strongpose video 0 --show

    Args:
        sources: Video files, folders of videos, numbered pictures (frames/%04d.png), the number of a camera (0 is
            /dev/video0), or addresses such as rtsp://camera/live. Name them first.
        out: Folder for the results; it is made if need be.
        show: Show the pictures in a window as they are made; the key q ends.
        every: Use every N-th frame only; the others are left out of the results.
        max_frames: End each video after so many frames were used.
        no_smooth: Do not smooth the keypoints over time (One-Euro filter): leave them where they were found.
        no_camera_motion: Do not compensate the motion of a hand-held camera: faster, for a camera that stands still.
        threshold: People whose score never reaches this are left out.
        keypoint_threshold: Do not draw keypoints with a lower score, those near it faintly; the files have them all.
        network: Model and inference options.
    """
    from strongpose.exceptions import ModelError
    from strongpose.video.folders import result_names
    from strongpose.video.window import open_window

    if reason := _wrong_options(sources, out, show, every, max_frames, keypoint_threshold) or unwritable_folder(
        "--out", out
    ):
        return complain(reason)
    if show and (reason := open_window()):
        return complain(f"--show: {reason}")
    missing, names = _find(sources)
    if not names:
        return 1
    try:
        model = network.open(threshold)
    except (ValueError, ImportError) as error:
        return complain(error)
    run = _Run(
        model,
        out=out,
        show=show,
        every=every,
        max_frames=max_frames,
        smooth=not no_smooth,
        camera_motion=not no_camera_motion,
        keypoint_threshold=keypoint_threshold,
    )
    failed = []
    results = result_names(names, out or Path())
    try:
        with ending_early() as run.ending:
            for number, (source, result) in enumerate(zip(names, results, strict=True), start=1):
                title = f"[{number}/{len(names)}] {printable(source)}" if len(names) > 1 else ""
                if not run.follow(source, result, title):
                    failed.append(printable(source))
                if run.ending or run.closed:
                    break
    except ModelError as error:
        return complain(error)
    if len(names) > 1:
        more = f"; failed or damaged: {', '.join(failed)}" if failed else ""
        print(f"{run.videos} of {len(names)} videos{f'; results in {out}' if out else ''}{more}")
    if run.ending:
        complain(f"ended early by {run.ending[0].name}; what was done is kept")
        return 128 + run.ending[0]
    return 1 if failed or missing else 0


def _wrong_options(
    sources: Sequence[str],
    out: Path | None,
    show: bool,
    every: int,
    max_frames: int | None,
    keypoint_threshold: float,
) -> str | None:
    """What is wrong with the options, or None."""
    if not sources:
        return "name at least one video, folder, camera or address; `strongpose video --help` explains"
    if out is None and not show:
        return "nothing to do: name a folder with --out, or open a window with --show"
    if every < 1 or (max_frames is not None and max_frames < 1):
        return f"--every and --max-frames must be at least 1, got {every} and {max_frames}"
    if not 0 <= keypoint_threshold <= 1:
        return f"--keypoint-threshold must lie in 0-1, got {keypoint_threshold}"
    return None


def _find(sources: Sequence[str]) -> tuple[bool, list[str]]:
    """Whether a folder holds no video, which is told, and the videos, each once, those in folders as well."""
    from strongpose.video.folders import videos_in

    missing, names = False, []
    for source in sources:
        if not Path(source).is_dir():
            names.append(source)
            continue
        try:
            found = videos_in(Path(source))
        except OSError as error:
            missing = True
            say(f"{source}: the folder cannot be read ({error.strerror}); check its permissions")
            continue
        if not found:
            missing = True
            say(f"{source}: no video in this folder; folders in it must be named as well")
        names.extend(map(str, found))
    return missing, list(dict.fromkeys(names))


@dataclass
class _Run:
    """What is done with every video, with one model.

    Attributes:
        ending: signals that ended the run.
        closed: whether the window was closed.
        videos: how many were done.
    """

    model: StrongPose
    _: KW_ONLY
    out: Path | None
    show: bool
    every: int
    max_frames: int | None
    smooth: bool
    camera_motion: bool
    keypoint_threshold: float
    ending: list[signal.Signals] = field(default_factory=list)
    closed: bool = False
    videos: int = 0

    def follow(self, source: str, result: str, title: str) -> bool:
        """Do one video; returns whether all went well, else that is told.

        Args:
            source: a path, the number of a camera or an address.
            result: NAME of the results.
            title: of the video, where there are several.

        Raises:
            ModelError: if the network cannot be run.
        """
        from strongpose.exceptions import VideoError
        from strongpose.video import VideoEstimator, open_video
        from strongpose.video.results import PoseFiles
        from strongpose.video.window import show_frame

        estimator = VideoEstimator(self.model, smooth=self.smooth, camera_motion=self.camera_motion)
        start, done = time.perf_counter(), 0
        try:
            with ExitStack() as stack:
                reader = stack.enter_context(open_video(source))
                files = stack.enter_context(PoseFiles(self.out, result, reader, self.every)) if self.out else None
                progress = stack.enter_context(_Progress(reader, self.every, self.max_frames, title))
                tracked = estimator.track(self._frames(reader), delay=0 if reader.live else None)
                for frame, people in stack.enter_context(closing(tracked)):
                    picture = _draw(frame.image, people, self.keypoint_threshold)
                    if files is not None:
                        files.write(frame, people, picture)
                    done += 1
                    progress.show(done, frame.time)
                    if self.show and not self.closed and not show_frame(picture):
                        self.closed = True
        except (VideoError, ImportError) as error:
            complain(error)
            return False
        except OSError as error:
            file = f"{error.filename} " if error.filename else ""
            complain(
                f"--out {self.out}: {file}cannot be written ({error.strerror or error}); "
                "make room there, or name another folder; what was done is kept"
            )
            return False
        if done == 0:
            complain(reader.damage or f"{reader.source}: holds no frames")
            return False
        self.videos += 1
        speed = pace(done, time.perf_counter() - start, "frame")
        named = title + (f", results called {printable(result)}" if title and result != Path(source).stem else "")
        where = f"; results in {self.out}" if self.out and not title else ""
        print(
            f"{named}{': ' if title else ''}{counted(done, 'frame')}, {speed}; {estimator.summary}{where}", flush=True
        )
        if reader.damage:
            complain(reader.damage)
        return not reader.damage

    def _frames(self, reader: VideoReader) -> Iterator[Frame]:
        """Those that are processed, until the run ends."""
        used = (frame for frame in reader if reader.live or frame.index % self.every == 0)
        for frame in itertools.islice(used, self.max_frames):
            yield frame
            if self.ending or self.closed:
                return


class _Progress:
    """How far a video is: in frames, or, where they are uneven and cannot be counted before, in seconds of it."""

    def __init__(self, reader: VideoReader, every: int, max_frames: int | None, title: str) -> None:
        counts = [count for count in (reader.frames and -(-reader.frames // every), max_frames) if count]
        self._frames = min(counts, default=None)
        in_seconds = self._frames is None and reader.duration is not None
        self._seconds = round(reader.duration or 0) if in_seconds else None
        self._shown = Progress("s of video" if in_seconds else "frames", title)

    def __enter__(self) -> Self:
        self._shown.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._shown.__exit__(*error)

    def show(self, done: int, moment: float) -> None:
        """So many frames are done, the last of them ``moment`` seconds into the video."""
        if self._seconds is None:
            self._shown(done, self._frames)
        else:
            self._shown(round(moment), self._seconds)


def _draw(image: np.ndarray, tracked: TrackedPoses, threshold: float) -> np.ndarray:
    from strongpose.draw import LOWER_LEFT, draw_poses

    labels = [str(identifier) for identifier in tracked.ids.tolist()]
    return draw_poses(image, tracked.poses, threshold, tracked.ids, labels, corner=LOWER_LEFT)
