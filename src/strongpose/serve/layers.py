"""The network's maps as small PNG pictures, one pixel per cell, from which the page draws its layers."""

from __future__ import annotations

import io
from typing import Literal, NamedTuple, get_args

import numpy as np
from PIL import Image

from strongpose.fields import Fields, cell_count, cells_to_pixels
from strongpose.images import FittedImage

__all__ = ["LAYERS", "OFFSET_REACH", "Grid", "LayerName", "draw_layer", "grid_of"]

LayerName = Literal["heatmaps", "offsets", "body"]

LAYERS: tuple[LayerName, ...] = get_args(LayerName)
OFFSET_REACH = 32.0
"""Pixels of the network's input that an offset's largest byte stands for; longer offsets are cut off."""


class Grid(NamedTuple):
    """Where the cells of the maps lie on the photo.

    Attributes:
        cells: columns and rows that cover the photo; the network's padding is left out.
        origin: x, y in photo pixels of the first cell's centre.
        step: photo pixels from one cell to the next along x and y.
        reach: photo pixels along x and y that an offset's largest byte stands for.
    """

    cells: tuple[int, int]
    origin: tuple[float, float]
    step: tuple[float, float]
    reach: tuple[float, float]


def grid_of(fields: Fields, fitted: FittedImage) -> Grid:
    """Where the cells lie on the photo that ``fitted`` is of."""
    rows, columns = (
        min(count, cell_count(side, fields.stride) + 1)  # one more, so that the last pixels are covered
        for count, side in zip(fields.size, fitted.scaled_size, strict=True)
    )
    x, y = fitted.to_photo(np.zeros(2))
    step_x, step_y = cells_to_pixels(1, fields.stride) / fitted.scale
    reach_x, reach_y = OFFSET_REACH / fitted.scale
    return Grid((columns, rows), (float(x), float(y)), (float(step_x), float(step_y)), (float(reach_x), float(reach_y)))


def draw_layer(fields: Fields, grid: Grid, name: LayerName) -> bytes:
    """A PNG file with one pixel per cell.

    The maps of ``heatmaps`` and ``offsets`` lie below each other, in the order of the keypoints. Heat is
    grey, 255 being 1. Of offsets red is x and green y: 128 is 0, 1 and 255 are `OFFSET_REACH` back and forth.

    Args:
        fields: all maps.
        grid: how many cells are shown.
        name: of the layer.
    """
    columns, rows = grid.cells
    if name == "offsets":
        shown = fields.offsets[:, :, :rows, :columns]  # (K, 2, rows, columns)
        x, y = np.round(128 + 127 * np.clip(shown / OFFSET_REACH, -1, 1)).astype(np.uint8).transpose(1, 0, 2, 3)
        pixels = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, columns, 3)
    else:
        heat = fields.heatmaps if name == "heatmaps" else fields.body[None]
        pixels = np.round(255 * np.clip(heat[:, :rows, :columns], 0, 1)).astype(np.uint8).reshape(-1, columns)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()
