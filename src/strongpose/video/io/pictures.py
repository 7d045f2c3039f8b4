"""Pictures that Pillow opens, as a video: an animated one, or numbered files."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from strongpose.exceptions import ImageError, VideoError
from strongpose.images import open_image
from strongpose.images.heif import is_heif
from strongpose.video.io.frame import Damage, Shot, reason_of

__all__ = ["IS_PHOTO", "AnimatedPicture", "NumberedPictures", "animated_picture", "animated_webp", "is_pattern"]

IS_PHOTO = "is a photo, not a video; use strongpose predict"
"""What is said of photos."""

_RATE = Fraction(25)  # numbered files a second, as FFmpeg has it
_TICKS = 400  # between two of them
_UNSAID = 100  # milliseconds that a picture of no length is shown, as browsers do
_PATTERN = re.compile(r"%(\d+)?d")  # filled up with zeros in any case, as FFmpeg does
_WEBP_ALPHA, _WEBP_MOVES = 0x10, 0x02
_HEIF_SEQUENCES = (b"hevc", b"hevx", b"hevm", b"hevs", b"msf1")
_AVIF_BRANDS = (b"ftypavif", b"ftypavis")


class AnimatedPicture:
    """The shots of an animated WebP or AVIF file.

    Attributes: those of `strongpose.video.io.frame.Footage`.
    """

    duration: float | None = None
    rate: Fraction | None = None
    aspect = Fraction(1)
    tick = Fraction(1, 10_000)

    def __init__(self, image: Image.Image, name: str, whole: bool) -> None:
        self._image, self._name, self._whole = image, name, whole
        self.frames: int | None = getattr(image, "n_frames", 1)
        self.damage: Damage | None = None

    def close(self) -> None:
        """Give the file back."""
        self._image.close()

    def shots(self) -> Iterator[Shot]:
        """One after the other, transparency laid on white."""
        stamp = 0
        for number in range(self.frames or 0):
            try:
                self._image.seek(number)
                picture = open_image(self._image, self._name)
            except Exception as error:  # the decoders raise anything on damaged files
                self.damage = Damage(number, f"the rest cannot be read ({reason_of(error)})")
                return
            yield Shot(stamp, _always(picture))
            stamp += 10 * int(self._image.info.get("duration") or _UNSAID)
        if not self._whole:
            self.damage = Damage(self.frames or 0, "the file is truncated; copy or download it again")


class NumberedPictures:
    """The shots of files such as frames/%04d.png, all there are in the order of their numbers, 25 a second.

    Where numbers are missing, time goes on as if they were there.

    Attributes: those of `strongpose.video.io.frame.Footage`.

    Raises:
        VideoError: if there is no such file.
    """

    rate: Fraction | None = _RATE
    aspect = Fraction(1)
    tick = 1 / _RATE / _TICKS

    def __init__(self, pattern: str) -> None:
        self._files = _numbered(pattern)
        if not self._files:
            raise VideoError(f"{pattern}: no such files; check the path")
        numbers = sorted(self._files)
        self.frames: int | None = len(numbers)
        self.duration: float | None = float((numbers[-1] - numbers[0] + 1) / _RATE)
        self.damage: Damage | None = None

    def close(self) -> None:
        """Nothing is open."""

    def shots(self) -> Iterator[Shot]:
        """One after the other; those that cannot be opened are left out, and noted."""
        first = last = min(self._files)
        for count, (number, path) in enumerate(sorted(self._files.items())):
            if number > last + 1:
                missing = f"number {last + 1}" if number == last + 2 else f"numbers {last + 1} to {number - 1}"
                self._note(count, f"{missing} missing")
            last = number
            try:
                picture = open_image(path)
            except ImageError as error:
                self._note(count, str(error))
                continue
            yield Shot(_TICKS * (number - first), _always(picture))

    def _note(self, index: int, reason: str) -> None:
        self.damage = self.damage or Damage(index, reason)


def is_pattern(source: str) -> bool:
    """Whether a path names numbered files, such as frames/%04d.png."""
    return _PATTERN.search(os.path.basename(source)) is not None


def animated_picture(path: Path) -> AnimatedPicture | None:
    """The file as a video, if it is WebP or AVIF, of which FFmpeg shows nothing or the first picture only.

    Raises:
        VideoError: if it holds a single picture, also a HEIC photo, or is damaged at its start.
    """
    if not path.is_file():
        return None  # of a pipe, what is read is gone
    try:
        with path.open("rb") as file:
            head = file.read(64)
            if is_heif(head) and head[8:12] not in _HEIF_SEQUENCES:
                raise VideoError(f"{path}: {IS_PHOTO}")
            webp = head[:4] + head[8:12] == b"RIFFWEBP"
            Image.init()
            if ("WEBP" if webp else "AVIF" if head[4:12] in _AVIF_BRANDS else "") not in Image.OPEN:
                return None
            data = bytearray(head + file.read())
    except OSError:
        return None  # which is said by whoever opens it next
    return animated_webp(data, str(path)) if webp else _animated(data, str(path), "AVIF", whole=True)


def animated_webp(data: bytearray, name: str) -> AnimatedPicture:
    """WebP as a video; of one that ends early, the whole pictures.

    Args:
        data: the file; it is changed.
        name: in messages.

    Raises:
        VideoError: if it holds a single picture, or is damaged at its start.
    """
    whole = _chunks_kept(data)
    if data[12:16] == b"VP8X" and len(data) > 20:
        data[20] |= _WEBP_ALPHA  # Pillow makes black what no picture covers, if the header says that all are opaque
    return _animated(data, name, "WEBP", whole)


def _chunks_kept(data: bytearray) -> bool:
    """Whether all chunks of a WebP file are whole; the last one that is not is cut off."""
    at = 12
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > len(data):
            break
        at += 8 + length + length % 2
    if 8 + int.from_bytes(data[4:8], "little") <= len(data) + 1:  # the last byte may only fill it up
        return True
    del data[at:]
    data[4:8] = (len(data) - 8).to_bytes(4, "little")
    return False


def _animated(data: bytearray, name: str, kind: str, whole: bool) -> AnimatedPicture:
    try:
        image = Image.open(io.BytesIO(data), formats=[kind])
    except Exception as error:  # as above
        reason = "cut short, or no such file" if isinstance(error, UnidentifiedImageError) else reason_of(error)
        raise VideoError(f"{name}: not a video, or damaged at its start ({reason})") from error
    cut = not whole and data[12:16] == b"VP8X" and data[20] & _WEBP_MOVES
    if not cut and not getattr(image, "is_animated", False):
        image.close()
        raise VideoError(f"{name}: {IS_PHOTO}")
    return AnimatedPicture(image, name, whole)


def _numbered(pattern: str) -> dict[int, Path]:
    folder, name = os.path.split(pattern)
    before, after = (part.replace("%%", "%") for part in _PATTERN.split(name, maxsplit=1)[::2])
    width = int((_PATTERN.search(name) or [0, 0])[1] or 0)
    found = {}
    for path in Path(folder or ".").glob("*"):
        digits = path.name[len(before) : len(path.name) - len(after)]
        if digits.isdecimal() and digits.isascii() and f"{before}{int(digits):0{width}}{after}" == path.name:
            found[int(digits)] = path
    return found


def _always(picture: np.ndarray) -> Callable[[], np.ndarray]:
    return lambda: picture
