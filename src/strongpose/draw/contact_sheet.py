"""Contact sheets: many small pictures of annotated and detected poses, each with a caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from strongpose.draw.pen import WHITE, Pen
from strongpose.draw.poses import draw_poses
from strongpose.draw.text import Font, font_of
from strongpose.poses import Poses
from strongpose.skeleton import Skeleton

__all__ = ["Tile", "contact_sheet", "draw_annotated", "draw_tile", "surroundings"]

_POINT, _MARK = (40, 230, 60), (255, 40, 40)
_LEAST = 0.1  # keypoint score; keypoints that count in the evaluation should be seen, if faintly
_SMOOTH = Image.Resampling.BILINEAR
_PAPER, _INK = (24, 24, 28), (235, 235, 235)
_GAP = 8
_TEXT = 13  # pixels, height of a caption's letters
_ROW = 18  # pixels, height of a caption's line


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture of a sheet, in photo pixels.

    Attributes:
        image: (H, W, 3) uint8 RGB, the photo, or the part of it that is shown.
        origin: (x, y) of the part's first pixel in the photo.
        annotated: (M, K, 3) poses drawn thin, white with green points; visibility 0 is left out.
        detected: poses drawn in colour.
        marks: (L, 2) points that get a red ring.
        caption: one line, or several parted by newlines.
    """

    image: np.ndarray
    origin: tuple[int, int]
    annotated: np.ndarray
    detected: Poses
    marks: np.ndarray
    caption: str


def surroundings(image: np.ndarray, points: np.ndarray, margin: float = 0.2) -> tuple[np.ndarray, tuple[int, int]]:
    """The part of a photo around some points, and the (x, y) of its first pixel in the photo.

    Args:
        image: (H, W, 3) uint8 RGB.
        points: (L, 2) x, y in pixels, L at least 1; those outside the photo count as its nearest border.
        margin: what is added on each side, as a share of the part's long side; at least 8 pixels.
    """
    h, w = image.shape[:2]
    inside = np.clip(points, 0, (w - 1, h - 1))
    low, high = inside.min(axis=0), inside.max(axis=0)
    extra = max(8.0, margin * float((high - low).max()))
    x0, y0 = np.clip(np.floor(low - extra), 0, None).astype(int)
    x1, y1 = np.clip(np.ceil(high + extra) + 1, None, (w, h)).astype(int)
    return image[y0:y1, x0:x1].copy(), (int(x0), int(y0))


def draw_annotated(pen: Pen, keypoints: np.ndarray, skeleton: Skeleton) -> None:
    """Draw an annotated pose in thin white lines with green points.

    Args:
        pen: of the picture.
        keypoints: (K, 3) x, y in its pixels, visibility; 0 is left out.
        skeleton: what the keypoints are.
    """
    seen = keypoints[:, 2] > 0
    for a, b in skeleton.limbs:
        if seen[a] and seen[b]:
            pen.line(keypoints[a], keypoints[b], 1, WHITE)
    for point in keypoints[seen]:
        pen.disc(point, 2.3, _POINT)


def draw_tile(tile: Tile, size: tuple[int, int], skeleton: Skeleton) -> np.ndarray:
    """The picture of a tile, (h, w, 3) uint8 RGB, scaled to fit ``size`` (w, h) and centred in it."""
    h, w = tile.image.shape[:2]
    scale = min(size[0] / w, size[1] / h)
    new = (max(1, round(w * scale)), max(1, round(h * scale)))
    canvas = np.asarray(Image.fromarray(tile.image).resize(new, Image.Resampling.BOX if scale < 1 else _SMOOTH))

    def moved(points: np.ndarray) -> np.ndarray:
        out = np.array(points, dtype=np.float64)
        out[..., :2] = (out[..., :2] - tile.origin + 0.5) * scale - 0.5  # the outer borders stay in place
        return out

    detected = Poses(moved(tile.detected.keypoints), tile.detected.scores, skeleton)
    others = 1 + np.arange(len(detected))  # the first colour is that of annotated points
    pen = Pen.over(draw_poses(canvas, detected, _LEAST, others, legend=False))
    for keypoints in moved(tile.annotated):
        draw_annotated(pen, keypoints, skeleton)
    for mark in moved(tile.marks):
        pen.ring(mark, 8, 2, _MARK)
    paper = np.full((size[1], size[0], 3), _PAPER, dtype=np.uint8)
    top, left = (size[1] - new[1]) // 2, (size[0] - new[0]) // 2
    paper[top : top + new[1], left : left + new[0]] = pen.reduced()
    return paper


def contact_sheet(
    title: str, tiles: Sequence[Tile], skeleton: Skeleton, columns: int = 4, size: tuple[int, int] = (320, 320)
) -> np.ndarray:
    """A sheet of tiles under a title, row by row.

    Args:
        title: one line.
        tiles: at least one.
        skeleton: what the keypoints are.
        columns: tiles in a row.
        size: (w, h) of a tile's picture in pixels.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError: if there are no tiles.
    """
    if not tiles:
        raise ValueError("a contact sheet needs at least one tile")
    columns = min(columns, len(tiles))
    lines = max(tile.caption.count("\n") + 1 for tile in tiles)
    step = (size[0] + _GAP, size[1] + lines * _ROW + _GAP)
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * step[0] + _GAP, rows * step[1] + 2 * _ROW + _GAP), _PAPER)
    pen, font = ImageDraw.Draw(sheet), font_of(_TEXT)
    pen.text((_GAP, _GAP), title, fill=_INK, font=font)
    for i, tile in enumerate(tiles):
        left, top = _GAP + (i % columns) * step[0], 2 * _ROW + (i // columns) * step[1]
        sheet.paste(Image.fromarray(draw_tile(tile, size, skeleton)), (left, top))
        for line, text in enumerate(tile.caption.split("\n")):
            pen.text((left, top + size[1] + 2 + line * _ROW), _fitting(text, size[0], font), fill=_INK, font=font)
    return np.array(sheet)


def _fitting(text: str, width: int, font: Font) -> str:
    """The text, or as much of its beginning as the width in pixels holds."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
