"""Ways to say which pixels each found person covers, for `body_regions.py` to compare: (N, H, W) masks each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
import torch
from silhouettes import Silhouettes

from strongpose import Poses
from strongpose.decode.body import body_regions
from strongpose.encode.drawn_body import body_targets
from strongpose.fields import Fields
from strongpose.images import FittedImage

__all__ = ["Found", "Kind", "body_map", "drawn_bodies", "keypoint_boxes", "regions", "true_assignment", "true_map"]

SURE = 0.1  # score from which a keypoint counts, as in body regions
ON = 0.5  # body heat from which a pixel is somebody's


class Found(NamedTuple):
    """What was found in a photo, and what is there.

    Attributes:
        fitted: the photo as the network saw it.
        fields: the network's.
        poses: of N people, in photo pixels.
        silhouettes: of the annotated people.
        matches: (N,) int, which of the measured people each pose resembles, -1 for none.
    """

    fitted: FittedImage
    fields: Fields
    poses: Poses
    silhouettes: Silhouettes
    matches: np.ndarray


Kind = Callable[[Found], np.ndarray]
"""(N, H, W) bool, the pixels of each pose's person."""


def regions(found: Found) -> np.ndarray:
    """What ``--bodies`` gives."""
    return _masks(body_regions(found.fields, found.poses, found.fitted).instance_map, len(found.poses))


def drawn_bodies(found: Found) -> np.ndarray:
    """Bodies drawn from the sure keypoints as training targets are; a pixel goes to the person of the highest score."""
    height, width = found.fitted.photo_size
    points = torch.from_numpy(found.poses.keypoints)[:, None]
    xs, ys = (torch.arange(side, dtype=torch.float32) for side in (width, height))
    bodies = body_targets(points[..., :2], points[..., 2] >= SURE, xs, ys, found.poses.skeleton).numpy()
    owners = np.full((height, width), -1)
    for i in np.argsort(found.poses.scores, kind="stable"):
        owners[bodies[i]] = i
    return _masks(owners, len(bodies))


def keypoint_boxes(found: Found, width: float = 0.0) -> np.ndarray:
    """The boxes of the keypoints, filled, each side moved out by a share of the person's scale; they may overlap."""
    boxes = found.poses.boxes
    extent = boxes[:, 2:] - boxes[:, :2]
    scale = np.maximum(np.sqrt(extent.prod(axis=1)), 0.5 * extent.max(axis=1, initial=0))[:, None]
    low, high = boxes[:, :2] - width * scale, boxes[:, 2:] + width * scale
    rows, columns = (np.arange(side)[None] for side in found.fitted.photo_size)
    return ((rows >= low[:, 1:]) & (rows <= high[:, 1:]))[:, :, None] & (
        (columns >= low[:, :1]) & (columns <= high[:, :1])
    )[:, None, :]


def true_map(found: Found) -> np.ndarray:
    """Body regions with a perfect body heat map: the share of every cell's surroundings that silhouettes cover."""
    (height, width), sides = found.fitted.scaled_size, found.fitted.pixels.shape[:2]
    union = found.silhouettes.union.astype(np.float32)
    covered = np.zeros(sides, dtype=np.float32)
    covered[:height, :width] = cv2.resize(union, (width, height), interpolation=cv2.INTER_AREA)
    stride = _body_stride(found)
    body = cv2.blur(covered, (stride | 1, stride | 1))[::stride, ::stride]
    return regions(found._replace(fields=replace(found.fields, body=body)))


def true_assignment(found: Found) -> np.ndarray:
    """Body regions, but each pixel of the body map goes to the person whose silhouette covers it.

    It goes to nobody where no pose resembles that person. Pixels on no silhouette or off the map stay as they are.
    """
    masks = regions(found)
    certain = (body_map(found) >= ON) & found.silhouettes.union
    masks &= ~certain
    for mask, match in zip(masks, found.matches, strict=True):
        if match >= 0:
            mask |= certain & found.silhouettes.masks[match]
    return masks


def body_map(found: Found) -> np.ndarray:
    """(H, W) float32, the body heat map up-sampled bilinearly to photo pixels."""
    scale_x, scale_y = found.fitted.scale
    rows, columns = (np.arange(side, dtype=np.float64) for side in found.fitted.photo_size)
    x, y = (((columns + 0.5) * scale_x - 0.5), ((rows + 0.5) * scale_y - 0.5))
    x, y = np.meshgrid((x / _body_stride(found)).astype(np.float32), (y / _body_stride(found)).astype(np.float32))
    body = found.fields.body.astype(np.float32)
    return cv2.remap(body, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _body_stride(found: Found) -> int:
    """Input pixels per cell of the body heat map, by its shape."""
    return (found.fitted.pixels.shape[1] - 1) // (found.fields.body.shape[1] - 1)


def _masks(owners: np.ndarray, people: int) -> np.ndarray:
    """(N, H, W) bool of (H, W) int, who each pixel belongs to."""
    return owners == np.arange(people)[:, None, None]
