"""Pictures of poses and fields, drawn over the photo."""

from __future__ import annotations

import colorsys

import cv2
import numpy as np

from strongpose.fields import Fields, cells_to_pixels
from strongpose.images import FittedImage
from strongpose.poses import Pose, Poses
from strongpose.skeleton import Skeleton

__all__ = ["draw_body", "draw_displacements", "draw_heatmaps", "draw_offsets", "draw_poses"]

Colour = tuple[int, int, int]

# Hues that stay apart on photos and for most colour-blind eyes; one per person, in turn.
_PEOPLE: tuple[Colour, ...] = (
    (255, 159, 28),
    (46, 196, 255),
    (255, 77, 109),
    (128, 237, 93),
    (199, 125, 255),
    (255, 226, 84),
    (0, 214, 170),
    (255, 140, 220),
    (120, 150, 255),
    (210, 160, 110),
)
_OUTLINE: Colour = (20, 20, 24)
_SHIFT = 4  # cv2 takes coordinates in 1/16 pixels
_FIELD_SIDE = 960  # least long side of field pictures in pixels


def draw_poses(image: np.ndarray, poses: Poses, threshold: float = 0.1) -> np.ndarray:
    """A copy of the photo with every pose drawn on it, one colour per person, right side darker.

    Args:
        image: (H, W, 3) uint8 RGB.
        poses: in pixels of ``image``; the surest is drawn on top.
        threshold: keypoints with a lower score, and limbs that end in one, are not drawn.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    canvas = image.copy()
    for i in np.argsort(poses.scores, kind="stable"):
        _draw_person(canvas, poses[i], _PEOPLE[i % len(_PEOPLE)], threshold)
    return canvas


def draw_heatmaps(fields: Fields, fitted: FittedImage) -> np.ndarray:
    """The strong keypoint heat maps over the photo, one hue per keypoint type (SP Fig. 3).

    Args:
        fields: of the network input ``fitted``.
        fitted: the photo as the network saw it.

    Returns:
        (h, w, 3) uint8 RGB, the photo without padding, enlarged to at least 960 pixels.
    """
    canvas, zoom = _backdrop(fitted)
    heat = np.stack([_enlarged(m, fields.stride, zoom, canvas.shape[:2]) for m in fields.heatmaps])
    heat = np.clip(heat, 0, 1)
    weight = heat**4 + 1e-9  # the strongest type decides, with soft borders
    colours = np.array([_hue(k, len(heat)) for k in range(len(heat))], dtype=np.float32)
    mixed = np.tensordot(weight / weight.sum(axis=0), colours, axes=(0, 0))
    return _blend(canvas, mixed, 0.8 * heat.max(axis=0)[..., None])


def draw_offsets(fields: Fields, fitted: FittedImage, threshold: float = 0.3) -> np.ndarray:
    """The short offsets: from every cell that is warm enough, a line to where it points (SP Fig. 4).

    Args:
        fields: of the network input ``fitted``.
        fitted: the photo as the network saw it.
        threshold: cells with a lower heat are left out.

    Returns:
        (h, w, 3) uint8 RGB, the photo without padding, enlarged to at least 960 pixels.
    """
    canvas, zoom = _backdrop(fitted)
    for k in range(len(fields.heatmaps)):
        colour = _hue(k, len(fields.heatmaps))
        start, vectors = _vectors(fields.heatmaps[k], fields.offsets[k], fields.stride, threshold)
        _lines(canvas, start, start + vectors, zoom, colour)
    return canvas


def draw_displacements(fields: Fields, fitted: FittedImage, threshold: float = 0.3) -> np.ndarray:
    """The relative displacements along the limbs: from each warm cell of one end to the other (SP Fig. 4).

    Of the two directions of an edge, the one in which the skeleton lists it is drawn.

    Args:
        fields: of the network input ``fitted``.
        fitted: the photo as the network saw it.
        threshold: cells with a lower heat are left out.

    Returns:
        (h, w, 3) uint8 RGB, the photo without padding, enlarged to at least 960 pixels.
    """
    canvas, zoom = _backdrop(fitted)
    limbs = {frozenset(limb) for limb in fields.skeleton.limbs}
    lines = canvas.copy()
    for c, (tail, head) in enumerate(fields.skeleton.edges):
        if frozenset((tail, head)) in limbs:
            start, vectors = _vectors(fields.heatmaps[tail], fields.displacements[c], fields.stride, threshold)
            _lines(lines, start, start + vectors, zoom, _hue(head, len(fields.heatmaps)))
    return cv2.addWeighted(lines, 0.75, canvas, 0.25, 0)


def draw_body(fields: Fields, fitted: FittedImage) -> np.ndarray:
    """The body heat map over the photo, with the outline at one half (SP Fig. 1).

    Args:
        fields: of the network input ``fitted``.
        fitted: the photo as the network saw it.

    Returns:
        (h, w, 3) uint8 RGB, the photo without padding, enlarged to at least 960 pixels.
    """
    canvas, zoom = _backdrop(fitted)
    heat = np.clip(_enlarged(fields.body, fields.stride, zoom, canvas.shape[:2]), 0, 1)
    colours = cv2.applyColorMap(np.round(heat * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    picture = _blend(canvas, colours.astype(np.float32), 0.75 * heat[..., None])
    outlines, _ = cv2.findContours((heat > 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(picture, outlines, -1, (255, 255, 255), 1, cv2.LINE_AA)


def _draw_person(canvas: np.ndarray, pose: Pose, colour: Colour, threshold: float) -> None:
    points = pose.keypoints
    seen = points[:, 2] >= threshold
    if not seen.any():
        return
    width = _line_width(points[seen, :2], canvas.shape)
    limbs = [(a, b) for a, b in pose.skeleton.limbs if seen[a] and seen[b]]
    sides = _sides(pose.skeleton)
    edge = max(1, round(width * 0.3))
    for outline in (True, False):
        for a, b in limbs:
            shade = _OUTLINE if outline else _shade(colour, sides[a] or sides[b])
            thickness = width + 2 * edge if outline else width
            cv2.line(canvas, _fixed(points[a]), _fixed(points[b]), shade, thickness, cv2.LINE_AA, _SHIFT)
    for k in np.flatnonzero(seen):
        radius = 0.9 * width + edge
        for grow, shade in (
            (edge, _OUTLINE),
            (0, (255, 255, 255)),
            (-max(1.0, 0.45 * width), _shade(colour, sides[k])),
        ):
            if radius + grow > 0.5:
                fixed_radius = round((radius + grow) * 2**_SHIFT)
                cv2.circle(canvas, _fixed(points[k]), fixed_radius, shade, -1, cv2.LINE_AA, _SHIFT)


def _line_width(points: np.ndarray, shape: tuple[int, ...]) -> int:
    """Pixels: grows with the person, within what suits the picture."""
    extent = float(np.linalg.norm(np.ptp(points, axis=0)))
    long_side = max(shape[:2])
    return max(2, round(min(max(0.014 * extent, long_side / 500), long_side / 160)))


def _sides(skeleton: Skeleton) -> list[int]:
    """-1 for the first (left) keypoint of a mirror pair, 1 for the second (right), else 0."""
    sides = [0] * skeleton.num_keypoints
    for left, right in skeleton.flip_pairs:
        sides[left], sides[right] = -1, 1
    return sides


def _shade(colour: Colour, side: int) -> Colour:
    """The colour itself, or darker on the right side."""
    factor = 0.68 if side > 0 else 1.0
    return int(colour[0] * factor), int(colour[1] * factor), int(colour[2] * factor)


def _hue(k: int, count: int) -> Colour:
    """One of ``count`` hues; neighbours in number are far apart in hue."""
    step = next(s for s in range(max(1, round(count * 0.38)), count + 2) if np.gcd(s, count) == 1)
    r, g, b = colorsys.hsv_to_rgb((k * step % count) / count, 0.85, 1.0)
    return round(r * 255), round(g * 255), round(b * 255)


def _backdrop(fitted: FittedImage) -> tuple[np.ndarray, int]:
    """The photo without padding, grey and dimmed, enlarged by a whole factor; and that factor."""
    h, w = fitted.scaled_size
    zoom = max(1, -(-_FIELD_SIDE // max(h, w)))
    grey = cv2.cvtColor(fitted.pixels[:h, :w], cv2.COLOR_RGB2GRAY)
    grey = cv2.resize(grey, (w * zoom, h * zoom), interpolation=cv2.INTER_CUBIC)
    return cv2.cvtColor(cv2.convertScaleAbs(grey, alpha=0.6), cv2.COLOR_GRAY2RGB), zoom


def _enlarged(field: np.ndarray, stride: int, zoom: int, size: tuple[int, int]) -> np.ndarray:
    """An (h, w) map in the pixels of a picture that is the network input enlarged by ``zoom``."""
    scale = float(cells_to_pixels(1.0, stride)) * zoom  # picture pixels per cell
    shift = (zoom - 1) / 2  # where input pixel 0 lies
    matrix = np.array([[scale, 0, shift], [0, scale, shift]])
    field = np.ascontiguousarray(field, dtype=np.float32)
    return cv2.warpAffine(field, matrix, size[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _blend(canvas: np.ndarray, colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return np.round(canvas * (1 - alpha) + colours * alpha).astype(np.uint8)


def _vectors(heat: np.ndarray, vectors: np.ndarray, stride: int, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """(M, 2) input pixels of the warm cells and (M, 2) the vectors there."""
    rows, columns = np.nonzero(heat >= threshold)
    start = cells_to_pixels(np.stack([columns, rows], axis=1).astype(np.float32), stride)
    return start, vectors[:, rows, columns].T


def _lines(canvas: np.ndarray, start: np.ndarray, end: np.ndarray, zoom: int, colour: Colour) -> None:
    """Lines between (M, 2) points in input pixels, each with a dot at its end."""
    shift = (zoom - 1) / 2
    start, end = start * zoom + shift, end * zoom + shift
    for a, b in zip(start, end, strict=True):
        cv2.line(canvas, _fixed(a), _fixed(b), colour, max(1, zoom - 1), cv2.LINE_AA, _SHIFT)
    for b in end:
        cv2.circle(canvas, _fixed(b), 2 << _SHIFT, (255, 255, 255), -1, cv2.LINE_AA, _SHIFT)


def _fixed(point: np.ndarray) -> tuple[int, int]:
    """x, y in cv2's fixed-point pixels; far outliers are cut off at what cv2 can take."""
    x, y = np.clip(point[:2], -20_000, 20_000)
    return round(float(x) * 2**_SHIFT), round(float(y) * 2**_SHIFT)
