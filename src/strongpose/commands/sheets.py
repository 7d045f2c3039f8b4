"""Contact sheets, written by the verbs that draw some."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from strongpose._util.atomic_write import write_atomically

if TYPE_CHECKING:
    import numpy as np

__all__ = ["write_sheet"]


def write_sheet(path: Path, picture: np.ndarray) -> None:
    """Write (H, W, 3) uint8 RGB as a JPEG file.

    Raises:
        OSError: if it cannot be written, or does not fit a JPEG file.
    """
    from strongpose.images.jpeg import encode_jpeg

    write_atomically(path, encode_jpeg(picture))
