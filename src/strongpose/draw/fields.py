"""Pictures of the fields and of how poses grow from them, drawn over the darkened photo."""

from __future__ import annotations

import colorsys

import cv2
import numpy as np

from strongpose.decode import DecodeOptions
from strongpose.decode.grouping import GroupedPoses
from strongpose.decode.peaks import MARGIN, Seeds, filter_votes, hough_votes
from strongpose.fields import Fields, cells_to_pixels, pixels_to_cells
from strongpose.images import FittedImage
from strongpose.poses import Poses

__all__ = [
    "draw_body",
    "draw_displacements",
    "draw_growth",
    "draw_heatmaps",
    "draw_offsets",
    "draw_votes",
    "heat_colours",
    "keypoint_colour",
    "order_colours",
]

Colour = tuple[int, int, int]

_SIDE = 960  # least long side of a picture in pixels
_DIM = 0.6  # brightness of the photo behind
_WHITE: Colour = (255, 255, 255)
_BLACK: Colour = (0, 0, 0)
_SHIFT = 4  # cv2 takes coordinates in 1/16 pixels
_FONT = cv2.FONT_HERSHEY_SIMPLEX
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
    ends = []
    for k in range(len(fields.heatmaps)):
        colour = keypoint_colour(k, len(fields.heatmaps))
        rows, columns = np.nonzero(fields.heatmaps[k] >= threshold)
        cells = np.stack([columns, rows], axis=1).astype(np.float32)
        start = cells_to_pixels(cells, fields.stride)
        end = start + fields.offsets[k][:, rows, columns].T
        for a, b in zip(_placed(start, zoom), _placed(end, zoom), strict=True):
            cv2.line(canvas, _fixed(a), _fixed(b), colour, 1, cv2.LINE_AA, _SHIFT)
            cv2.circle(canvas, _fixed(a), round(0.9 * zoom * 2**_SHIFT), colour, -1, cv2.LINE_AA, _SHIFT)
        ends.append(_placed(end, zoom))
    for b in np.concatenate(ends):
        cv2.circle(canvas, _fixed(b), round(0.7 * zoom * 2**_SHIFT), _WHITE, -1, cv2.LINE_AA, _SHIFT)
    return canvas


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
    disks = canvas.copy()
    for k, point in zip(seeds.keypoints, _placed(seeds.points, zoom), strict=True):
        colour = keypoint_colour(int(k), skeleton.num_keypoints)
        radius = round(disk_radius * zoom * 2**_SHIFT)
        cv2.circle(disks, _fixed(point), radius, colour, -1, cv2.LINE_AA, _SHIFT)
    canvas = cv2.addWeighted(disks, 0.35, canvas, 0.65, 0)
    for e in edges:
        tail, head = skeleton.edges[e]
        starts = seeds.points[seeds.keypoints == tail]
        ends = _ends(fields.displacements[e], starts, fields.stride)
        colour = keypoint_colour(head, skeleton.num_keypoints)
        for a, b in zip(_placed(starts, zoom), _placed(ends, zoom), strict=True):
            _arrow(canvas, a, b, colour, zoom)
    return canvas


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
    for point in _placed(seeds.points, zoom):
        cv2.circle(canvas, _fixed(point), 3 * zoom << _SHIFT, _WHITE, 1, cv2.LINE_AA, _SHIFT)
    return canvas


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
    outlines, _ = cv2.findContours((heat > 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(picture, outlines, -1, _WHITE, 1, cv2.LINE_AA)


def draw_growth(grouped: GroupedPoses, fitted: FittedImage, poses: Poses, threshold: float = 0.1) -> np.ndarray:
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
    for pose in list(poses)[::-1]:  # the surest on top
        away = np.linalg.norm(grouped.points - fitted.to_input(pose.keypoints[:, :2]), axis=-1)
        grown = GroupedPoses(*(part[away.mean(axis=1).argmin()] for part in grouped))
        seen = np.flatnonzero((grown.order == 0) | ((grown.order > 0) & (grown.scores >= threshold)))
        points = _placed(grown.points, zoom)
        extent = float(np.ptp(points[seen], axis=0).max())
        numbered = extent >= _NUMBERED
        radius = 9 if numbered else round(min(max(extent / 40, 2), 5))
        late_first = seen[np.argsort(-grown.order[seen], kind="stable")]
        for thickness, outline in ((radius // 2 + 2, True), (max(1, radius // 3), False)):
            for k in late_first:
                if grown.parents[k] >= 0:
                    shade = _BLACK if outline else colours[grown.order[k]]
                    ends = _fixed(points[grown.parents[k]]), _fixed(points[k])
                    cv2.line(canvas, *ends, shade, thickness, cv2.LINE_AA, _SHIFT)
        for k in late_first:
            at = _fixed(points[k])
            if grown.order[k] == 0:
                cv2.circle(canvas, at, (radius + 3 + radius // 4) << _SHIFT, _WHITE, 2, cv2.LINE_AA, _SHIFT)
            cv2.circle(canvas, at, (radius + 1) << _SHIFT, _BLACK, -1, cv2.LINE_AA, _SHIFT)
            cv2.circle(canvas, at, radius << _SHIFT, colours[grown.order[k]], -1, cv2.LINE_AA, _SHIFT)
            if numbered:
                _number(canvas, int(grown.order[k]), points[k])
    return canvas


def keypoint_colour(k: int, count: int) -> Colour:
    """The hue of keypoint ``k`` of ``count``; neighbours in number are far apart in hue."""
    step = next(s for s in range(max(1, round(count * 0.38)), count + 2) if np.gcd(s, count) == 1)
    r, g, b = colorsys.hsv_to_rgb((k * step % count) / count, 0.85, 1.0)
    return round(r * 255), round(g * 255), round(b * 255)


def heat_colours(heat: np.ndarray) -> np.ndarray:
    """(h, w, 3) float32 RGB of (h, w) heat from 0, black, to 1, pale yellow."""
    return cv2.applyColorMap(np.round(heat * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1].astype(np.float32)


def order_colours(count: int) -> list[Colour]:
    """``count`` colours from yellow, the seed, over green to violet, the keypoint that was fixed last."""
    ramp = np.linspace(255, 40, count).round().astype(np.uint8)
    colours = cv2.applyColorMap(ramp[None], cv2.COLORMAP_VIRIDIS)[0, :, ::-1]
    return [(int(r), int(g), int(b)) for r, g, b in colours]


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
    grey = cv2.cvtColor(fitted.pixels[:h, :w], cv2.COLOR_RGB2GRAY)
    grey = cv2.resize(grey, (w * zoom, h * zoom), interpolation=cv2.INTER_CUBIC)
    return cv2.cvtColor(cv2.convertScaleAbs(grey, alpha=_DIM), cv2.COLOR_GRAY2RGB), zoom


def _coloured(canvas: np.ndarray, maps: np.ndarray, stride: int, zoom: int) -> np.ndarray:
    """The canvas with (K, h, w) maps over it, each in its keypoint's hue, 0 transparent and 1 nearly opaque."""
    heat = np.clip(np.stack([_enlarged(m, stride, zoom, canvas.shape[:2]) for m in maps]), 0, 1)
    weight = heat**4 + 1e-9  # the strongest type decides, with soft borders
    colours = np.array([keypoint_colour(k, len(heat)) for k in range(len(heat))], dtype=np.float32)
    mixed = np.tensordot(weight / weight.sum(axis=0), colours, axes=(0, 0))
    return _blend(canvas, mixed, 0.85 * heat.max(axis=0)[..., None])


def _enlarged(field: np.ndarray, stride: int, zoom: int, size: tuple[int, int]) -> np.ndarray:
    """An (h, w) map in the pixels of a picture that is the network input enlarged by ``zoom``."""
    scale = float(cells_to_pixels(1.0, stride)) * zoom  # picture pixels per cell
    shift = (zoom - 1) / 2  # where input pixel 0 lies
    matrix = np.array([[scale, 0, shift], [0, scale, shift]])
    field = np.ascontiguousarray(field, dtype=np.float32)
    return cv2.warpAffine(field, matrix, size[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _blend(canvas: np.ndarray, colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return np.round(canvas * (1 - alpha) + colours * alpha).astype(np.uint8)


def _placed(points: np.ndarray, zoom: int) -> np.ndarray:
    """Picture pixels of (M, 2) input pixels."""
    return points * zoom + (zoom - 1) / 2


def _arrow(canvas: np.ndarray, start: np.ndarray, end: np.ndarray, colour: Colour, zoom: int) -> None:
    """An arrow with a head of constant size, black at its rim."""
    length = float(np.linalg.norm(end - start))
    if not 1 < length < 20_000:
        return
    forward = (end - start) / length
    size = min(5.0 * zoom, 0.5 * length)
    neck = end - forward * size
    aside = np.array([-forward[1], forward[0]]) * 0.45 * size
    tip = np.array([_fixed(p) for p in (end, neck + aside, neck - aside)], dtype=np.int32)
    for shade, thickness in ((_BLACK, zoom + 2), (colour, zoom)):
        cv2.line(canvas, _fixed(start), _fixed(neck), shade, thickness, cv2.LINE_AA, _SHIFT)
    cv2.fillConvexPoly(canvas, tip, colour, cv2.LINE_AA, _SHIFT)
    cv2.polylines(canvas, [tip], True, _BLACK, 1, cv2.LINE_AA, _SHIFT)


def _number(canvas: np.ndarray, value: int, point: np.ndarray) -> None:
    """A small number centred on a point in picture pixels."""
    text, size = str(value), 0.4 if value < 10 else 0.34
    (w, h), _ = cv2.getTextSize(text, _FONT, size, 1)
    x, y = np.clip(point, -20_000, 20_000)
    shade = _BLACK if value < 10 else _WHITE
    cv2.putText(canvas, text, (round(float(x) - w / 2), round(float(y) + h / 2)), _FONT, size, shade, 1, cv2.LINE_AA)


def _fixed(point: np.ndarray) -> tuple[int, int]:
    """x, y in cv2's fixed-point pixels; far outliers are cut off at what cv2 can take."""
    x, y = np.clip(point[:2], -20_000, 20_000)
    return round(float(x) * 2**_SHIFT), round(float(y) * 2**_SHIFT)
