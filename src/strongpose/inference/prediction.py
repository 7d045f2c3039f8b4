"""Prediction: what the network says about a photo, at one size or several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from strongpose.fields import Fields
from strongpose.images import FittedImage

__all__ = ["Prediction", "View"]


class View(NamedTuple):
    """A photo as the network saw it at one size, and what it predicts there.

    Attributes:
        fitted: the network's input.
        fields: all maps, in the frame of ``fitted``.
    """

    fitted: FittedImage
    fields: Fields


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the network predicts for a photo, from which `StrongPose.poses` makes the poses.

    Attributes:
        photo: (H, W, 3) uint8 RGB.
        views: at every size, ascending.
    """

    photo: np.ndarray
    views: tuple[View, ...]

    @property
    def fitted(self) -> FittedImage:
        """The network's input of the largest size."""
        return self.views[-1].fitted

    @property
    def fields(self) -> Fields:
        """The maps of the largest size, in the frame of `fitted`."""
        return self.views[-1].fields
