"""Labels beside people: clear of each other and of people's keypoints where there is room, within the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from strongpose.draw.pen import Colour
from strongpose.draw.text import text_size, write

__all__ = ["draw_labels"]

_LETTERS = 0.09  # height of letters, times the box's diagonal
_HEAD = 0.05  # of the box's diagonal, above which labels stand: heads are higher than their keypoints
_LEAST, _MOST = 10, 1 / 36  # height in pixels; times the picture's long side


def draw_labels(
    canvas: np.ndarray,
    labels: Sequence[str],
    boxes: np.ndarray,
    colours: Sequence[Colour],
    avoided: np.ndarray,
) -> None:
    """Write a label beside each box.

    Args:
        canvas: (H, W, 3) uint8 RGB, drawn into.
        labels: N texts of one line; empty ones are left out.
        boxes: (N, 4) x0, y0, x1, y1 in pixels.
        colours: N, of the letters.
        avoided: (L, 2) points that labels should not cover, such as points on limbs.
    """
    taken: list[np.ndarray] = []
    for label, box, colour in zip(labels, boxes, colours, strict=True):
        text = " ".join(label.split())
        if not text:
            continue
        most = max(_LEAST, max(canvas.shape[:2]) * _MOST)
        size = round(float(np.clip(_LETTERS * np.hypot(*(box[2:] - box[:2])), _LEAST, most)))
        place = _best(_places(box, text_size(text, size), canvas.shape[1::-1]), taken, avoided)
        taken.append(place)
        write(canvas, (int(place[0]), int(place[1])), text, size, colour)


def _places(box: np.ndarray, size: tuple[int, int], picture: tuple[int, ...]) -> np.ndarray:
    """(M, 4) rectangles within the picture around a box, the best first: above, beside the head, below, further up."""
    w, h = size
    x0, y0, x1, y1 = box
    gap, above = h // 2, h / 2 + _HEAD * float(np.hypot(x1 - x0, y1 - y0))
    lefts = ((x0 + x1 - w) / 2, x0 - w / 2, x1 - w / 2, x0, x1 - w)
    places = [
        *((left, y0 - above - h) for left in lefts),
        *((side, y0 + down * h) for down in (0, 1, 2) for side in (x1 + gap, x0 - gap - w)),
        *((left, y1 + gap) for left in lefts),
        *((left, y0 - above - up * h) for up in (2.1, 3.2) for left in lefts),
    ]
    room = np.maximum(np.array(picture) - size, 0)
    corners = np.clip(np.round(places), 0, room)
    return np.concatenate([corners, corners + size], axis=1)


def _best(places: np.ndarray, taken: Sequence[np.ndarray], avoided: np.ndarray) -> np.ndarray:
    """The first of the (M, 4) rectangles that covers the least of labels, and then of (L, 2) points."""
    others = np.array(taken).reshape(-1, 4)
    low = np.maximum(places[:, None, :2], others[None, :, :2])
    high = np.minimum(places[:, None, 2:], others[None, :, 2:])
    overlap = np.maximum(high - low, 0).prod(axis=-1).sum(axis=1)
    margin = (places[0, 3] - places[0, 1]) / 3
    x, y = avoided[:, 0], avoided[:, 1]
    x0, y0, x1, y1 = np.moveaxis(places[:, None] + np.array([-margin, -margin, margin, margin]), -1, 0)
    covered = ((x > x0) & (x < x1) & (y > y0) & (y < y1)).sum(axis=1)
    return places[np.lexsort((np.arange(len(places)), covered, overlap))[0]]
