"""Pictures of the fields and of how poses grow from them, drawn over the darkened photo."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from strongpose.decode import DecodeOptions
from strongpose.decode.grouping import GroupedPoses
from strongpose.decode.peaks import MARGIN, Seeds, filter_votes, hough_votes
from strongpose.draw.colours import heat_colours, keypoint_colour, order_colours
from strongpose.draw.pen import BLACK, WHITE, Colour, Pen
from strongpose.draw.text import font_of
from strongpose.fields import Fields, cells_to_pixels, pixels_to_cells
from strongpose.images import FittedImage
from strongpose.poses import KEYPOINT_THRESHOLD, Poses

__all__ = [
    "draw_body",
    "draw_displacements",
    "draw_growth",
    "draw_heatmaps",
    "draw_offsets",
    "draw_votes",
]

_SIDE = 960  # least long side of a picture in pixels
_DIM = 0.6  # brightness of the photo behind
_FAR = 20_000  # picture pixels; longer displacements are not drawn
_NUMBERED = 250  # long side in picture pixels from which a person's keypoints are numbered


def draw_heatmaps(fields: Fields, fitted: FittedImage) -> np.ndarray:
    """The strong keypoint heat maps, one hue per keypoint type (SP Fig. 3).

    Args:
        fields: of the network input ``fitted``.
        fitted: the photo as the network saw it.

    Returns:
        (h, w, 3) uint8 RGB, the photo without padding, enlarged to at least 960 pixels.
    """
    canvas, zoom = _backdrop(fitted)
    return _coloured(canvas, fields.heatmaps, fields.stride, zoom)


def draw_offsets(fields: Fields, fitted: FittedImage, threshold: float = 0.3) -> np.ndarray:
    """The short offsets: from every warm cell, a dot, a line to where it points, the end white (SP Fig. 4).

    Args:
        fields: of the network input ``fitted``.
        fitted: the photo as the network saw it.
        threshold: cells with a lower heat are left out.

    Returns:
        (h, w, 3) uint8 RGB, the photo without padding, enlarged to at least 960 pixels.
    """
    canvas, zoom = _backdrop(fitted)
    pen = Pen.over(canvas)
    ends = []
    for k in range(len(fields.heatmaps)):
        colour = keypoint_colour(k, len(fields.heatmaps))
        rows, columns = np.nonzero(fields.heatmaps[k] >= threshold)
        cells = np.stack([columns, rows], axis=1).astype(np.float32)
        start = cells_to_pixels(cells, fields.stride)
        end = start + fields.offsets[k][:, rows, columns].T
        for a, b in zip(_placed(start, zoom), _placed(end, zoom), strict=True):
            pen.line(a, b, 1, colour)
            pen.disc(a, 0.9 * zoom, colour)
        ends.append(_placed(end, zoom))
    for b in np.concatenate(ends):
        pen.disc(b, 0.7 * zoom, WHITE)
    return pen.reduced()


def draw_displacements(fields: Fields, fitted: FittedImage, seeds: Seeds, disk_radius: float) -> np.ndarray:
    """The relative displacements: arrows from the disks of one end of each limb to the other (SP Fig. 4).

    One arrow per seed, from its cell: what growth would follow. Of the two directions of an edge, the one in
    which the skeleton lists it is drawn, in the colour of the keypoint it leads to; of the edges, those
    that are limbs (all if none is).

    Args:
        fields: of the network input ``fitted``.
        fitted: the photo as the network saw it.
        seeds: as found in ``fields``.
        disk_radius: R in pixels of the network's input.

    Returns:
        (h, w, 3) uint8 RGB, the photo without padding, enlarged to at least 960 pixels.
    """
    canvas, zoom = _backdrop(fitted)
    skeleton = fields.skeleton
    limbs = {frozenset(limb) for limb in skeleton.limbs}
    edges = [e for e, edge in enumerate(skeleton.edges) if frozenset(edge) in limbs] or range(len(skeleton.edges))
    disks = Pen.over(canvas)
    for k, point in zip(seeds.keypoints, _placed(seeds.points, zoom), strict=True):
        colour = keypoint_colour(int(k), skeleton.num_keypoints)
        disks.disc(point, disk_radius * zoom, colour)
    pen = Pen.over(_blend(canvas, disks.reduced(), np.array(0.35)))
    for e in edges:
        tail, head = skeleton.edges[e]
        starts = seeds.points[seeds.keypoints == tail]
        ends = _ends(fields.displacements[e], starts, fields.stride)
        colour = keypoint_colour(head, skeleton.num_keypoints)
        for a, b in zip(_placed(starts, zoom), _placed(ends, zoom), strict=True):
            _arrow(pen, a, b, colour, zoom)
    return pen.reduced()


def draw_votes(fields: Fields, fitted: FittedImage, seeds: Seeds, options: DecodeOptions) -> np.ndarray:
    """The filtered Hough maps, one hue per keypoint type, with a ring around every seed (SP §III-C).

    Args:
        fields: of the network input ``fitted``.
        fitted: the photo as the network saw it.
        seeds: as found in ``fields``, with ``options``.
        options: as for decoding.

    Returns:
        (h, w, 3) uint8 RGB, the photo without padding, enlarged to at least 960 pixels.
    """
    canvas, zoom = _backdrop(fitted)
    votes = hough_votes(fields.heatmaps, fields.offsets, fields.stride, options.vote_threshold)
    heights = filter_votes(votes, fields.stride, options.disk_radius, options.filter_sigma)
    canvas = _coloured(canvas, heights[:, MARGIN:-MARGIN, MARGIN:-MARGIN], fields.stride, zoom)
    pen = Pen.over(canvas)
    for point in _placed(seeds.points, zoom):
        pen.ring(point, 3 * zoom, 1.2, WHITE)
    return pen.reduced()


def draw_body(fields: Fields, fitted: FittedImage) -> np.ndarray:
    """The body heat map, with the outline at one half (SP Fig. 1).

    Args:
        fields: of the network input ``fitted``.
        fitted: the photo as the network saw it.

    Returns:
        (h, w, 3) uint8 RGB, the photo without padding, enlarged to at least 960 pixels.
    """
    canvas, zoom = _backdrop(fitted)
    heat = np.clip(_enlarged(fields.body, fields.stride, zoom, canvas.shape[:2]), 0, 1)
    picture = _blend(canvas, heat_colours(heat), 0.75 * heat[..., None])
    steepness = np.hypot(*np.gradient(heat))
    line = np.clip(1.2 - np.abs(heat - 0.5) / np.maximum(steepness, 1e-3), 0, 1)  # 1.4 pixels wide
    return _blend(picture, np.array(WHITE), line[..., None])


def draw_growth(
    grouped: GroupedPoses, fitted: FittedImage, poses: Poses, threshold: float = KEYPOINT_THRESHOLD
) -> np.ndarray:
    """The order in which each pose grew, from its seed, ringed and number 0, along the edges that growth took.

    Edges and keypoints have the colours of `order_colours`, by turn; keypoints of large people are numbered.

    Args:
        grouped: how people grew in the network input ``fitted``.
        fitted: the photo as the network saw it.
        poses: those to draw, in photo pixels, decoded from the same fields with the same options.
        threshold: keypoints with a lower score are not drawn.

    Returns:
        (h, w, 3) uint8 RGB, the photo without padding, enlarged to at least 960 pixels.
    """
    canvas, zoom = _backdrop(fitted)
    colours = order_colours(poses.skeleton.num_keypoints)
    pen, numbers = Pen.over(canvas), []
    for pose in list(poses)[::-1]:  # the surest on top
        away = np.linalg.norm(grouped.points - fitted.to_input(pose.keypoints[:, :2]), axis=-1)
        grown = GroupedPoses(*(part[away.mean(axis=1).argmin()] for part in grouped))
        seen = np.flatnonzero((grown.order == 0) | ((grown.order > 0) & (grown.scores >= threshold)))
        points = _placed(grown.points, zoom)
        extent = float(np.ptp(points[seen], axis=0).max())
        numbered = extent >= _NUMBERED
        radius = 9 if numbered else min(max(extent / 50, 1.5), 5)
        late_first = seen[np.argsort(-grown.order[seen], kind="stable")]
        for width, outline in ((radius / 2 + 2, True), (max(1, radius / 2 - 0.5), False)):
            for k in late_first:
                if grown.parents[k] >= 0:
                    shade = BLACK if outline else colours[grown.order[k]]
                    pen.line(points[grown.parents[k]], points[k], width, shade)
        for k in late_first:
            if grown.order[k] == 0:
                pen.ring(points[k], 1.25 * radius + 3, 2, WHITE)
            pen.disc(points[k], radius + 1, BLACK)
            pen.disc(points[k], radius, colours[grown.order[k]])
            if numbered:
                numbers.append((points[k], int(grown.order[k])))
    picture = Image.fromarray(pen.reduced())
    for (x, y), order in numbers:
        dark = sum(colours[order]) > 380  # letters on light colours
        ImageDraw.Draw(picture).text((x, y), str(order), BLACK if dark else WHITE, font_of(11), anchor="mm")
    return np.array(picture)


def _ends(vectors: np.ndarray, points: np.ndarray, stride: int) -> np.ndarray:
    """(..., 2) input pixels to which (2, h, w) vectors lead from the cells nearest to (..., 2) points."""
    h, w = vectors.shape[1:]
    cells = np.clip(np.rint(pixels_to_cells(points, stride)), 0, [w - 1, h - 1])
    columns, rows = np.moveaxis(cells.astype(int), -1, 0)
    return cells_to_pixels(cells, stride) + np.moveaxis(vectors[:, rows, columns], 0, -1)


def _backdrop(fitted: FittedImage) -> tuple[np.ndarray, int]:
    """The photo without padding, grey and dimmed, enlarged by a whole factor; and that factor."""
    h, w = fitted.scaled_size
    zoom = max(1, -(-_SIDE // max(h, w)))
    grey = Image.fromarray(fitted.pixels[:h, :w]).convert("L").resize((w * zoom, h * zoom), Image.Resampling.BICUBIC)
    return np.repeat(np.asarray(grey.point(lambda v: round(v * _DIM)))[..., None], 3, axis=2), zoom


def _coloured(canvas: np.ndarray, maps: np.ndarray, stride: int, zoom: int) -> np.ndarray:
    """The canvas with (K, h, w) maps over it, each in its keypoint's hue, 0 transparent and 1 nearly opaque."""
    heat = np.clip(np.stack([_enlarged(m, stride, zoom, canvas.shape[:2]) for m in maps]), 0, 1)
    weight = heat**4 + 1e-9  # the strongest type decides, with soft borders
    colours = np.array([keypoint_colour(k, len(heat)) for k in range(len(heat))], dtype=np.float32)
    mixed = np.tensordot(weight / weight.sum(axis=0), colours, axes=(0, 0))
    return _blend(canvas, mixed, 0.85 * heat.max(axis=0)[..., None])


def _enlarged(field: np.ndarray, stride: int, zoom: int, size: tuple[int, int]) -> np.ndarray:
    """An (h, w) map in the pixels of a picture that is the network input enlarged by ``zoom``."""
    h, w = field.shape
    rows, columns = (pixels_to_cells((np.arange(side) + 0.5) / zoom - 0.5, stride) for side in size)
    y, x = np.clip(rows, 0, h - 1), np.clip(columns, 0, w - 1)
    top, left = np.minimum(y.astype(int), max(h - 2, 0)), np.minimum(x.astype(int), max(w - 2, 0))
    down, right = (y - top).astype(np.float32)[:, None], (x - left).astype(np.float32)
    lines = field[top] * (1 - down) + field[np.minimum(top + 1, h - 1)] * down
    return lines[:, left] * (1 - right) + lines[:, np.minimum(left + 1, w - 1)] * right


def _blend(canvas: np.ndarray, colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return np.round(canvas * (1 - alpha) + colours * alpha).astype(np.uint8)


def _placed(points: np.ndarray, zoom: int) -> np.ndarray:
    """Picture pixels of (M, 2) input pixels."""
    return points * zoom + (zoom - 1) / 2


def _arrow(pen: Pen, start: np.ndarray, end: np.ndarray, colour: Colour, zoom: int) -> None:
    """An arrow with a head of constant size, black at its rim."""
    length = float(np.linalg.norm(end - start))
    if not 1 < length < _FAR:
        return
    forward = (end - start) / length
    size = min(5.0 * zoom, 0.5 * length)
    neck = end - forward * size
    aside = np.array([-forward[1], forward[0]]) * 0.45 * size
    pen.line(start, neck, zoom + 2, BLACK)
    for rim, shade in ((1.0, BLACK), (0.0, colour)):
        out = aside + rim * 2 * aside / max(float(np.linalg.norm(aside)), 1e-6)
        tip = np.array([end + 2 * rim * forward, neck - rim * forward + out, neck - rim * forward - out])
        pen.polygon(tip, shade)
    pen.line(start, neck, zoom, colour)
