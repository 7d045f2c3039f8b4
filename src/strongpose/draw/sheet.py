"""One sheet with all field pictures of a photo: titles, scales and the colours of the keypoints."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from strongpose.decode import DecodeOptions
from strongpose.decode.grouping import group_poses
from strongpose.decode.peaks import find_seeds
from strongpose.draw.colours import heat_colours, keypoint_colour, order_colours
from strongpose.draw.fields import (
    draw_body,
    draw_displacements,
    draw_growth,
    draw_heatmaps,
    draw_offsets,
    draw_votes,
)
from strongpose.draw.text import font_of
from strongpose.fields import Fields
from strongpose.images import FittedImage
from strongpose.poses import Poses

__all__ = ["draw_fields"]

_GAP = 16  # pixels between panels
_TITLE = 26  # font sizes in pixels
_TEXT = 22
_INK = (25, 25, 30)
_PAPER = (255, 255, 255)
_WIDE = 1.5  # photos wider than this, relative to their height, go two in a row instead of three


def draw_fields(fields: Fields, fitted: FittedImage, poses: Poses, options: DecodeOptions) -> np.ndarray:
    """Six titled panels: heat maps, offsets, Hough maps, displacements, growth and body, and a legend.

    Args:
        fields: of the network input ``fitted``.
        fitted: the photo as the network saw it.
        poses: whose growth is drawn, in photo pixels, as decoded from ``fields`` with ``options``.
        options: as for decoding.

    Returns:
        (h, w, 3) uint8 RGB; each panel is at least 960 pixels long.
    """
    k = fields.skeleton.num_keypoints
    seeds = find_seeds(fields, options)
    grouped = group_poses(fields, seeds, options)
    order = np.array(order_colours(k), dtype=np.uint8)
    heat = heat_colours(np.linspace(0, 1, 64)[None])[0].astype(np.uint8)
    panels = [
        _titled(draw_heatmaps(fields, fitted), "Keypoint heat maps"),
        _titled(draw_offsets(fields, fitted), "Short offsets: from cells to keypoints"),
        _titled(draw_votes(fields, fitted, seeds, options), "Hough votes; seeds ringed"),
        _titled(draw_displacements(fields, fitted, seeds, options.disk_radius), "Displacements along limbs"),
        _titled(draw_growth(grouped, fitted, poses), "Order in which each pose grows", order, ("seed", "last")),
        _titled(draw_body(fields, fitted), "Body heat map", heat, ("0", "1")),
    ]
    height, width = panels[0].shape[:2]
    columns = 2 if fitted.scaled_size[1] > _WIDE * fitted.scaled_size[0] else 3
    rows = len(panels) // columns
    legend = _legend(fields, columns * width + (columns - 1) * _GAP)
    sheet = np.full((rows * (height + _GAP) + legend.shape[0], legend.shape[1], 3), _PAPER, dtype=np.uint8)
    for i, panel in enumerate(panels):
        y, x = i // columns * (height + _GAP), i % columns * (width + _GAP)
        sheet[y : y + height, x : x + width] = panel
    sheet[-legend.shape[0] :] = legend
    return sheet


def _titled(
    picture: np.ndarray, title: str, ramp: np.ndarray | None = None, ends: tuple[str, str] = ("", "")
) -> np.ndarray:
    """The picture under its title and a scale of (C, 3) colours from left to right, with what its ends mean."""
    bar = Image.new("RGB", (picture.shape[1], 2 * _TITLE), _PAPER)
    pen = ImageDraw.Draw(bar)
    pen.text((4, _TITLE), title, _INK, font_of(_TITLE), anchor="lm")
    if ramp is not None:
        right = bar.width - 4
        pen.text((right, _TITLE), ends[1], _INK, font_of(_TEXT), anchor="rm")
        right -= round(pen.textlength(ends[1], font_of(_TEXT))) + 8
        scale = Image.fromarray(ramp[None]).resize((140, _TEXT), Image.Resampling.NEAREST)
        bar.paste(scale, (right - scale.width, _TITLE - _TEXT // 2))
        pen.text((right - scale.width - 8, _TITLE), ends[0], _INK, font_of(_TEXT), anchor="rm")
    return np.concatenate([np.asarray(bar), picture])


def _legend(fields: Fields, width: int) -> np.ndarray:
    """The keypoints' names beside discs of their colours, in as many lines as they need."""
    names, font = fields.skeleton.names, font_of(_TEXT)
    measure = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    line = 2 * _TEXT
    places, x, y = [], 4, 0
    for name in names:
        length = round(measure.textlength(name.replace("_", " "), font)) + 2 * _TEXT + 12
        if x > 4 and x + length > width:
            x, y = 4, y + line
        places.append((x, y))
        x += length
    legend = Image.new("RGB", (width, y + line), _PAPER)
    pen = ImageDraw.Draw(legend)
    for k, (name, (x, y)) in enumerate(zip(names, places, strict=True)):
        top = y + (line - _TEXT) // 2
        pen.ellipse((x, top, x + _TEXT, top + _TEXT), keypoint_colour(k, len(names)), _INK)
        pen.text((x + _TEXT + 8, y + line // 2), name.replace("_", " "), _INK, font, anchor="lm")
    return np.asarray(legend)
