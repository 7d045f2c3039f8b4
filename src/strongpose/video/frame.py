"""What a video consists of, and what is wrong with one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Frame", "VideoError", "reason_of"]


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


def reason_of(error: BaseException) -> str:
    """What an error says, in a few words."""
    return str(getattr(error, "strerror", None) or error).split(":")[0].lower()
