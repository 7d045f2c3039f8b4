"""The part of a photo around one person, as cells of the fields and as photo pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strongpose.fields import Fields, cells_to_pixels, pixels_to_cells
from strongpose.images import FittedImage

__all__ = ["Window", "window_around"]


@dataclass(frozen=True)
class Window:
    """The cells around a person, and the photo pixels between them."""

    rows: slice
    columns: slice
    photo_rows: slice
    photo_columns: slice

    def cells(self, stride: int) -> tuple[np.ndarray, np.ndarray]:
        """(w,) x and (h,) y of the window's cells, in input pixels."""
        x = cells_to_pixels(np.arange(self.columns.start, self.columns.stop, dtype=np.float32), stride)
        return x, cells_to_pixels(np.arange(self.rows.start, self.rows.stop, dtype=np.float32), stride)

    def enlarged(self, cells: np.ndarray, stride: int, fitted: FittedImage) -> np.ndarray:
        """The window's (h, w) cells, up-sampled bilinearly to its photo pixels."""
        rows = np.arange(self.photo_rows.start, self.photo_rows.stop)
        columns = np.arange(self.photo_columns.start, self.photo_columns.stop)
        scale_x, scale_y = fitted.scale
        y = pixels_to_cells((rows + 0.5) * scale_y - 0.5, stride) - self.rows.start
        x = pixels_to_cells((columns + 0.5) * scale_x - 0.5, stride) - self.columns.start
        return _interpolated(_interpolated(cells.astype(np.float32).T, x).T, y)


def _interpolated(rows: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(P, W), between which of (H, W) rows lie the places (P,), linearly; the first or last row beyond them."""
    at = np.clip(at, 0, len(rows) - 1)
    before = np.minimum(at.astype(np.intp), max(len(rows) - 2, 0))
    start = rows.take(before, axis=0)
    step = rows.take(np.minimum(before + 1, len(rows) - 1), axis=0)
    step -= start
    step *= (at - before).astype(np.float32)[:, None]
    start += step
    return start


def window_around(points: np.ndarray, margin: float, fields: Fields, fitted: FittedImage) -> Window | None:
    """The window of (M, 2) input pixels and a margin around them; None if it lies outside of the photo."""
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    photo = np.array(fitted.photo_size[::-1])
    first = np.clip(np.floor(fitted.to_photo(low)), 0, photo).astype(int)
    last = np.clip(np.ceil(fitted.to_photo(high)) + 1, 0, photo).astype(int)
    if (first >= last).any():
        return None
    cells = np.array(fields.size[::-1])
    unit = float(cells_to_pixels(1, fields.stride))
    start = np.clip(np.floor(low / unit) - 1, 0, cells - 1).astype(int)
    stop = np.clip(np.ceil(high / unit) + 2, 1, cells).astype(int)
    return Window(
        slice(int(start[1]), int(stop[1])),
        slice(int(start[0]), int(stop[0])),
        slice(int(first[1]), int(last[1])),
        slice(int(first[0]), int(last[0])),
    )
