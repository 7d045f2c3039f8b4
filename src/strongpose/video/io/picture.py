"""From a decoded frame to the picture as it is to be shown: upright, on white."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import av

__all__ = ["Turn", "pixels", "turn_of"]


@dataclass(frozen=True)
class Turn:
    """How a picture is to be turned.

    Attributes:
        swapped: whether rows become columns, first of all.
        down: whether it is turned upside down then.
        across: whether it is mirrored then.
    """

    swapped: bool = False
    down: bool = False
    across: bool = False

    def of(self, image: np.ndarray) -> np.ndarray:
        """The turned (H, W, 3) image."""
        image = image.transpose(1, 0, 2) if self.swapped else image
        return np.ascontiguousarray(image[:: -1 if self.down else 1, :: -1 if self.across else 1])

    def aspect(self, aspect: Fraction) -> Fraction:
        """Width of a pixel divided by its height, after turning."""
        return 1 / aspect if self.swapped else aspect


_TURNS = (Turn(), Turn(True, False, True), Turn(False, True, True), Turn(True, True, False))  # quarters clockwise


def turn_of(frame: av.VideoFrame, metadata: dict[str, str]) -> Turn:
    """How the display matrix of the frame, or else the older rotate tag of its track, says it is to be turned."""
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        degrees = next((value for key, value in metadata.items() if key.lower() == "rotate"), None)
        if degrees is None or not re.fullmatch(r"-?\d+(\.\d+)?", degrees):
            return _TURNS[0]
        return _TURNS[round(float(degrees) / 90) % 4]
    # 16.16 fixed point, rows (a, b, u), (c, d, v), …: x' = a·x + c·y, y' = b·x + d·y
    a, b, _, c, d = np.rint(np.frombuffer(bytes(matrix), dtype="=i4")[:5] / 65_536).astype(int).tolist()
    if a == d == 0 and b and c:
        return Turn(True, b < 0, c < 0)
    return Turn(False, d < 0, a < 0)


def pixels(frame: av.VideoFrame) -> np.ndarray:
    """(H, W, 3) uint8 RGB of a frame; transparency is laid on white."""
    layout = frame.format
    if not layout.has_palette and not any(component.is_alpha for component in layout.components):
        return frame.to_ndarray(format="rgb24")
    image = frame.to_ndarray(format="rgba")
    alpha = image[..., 3:]
    if alpha.min() == 255:
        return np.ascontiguousarray(image[..., :3])
    # both products fit 16 bits
    laid = image[..., :3].astype(np.uint16) * alpha + 255 * (255 - alpha.astype(np.uint16))
    return ((laid + 127) // 255).astype(np.uint8)
