"""Video: frames with time stamps in from files, cameras and streams, pictures with time stamps out."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import cv2
import numpy as np

if TYPE_CHECKING:
    import av
    import av.container

__all__ = ["Frame", "VideoError", "VideoReader", "VideoWriter", "open_video"]

_LIVE = ("rtsp", "rtsps", "rtmp", "rtmps", "srt", "udp", "rtp", "tcp")  # sources that do not wait
_TIMEOUT = (10.0, 10.0)  # seconds: until a source answers, between two of its packets
_CUT_SHORT = 0.95  # a file that holds a smaller share of the frames it promises is cut short
_MPEG4_TICKS = 60_000  # a second; mpeg4 cannot count finer than 1/65535 s


class VideoError(ValueError):
    """A video that cannot be read or written; the message names it, the reason and the remedy."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a video.

    Attributes:
        index: number in the video, from 0.
        time: seconds since the first frame, as the video's time stamps say.
        image: (H, W, 3) uint8 RGB, turned and mirrored as the video says it is to be shown.
    """

    index: int
    time: float
    image: np.ndarray


class VideoReader:
    """The frames of a video, one at a time; made by `open_video`, closed by ``with``.

    Of a camera or a live stream the newest frame is given and those that came in between are passed over, so
    that slow work does not fall behind; of a file, every frame.

    Attributes:
        source: what was opened, as it is named in messages; passwords are left out.
        live: whether it is a camera or a live stream.
        rate: frames a second, or None where that is not known.
        frames: how many frames to expect, or None where that is not known.
        time_base: seconds; all time stamps are multiples.
        aspect: width of a pixel divided by its height, before turning.
        damage: what was wrong with the video, once that was met; frames from before and after were still given.
    """

    def __init__(self, container: av.container.InputContainer, source: str, live: bool) -> None:
        self._container = container
        self._stream = stream = container.streams.video[0]
        self.source, self.live = source, live
        self.rate: Fraction | None = stream.average_rate or stream.guessed_rate or None
        self.time_base: Fraction = stream.time_base or Fraction(1, 90_000)
        self.frames = None if live else _frame_count(container, self.rate)
        self.aspect: Fraction = stream.sample_aspect_ratio or Fraction(1)
        self.damage: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the file, camera or stream back."""
        self._container.close()

    def __iter__(self) -> Iterator[Frame]:
        frames = self._newest() if self.live else self._decoded()
        return (Frame(index, time, _upright(frame, self._stream.metadata)) for index, time, frame in frames)

    def _decoded(self) -> Iterator[tuple[int, float, av.VideoFrame]]:
        """Number, time and frame; time stamps that do not go forward are moved behind the frame before."""
        start: float | None = None
        last, step = -1.0, float(1 / self.rate) if self.rate else 0.04
        for index, frame in enumerate(self._whole_frames()):
            time = frame.time if frame.time is not None else last + step + (start or 0.0)
            start = time if start is None else start
            time = time - start if time - start > last else last + step
            last = time
            yield index, time, frame

    def _whole_frames(self) -> Iterator[av.VideoFrame]:
        """What can be decoded; notes the damage."""
        import av

        count, packets = 0, self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except av.FFmpegError as error:
                self._note(count, f"the rest cannot be read ({_reason(error)})")
                break
            try:
                frames = packet.decode()
            except av.FFmpegError as error:
                self._note(count, f"a part cannot be decoded ({_reason(error)})")
                continue
            for frame in frames:
                if frame.is_corrupt and not self.live:
                    self._note(count, "the picture is damaged")
                count += 1
                yield frame
        if self.frames and count < _CUT_SHORT * self.frames:
            self._note(count, f"the video ends early, {self.frames} frames were promised")

    def _note(self, index: int, reason: str) -> None:
        self.damage = self.damage or f"{self.source}: damaged at frame {index}: {reason}; what could be read was kept"

    def _newest(self) -> Iterator[tuple[int, float, av.VideoFrame]]:
        """The newest frame whenever one is asked for; a thread reads meanwhile."""
        latest: queue.Queue[tuple[int, float, Any] | BaseException | None] = queue.Queue(maxsize=1)
        stopped = threading.Event()

        def put(item: tuple[int, float, Any] | BaseException | None) -> None:
            while not stopped.is_set():
                try:
                    return latest.put(item, timeout=0.01)
                except queue.Full:
                    if item is None or isinstance(item, BaseException):
                        continue  # the last frame is still wanted
                    try:
                        latest.get_nowait()
                    except queue.Empty:
                        continue

        def read() -> None:
            try:
                for item in self._decoded():
                    put(item)
                    if stopped.is_set():
                        return
                put(None)
            except BaseException as error:
                put(error)

        thread = threading.Thread(target=read, name=f"reading {self.source}", daemon=True)
        thread.start()
        try:
            while (item := latest.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stopped.set()
            thread.join(sum(_TIMEOUT))


def open_video(source: str) -> VideoReader:
    """Open a video file, a camera or a stream.

    Args:
        source: a path, the number of a camera ("0" is /dev/video0), or an address such as rtsp://….

    Raises:
        VideoError: if there is no such thing, it is no video, or it holds sound only.
        ImportError: if PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise ImportError("video needs the package av: pip install 'strongpose[video]'") from error
    av.logging.set_level(av.logging.PANIC)  # what is wrong is said once, by VideoError and `damage`
    url = urlsplit(source) if re.match(r"[a-z][a-z0-9+]+://", source, re.IGNORECASE) else None
    camera = source.isdecimal() and not Path(source).exists()
    live = camera or (url is not None and url.scheme.lower() in _LIVE)
    name = source if url is None else _without_password(source)
    what = f"camera {source}" if camera else name
    if url is None and not camera and Path(source).is_dir():
        raise VideoError(f"{source}: is a folder; name one video in it")
    options = {"rtsp_transport": "tcp"} if url is not None and url.scheme.lower().startswith("rtsp") else {}
    try:
        container = av.open(
            f"/dev/video{source}" if camera else source,
            format="v4l2" if camera else None,
            options=options,
            timeout=None if url is None else _TIMEOUT,
        )
    except FileNotFoundError as error:
        if camera:
            have = ", ".join(sorted(path.name.removeprefix("video") for path in Path("/dev").glob("video*"))) or "none"
            raise VideoError(f"camera {source}: no /dev/video{source}; cameras here: {have}") from error
        raise VideoError(f"{name}: no such file; check the path") from error
    except PermissionError as error:
        raise VideoError(f"{what}: may not be read; check its permissions") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        if url is None and not camera:
            raise VideoError(f"{what}: not a video, or damaged at its start ({_reason(error)})") from error
        raise VideoError(f"{what}: cannot be opened ({_reason(error)}); check that it is there and sends") from error
    if not container.streams.video:
        holds = "sound only" if container.streams.audio else "no pictures"
        container.close()
        raise VideoError(f"{what}: holds {holds}; a video with pictures is needed")
    if container.streams.video[0].codec_context is None:
        container.close()
        raise VideoError(f"{what}: this build of PyAV cannot decode its pictures; convert it to H.264 first")
    return VideoReader(container, what, live)


class VideoWriter:
    """Writes pictures to an .mp4 file that can be played up to the last second, even if the process is killed.

    H.264, or MPEG-4 where PyAV was built without it. Odd widths and heights grow by one pixel, as H.264 needs
    even ones; pictures of another size than the first are scaled to the first's.

    Args:
        path: of the file; an older one is overwritten.
        rate: frames a second, of which the player is told; the time stamps are what counts.
        time_base: seconds; time stamps are rounded to its multiples.
        aspect: width of a pixel divided by its height.

    Raises:
        OSError: if the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        rate: Fraction | None = None,
        time_base: Fraction = Fraction(1, 90_000),
        aspect: Fraction = Fraction(1),
    ) -> None:
        import av

        self.codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        options = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}
        self._container = av.open(str(path), "w", format="mp4", options=options)
        self._rate = Fraction(rate or 25).limit_denominator(65_535)
        if self.codec == "mpeg4" and time_base.denominator > 65_535:
            time_base = Fraction(1, _MPEG4_TICKS)
        self._time_base, self._aspect = time_base, aspect
        self._stream: Any = None
        self._last = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, image: np.ndarray, time: float) -> None:
        """Append a picture.

        Args:
            image: (H, W, 3) uint8 RGB.
            time: seconds, later than that of the picture before.
        """
        import av

        if self._stream is None:
            self._start(image.shape[0], image.shape[1])
        height, width = self._stream.height, self._stream.width
        if image.shape[:2] != self._size:
            image = cv2.resize(image, self._size[::-1], interpolation=cv2.INTER_AREA)
        image = np.pad(image, ((0, height - image.shape[0]), (0, width - image.shape[1]), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        self._last = max(self._last + 1, round(time / self._time_base))
        frame.pts, frame.time_base = self._last, self._time_base
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what the encoder still holds, and close the file."""
        if self._stream is not None:
            self._container.mux(self._stream.encode(None))
            self._stream = None
        self._container.close()

    def _start(self, height: int, width: int) -> None:
        self._size = height, width
        stream: Any = self._container.add_stream(self.codec, rate=self._rate)
        self._stream = stream
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = self._time_base
        stream.codec_context.sample_aspect_ratio = self._aspect
        stream.codec_context.gop_size = min(max(1, round(self._rate)), 120)  # a fragment of the file each second
        if self.codec == "libx264":
            stream.options = {"preset": "veryfast", "tune": "zerolatency", "crf": "20"}
        else:
            stream.codec_context.bit_rate = max(1_000_000, 4 * width * height)


def _frame_count(container: av.container.InputContainer, rate: Fraction | None) -> int | None:
    stream = container.streams.video[0]
    if stream.frames:
        return stream.frames
    if stream.duration and stream.time_base and rate:
        return round(stream.duration * stream.time_base * rate) or None
    return round(Fraction(container.duration, 1_000_000) * rate) or None if container.duration and rate else None


def _upright(frame: av.VideoFrame, metadata: dict[str, str]) -> np.ndarray:
    """(H, W, 3) uint8 RGB, turned by the display matrix, or else by the older rotate tag."""
    image = frame.to_ndarray(format="rgb24")
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        degrees = next((value for key, value in metadata.items() if key.lower() == "rotate"), "0")
        turns = round(float(degrees) / 90) if re.fullmatch(r"-?\d+(\.\d+)?", degrees) else 0
        return np.ascontiguousarray(np.rot90(image, -turns))
    # 16.16 fixed point, rows (a, b, u), (c, d, v), …: x' = a·x + c·y, y' = b·x + d·y
    a, b, _, c, d = np.rint(np.frombuffer(bytes(matrix), dtype="=i4")[:5] / 65_536).astype(int)
    if a == d == 0 and b and c:
        image, across, down = image.transpose(1, 0, 2), c, b
    else:
        across, down = a, d
    return np.ascontiguousarray(image[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])


def _without_password(address: str) -> str:
    return re.sub(r"//[^/@]*@", "//", address)


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error).split(":")[0].lower()
