"""Holes in masks: the pixels that a region encloses."""

from __future__ import annotations

import numpy as np

__all__ = ["enclosed"]


def enclosed(mask: np.ndarray) -> np.ndarray:
    """The pixels outside of a mask from which no way over 4-neighbours outside of it leads to the border.

    Works on runs, pixels outside of the mask that lie side by side, of which there are few.

    Args:
        mask: (H, W) bool.

    Returns:
        (H, W) bool.
    """
    height, width = mask.shape
    step = width + 1
    padded = np.zeros((height + 2, step), dtype=bool)  # a column of border lies between the end of a row and the next
    padded[1:-1, 1:] = mask
    flat = padded.reshape(-1)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts, ends = np.append(0, changes[1::2]), np.append(changes[::2], flat.size)
    labels = np.arange(len(starts))
    labels[-(-starts // step) * step < ends] = 0  # these hold a pixel of the first column, which is border
    first, last = np.searchsorted(ends, starts + step, "right"), np.searchsorted(starts, ends + step)
    count = np.maximum(last - first, 0)  # of runs in the next row that touch each one
    above = np.repeat(np.arange(len(starts)), count)
    below = np.arange(count.sum()) + np.repeat(first - (np.cumsum(count) - count), count)
    while (labels[above] != labels[below]).any():
        pairs = labels[above], labels[below]
        np.minimum.at(labels, np.maximum(*pairs), np.minimum(*pairs))
        labels = labels[labels]
    holes = np.zeros_like(flat)
    for i in np.flatnonzero(labels):
        holes[starts[i] : ends[i]] = True
    return holes.reshape(padded.shape)[1:-1, 1:]
