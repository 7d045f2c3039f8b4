"""Fields, all maps that the network predicts for one image, and the cell ↔ pixel mapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from strongpose.skeleton import Skeleton

__all__ = ["DISK_RADIUS", "Fields", "cell_count", "cells_to_pixels", "padded_side", "pixels_to_cells"]

DISK_RADIUS = 12.0
"""R where nothing is said: the radius in pixels of the heat map disk around every keypoint (SP §III-B has 16)."""


def cells_to_pixels(cells: Any, stride: int) -> Any:
    """Pixel coordinates of (fractional) cell coordinates; scalars, arrays or tensors of any shape.

    Cell 0 lies on pixel 0, the centre of the image's first pixel, and cell i on pixel ``stride * i``,
    at every stride: up-sampling inside the network by u splits cell i of the coarse map into the
    cells u·i … u·i + u − 1 of the fine map and drops those behind the last coarse cell.
    """
    return cells * stride


def pixels_to_cells(pixels: Any, stride: int) -> Any:
    """Fractional cell coordinates of pixel coordinates; the inverse of `cells_to_pixels`."""
    return pixels / stride


def cell_count(side: int, stride: int) -> int:
    """The number of cells along an image side of ``side`` pixels."""
    return (side - 1) // stride + 1


def padded_side(side: int, stride: int) -> int:
    """The least side of the form stride·n + 1 that holds ``side`` pixels, so that a cell lies on its last pixel."""
    return -(-(side - 1) // stride) * stride + 1


@dataclass(frozen=True, eq=False)
class Fields:
    """All maps of one image, in the frame of the network's input image.

    Attributes:
        heatmaps: (K, h, w) float32, the strong keypoint heat maps (SKHM): probability that a cell
            lies within R pixels of some person's keypoint (SP §III-B).
        offsets: (K, 2, h, w) float32, the short offsets: x, y in pixels from the cell's own position
            to the keypoint of the nearest person (SP §III-B).
        displacements: (2E, 2, h, w) float32, the relative displacements: x, y in pixels from the
            cell's own position, near the tail keypoint of the directed edge, to the head keypoint of
            the same person (SP §III-C). Directed edges are ordered as `Skeleton.directed_edges`.
        body: (h, w) float32, the body heat map (BHM): probability that a cell lies on a person.
        stride: pixels per cell.
        skeleton: what the channels mean.

    Raises:
        ValueError: if a shape does not fit the skeleton; the message says what was expected.
    """

    heatmaps: np.ndarray
    offsets: np.ndarray
    displacements: np.ndarray
    body: np.ndarray
    stride: int
    skeleton: Skeleton

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise ValueError(f"stride must be at least 1 pixel per cell, got {self.stride}")
        if np.ndim(self.heatmaps) != 3:
            raise ValueError(f"heatmaps must be (K, h, w), got shape {np.shape(self.heatmaps)}")
        size = np.shape(self.heatmaps)[1:]
        k, e = self.skeleton.num_keypoints, len(self.skeleton.edges)
        for name, shape in (
            ("heatmaps", (k, *size)),
            ("offsets", (k, 2, *size)),
            ("displacements", (2 * e, 2, *size)),
            ("body", size),
        ):
            if np.shape(getattr(self, name)) != shape:
                raise ValueError(
                    f"{name} of skeleton {self.skeleton.name!r} must have shape {shape}, "
                    f"got {np.shape(getattr(self, name))}"
                )

    @property
    def size(self) -> tuple[int, int]:
        """(h, w), the number of cells down and across."""
        h, w = self.heatmaps.shape[1:]
        return h, w

    def mirrored(self) -> Fields:
        """The fields of the mirrored image: columns reversed, left and right traded, x negated.

        Exact where the image side is stride·(w − 1) + 1 pixels, so that a cell lies on the last column.
        """
        skeleton = self.skeleton
        sign = np.array([-1.0, 1.0], dtype=np.float32)[:, None, None]
        return Fields(
            heatmaps=self.heatmaps[list(skeleton.flip_order)][..., ::-1],
            offsets=self.offsets[list(skeleton.flip_order)][..., ::-1] * sign,
            displacements=self.displacements[list(skeleton.flip_edge_order)][..., ::-1] * sign,
            body=self.body[..., ::-1],
            stride=self.stride,
            skeleton=skeleton,
        )
