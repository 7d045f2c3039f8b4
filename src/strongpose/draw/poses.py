"""Pictures of people: poses and body regions, drawn over the photo."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from strongpose.decode.body import BodyRegions
from strongpose.poses import Pose, Poses
from strongpose.skeleton import Skeleton

__all__ = ["draw_bodies", "draw_poses"]

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
_TINT = 0.4  # opacity of body regions


def draw_poses(
    image: np.ndarray,
    poses: Poses,
    threshold: float = 0.1,
    ids: Sequence[int] | np.ndarray | None = None,
    labels: Sequence[str] | None = None,
) -> np.ndarray:
    """A copy of the photo with every pose drawn on it, one colour per person, right side darker.

    Args:
        image: (H, W, 3) uint8 RGB.
        poses: in pixels of ``image``; the surest is drawn on top.
        threshold: keypoints with a lower score, and limbs that end in one, are not drawn.
        ids: N numbers that colours go by, for people tracked in a video; left out, the order of the poses.
        labels: N texts to write above the people; of letters that ASCII has.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    canvas = image.copy()
    colours = [_PEOPLE[int(i) % len(_PEOPLE)] for i in (range(len(poses)) if ids is None else ids)]
    for i in np.argsort(poses.scores, kind="stable"):
        _draw_person(canvas, poses[i], colours[i], threshold)
    for person, colour, label in zip(poses, colours, labels or (), strict=False):
        _write(canvas, label, person.box, colour)
    return canvas


def draw_bodies(image: np.ndarray, regions: BodyRegions) -> np.ndarray:
    """A copy of the photo with every body region tinted and outlined, in the colours of `draw_poses`.

    Args:
        image: (H, W, 3) uint8 RGB.
        regions: in pixels of ``image``, in the order of the poses.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    colours = np.array([_PEOPLE[i % len(_PEOPLE)] for i in range(len(regions))], dtype=np.uint8).reshape(-1, 3)
    canvas = image.copy()
    somebody = regions.instance_map >= 0
    tint = colours[regions.instance_map[somebody]]
    canvas[somebody] = np.round(image[somebody] * (1 - _TINT) + tint * _TINT).astype(np.uint8)
    width = max(1, round(max(image.shape[:2]) / 500))
    for (x, y, w, h), i in zip(regions.bboxes, range(len(regions)), strict=True):
        mask = (regions.instance_map[y : y + h, x : x + w] == i).astype(np.uint8)
        outlines, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE, offset=(int(x), int(y)))
        cv2.drawContours(canvas, outlines, -1, colours[i].tolist(), width, cv2.LINE_AA)
    return canvas


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


def _write(canvas: np.ndarray, text: str, box: np.ndarray, colour: Colour) -> None:
    """Text on a dark ground above a box, within the picture."""
    scale = max(canvas.shape[:2]) / 2000 + 0.1
    (width, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    x = int(np.clip((box[0] + box[2] - width) / 2, 0, max(0, canvas.shape[1] - width)))
    y = int(np.clip(box[1] - 2 * height, height + 1, canvas.shape[0] - below - 1))
    cv2.rectangle(canvas, (x - 2, y - height - 2), (x + width + 2, y + below), _OUTLINE, -1)
    cv2.putText(canvas, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)


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


def _fixed(point: np.ndarray) -> tuple[int, int]:
    """x, y in cv2's fixed-point pixels; far outliers are cut off at what cv2 can take."""
    x, y = np.clip(point[:2], -20_000, 20_000)
    return round(float(x) * 2**_SHIFT), round(float(y) * 2**_SHIFT)
