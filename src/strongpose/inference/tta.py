"""Flip augmentation: the mean of the fields of a photo and of its mirror image."""

from __future__ import annotations

import numpy as np

from strongpose.fields import Fields

__all__ = ["flip_average"]

_LEAST = np.float32(1e-9)  # weight of a cell without heat: vectors are defined everywhere


def flip_average(straight: Fields, mirrored: Fields) -> Fields:
    """The mean of the fields of a photo and those of its mirror image, mirrored back (`Fields.mirrored`).

    Heat is averaged as it is. A vector is weighted by the heat of the keypoint that its cell must be near (the tail
    of a displacement), so that it does not count where the keypoint is not seen.

    Args:
        straight: of the photo.
        mirrored: of its mirror image, in the same frame.
    """
    k = straight.skeleton.num_keypoints
    tails = np.concatenate([np.arange(k), straight.skeleton.directed_edges[:, 0]])  # of offsets, then displacements
    weights = [fields.heatmaps[tails][:, None] + _LEAST for fields in (straight, mirrored)]
    moments = [
        np.concatenate([fields.offsets, fields.displacements]) * weight
        for fields, weight in zip((straight, mirrored), weights, strict=True)
    ]
    vectors = (moments[0] + moments[1]) / (weights[0] + weights[1])
    heatmaps, body = (straight.heatmaps + mirrored.heatmaps) / 2, (straight.body + mirrored.body) / 2
    return Fields(heatmaps, vectors[:k], vectors[k:], body, straight.stride, straight.skeleton)
