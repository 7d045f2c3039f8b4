"""What a video consists of: its frames, and how its pictures come before they have their time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np

__all__ = ["Damage", "Footage", "Frame", "Shot", "reason_of"]


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a video.

    Attributes:
        index: number in the video, from 0.
        time: seconds since the first frame, as the video's time stamps say.
        image: (H, W, 3) uint8 RGB, turned and mirrored as the video says it is to be shown; transparency is laid
            on white.
        aspect: width of a pixel divided by its height, in the picture as it is shown.
    """

    index: int
    time: float
    image: np.ndarray
    aspect: Fraction = Fraction(1)


@dataclass(frozen=True, eq=False)
class Shot:
    """A picture as it lies in the video.

    Attributes:
        stamp: ticks, as the video says; None where it says nothing.
        image: makes the (H, W, 3) uint8 RGB.
        aspect: width of a pixel divided by its height, in that image.
    """

    stamp: int | None
    image: Callable[[], np.ndarray]
    aspect: Fraction = Fraction(1)


@dataclass(frozen=True)
class Damage:
    """What was wrong with a video.

    Attributes:
        index: of the frame at which it was met.
        reason: what it was, and the remedy if there is one.
        what: the word for it.
    """

    index: int
    reason: str
    what: str = "damaged"

    def __str__(self) -> str:
        return f"{self.what} at frame {self.index}: {self.reason}; what could be read was kept"


class Footage(Protocol):
    """Where the shots of a video come from.

    Attributes:
        rate: frames a second, or None where that is not known.
        frames: how many frames there are, where they are counted; else None.
        duration: seconds of pictures, or None where that is not known.
        tick: seconds that the stamps of its shots count.
        aspect: width of a pixel divided by its height, before turning.
        damage: what was wrong, once that was met.
    """

    rate: Fraction | None
    frames: int | None
    duration: float | None
    tick: Fraction
    aspect: Fraction
    damage: Damage | None

    def shots(self) -> Iterator[Shot]:
        """One after the other, in the order they are shown."""

    def close(self) -> None:
        """Give the file, camera or stream back."""


def reason_of(error: BaseException) -> str:
    """What an error says, in a few words."""
    return str(getattr(error, "strerror", None) or error).split(":")[0].lower()
