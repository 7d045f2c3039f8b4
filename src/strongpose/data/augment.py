"""Augmentation: one affine warp for scale, rotation, shift, flip, aspect and crop, then colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from strongpose.annotations.segmentation import Region
from strongpose.data.coco import PhotoRecord
from strongpose.fields import cell_count, pixels_to_cells
from strongpose.images import PADDING
from strongpose.skeleton import Skeleton

__all__ = ["Augmentation", "Sample", "augment"]


@dataclass(frozen=True)
class Augmentation:
    """How training crops differ from the photos.

    Attributes:
        scale: least and greatest size of the photo's long side, in crop sides (log-uniform).
        rotation: greatest angle either way, in degrees.
        aspect: greatest stretch of one axis against the other (log-uniform).
        shift: how far from a person's centre the crop's centre may lie, in crop sides.
        flip: probability of a mirrored crop.
        colour: strength of brightness, contrast and saturation changes, 0 for none.
        grey: probability of a grey crop.
    """

    scale: tuple[float, float] = (0.8, 2.2)
    rotation: float = 25.0
    aspect: float = 1.15
    shift: float = 0.3
    flip: float = 0.5
    colour: float = 0.3
    grey: float = 0.05


class Sample(NamedTuple):
    """One training example.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        keypoints: (N, K, 3) float32; x, y in crop pixels, label > 0 where annotated and inside the crop.
        valid: (h, w) bool, False on cells in ignore regions.
        silhouettes: (h, w) bool, bodies known from segmentation.
        has_silhouette: (N,) bool, people who are in ``silhouettes``.
    """

    image: np.ndarray
    keypoints: np.ndarray
    valid: np.ndarray
    silhouettes: np.ndarray
    has_silhouette: np.ndarray


def augment(
    photo: np.ndarray,
    record: PhotoRecord,
    side: int,
    stride: int,
    skeleton: Skeleton,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> Sample:
    """A random crop of a photo with everything that is known about it.

    Args:
        photo: (H, W, 3) uint8 RGB.
        record: its annotations, in the pixels of the size that the record states.
        side: S, pixels of the square crop.
        stride: pixels per cell of the masks.
        skeleton: gives the mirror pairs.
        augmentation: ranges to draw from.
        rng: source of every random choice.
    """
    height, width = photo.shape[:2]
    keypoints = record.keypoints.copy()
    to_photo = np.array([width / record.width, height / record.height], dtype=np.float32)
    keypoints[..., :2] *= to_photo
    flipped = rng.random() < augmentation.flip
    matrix = _warp(keypoints, (width, height), side, flipped, augmentation, rng)

    shrink = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if shrink < 0.5:  # a bilinear warp alone would alias
        photo = cv2.blur(photo, (round(1 / shrink),) * 2)
    image = cv2.warpAffine(photo, matrix, (side, side), flags=cv2.INTER_LINEAR, borderValue=PADDING)

    keypoints[..., :2] = keypoints[..., :2] @ matrix[:, :2].T + matrix[:, 2]
    inside = ((keypoints[..., :2] >= 0) & (keypoints[..., :2] <= side - 1)).all(-1)
    keypoints[..., 2] *= inside
    if flipped:
        keypoints = keypoints[:, list(skeleton.flip_order)]

    region_matrix = matrix @ np.diag([*to_photo, 1.0])
    cells = cell_count(side, stride)
    ignored = _rasterise(record.ignore, region_matrix, cells, stride)
    known = [region for region in record.silhouettes if region is not None]
    present = keypoints[..., 2].any(-1)
    return Sample(
        image=_colour(image, augmentation, rng),
        keypoints=keypoints[present].astype(np.float32),
        valid=~ignored,
        silhouettes=_rasterise(known, region_matrix, cells, stride),
        has_silhouette=np.array([region is not None for region in record.silhouettes], dtype=bool)[present],
    )


def _warp(
    keypoints: np.ndarray,
    size: tuple[int, int],
    side: int,
    flipped: bool,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> np.ndarray:
    """(2, 3) matrix from photo pixels to crop pixels."""
    low, high = np.log(augmentation.scale)
    scale = np.exp(rng.uniform(low, high)) * side / max(size)
    stretch = np.exp(rng.uniform(-1, 1) * np.log(augmentation.aspect) / 2)
    angle = np.deg2rad(augmentation.rotation) * np.clip(rng.normal(0, 0.5), -1, 1)
    shape = np.diag([-1.0 if flipped else 1.0, 1.0]) @ np.diag([scale * stretch, scale / stretch])
    cos, sin = np.cos(angle), np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]]) @ shape

    centre = (np.array(size, dtype=np.float64) - 1) / 2
    if len(keypoints):
        person = keypoints[rng.integers(len(keypoints))]
        centre = person[person[:, 2] > 0, :2].mean(0)
    target = np.full(2, (side - 1) / 2) + rng.uniform(-1, 1, 2) * augmentation.shift * side
    target = np.clip(target, 0, side - 1)
    return np.concatenate([linear, (target - linear @ centre)[:, None]], axis=1)


def _rasterise(regions: tuple[Region, ...] | list[Region], matrix: np.ndarray, cells: int, stride: int) -> np.ndarray:
    """(cells, cells) bool: cells inside the regions, which ``matrix`` takes from photo pixels to crop pixels."""
    to_cells = pixels_to_cells(matrix, stride)
    canvas = np.zeros((cells, cells), dtype=np.uint8)
    fraction_bits = 4
    for region in regions:
        for polygon in region.polygons:
            corners = (polygon @ to_cells[:, :2].T + to_cells[:, 2]) * 2**fraction_bits
            cv2.fillPoly(canvas, [np.round(corners).astype(np.int32)], 1, shift=fraction_bits)
        if region.mask is not None:
            mask = cv2.warpAffine(region.mask, to_cells, (cells, cells), flags=cv2.INTER_NEAREST)
            canvas |= mask.astype(np.uint8)
    return canvas.astype(bool)


def _colour(image: np.ndarray, augmentation: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Brightness, contrast and saturation as one affine map of the RGB values."""
    brightness, contrast, saturation = 1 + augmentation.colour * rng.uniform(-1, 1, 3)
    if rng.random() < augmentation.grey:
        saturation = 0.0
    luma = np.tile(np.array([0.299, 0.587, 0.114]), (3, 1))
    mix = contrast * (saturation * np.eye(3) + (1 - saturation) * luma)
    bias = 127.0 * (brightness - 1) + 127.0 * (1 - contrast)
    return cv2.transform(image, np.concatenate([mix, np.full((3, 1), bias)], axis=1))
