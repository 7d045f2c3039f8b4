"""Prediction: what the network says about a photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strongpose.fields import Fields
from strongpose.images import FittedImage

__all__ = ["Prediction"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the network predicts for a photo, from which `StrongPose.decode` makes the poses.

    Attributes:
        photo: (H, W, 3) uint8 RGB.
        fitted: the network's input, in whose frame the fields are.
        fields: all maps.
    """

    photo: np.ndarray
    fitted: FittedImage
    fields: Fields
