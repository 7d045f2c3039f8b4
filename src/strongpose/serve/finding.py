"""One photo through the estimator, with the time of each step."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from strongpose.fields import Fields
from strongpose.images import FittedImage
from strongpose.inference import StrongPose
from strongpose.poses import Poses
from strongpose.serve.limits import Limits, open_upload

__all__ = ["Found", "find_people"]


@dataclass(frozen=True, eq=False)
class Found:
    """What was found in one photo.

    Attributes:
        photo: (H, W, 3) uint8 RGB.
        poses: in photo pixels, best first.
        fields: the maps of the largest size.
        fitted: the photo as the network saw it there.
        seconds: of the steps read, network and decode.
    """

    photo: np.ndarray
    poses: Poses
    fields: Fields
    fitted: FittedImage
    seconds: dict[str, float]


def find_people(estimator: StrongPose, data: bytes, limits: Limits) -> Found:
    """Find the people in a photo that came over the network.

    Args:
        estimator: finds them.
        data: of a JPEG, PNG or WebP file.
        limits: on pixels and frames.

    Raises:
        RefusedError: if the photo is too large, no photo, or damaged.
    """
    start = time.perf_counter()
    photo = open_upload(data, limits)
    inputs = estimator.inputs(photo)
    opened = time.perf_counter()
    views = estimator.views(inputs)
    looked = time.perf_counter()
    poses = estimator.poses(views)
    decoded = time.perf_counter()
    seconds = {"read": opened - start, "network": looked - opened, "decode": decoded - looked}
    return Found(photo, poses, views[-1].fields, views[-1].fitted, seconds)
