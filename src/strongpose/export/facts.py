"""What an exported model says about itself, as far as somebody chooses it (imports no torch)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LICENCE", "ModelFacts"]

LICENCE = "Apache-2.0"
"""SPDX identifier of the licence, where nothing is said."""


@dataclass(frozen=True)
class ModelFacts:
    """What a model shall say about itself; None is what the model that it is made of says, or the default above.

    Attributes:
        size: recommended long side of photos in pixels.
        disk_radius: R in pixels, the radius of the disks that the network was trained with.
        filter_sigma: of `strongpose.decode.DecodeOptions`, in cells; the decoder's, where nothing is said.
        body_weight: likewise, how much the body heat map tells about a keypoint's score.
        threshold: recommended score (0-1) below which people are left out.
        licence: what others may do with the model, as an SPDX identifier.
        card: what else users should know, or where it is written.
    """

    size: int | None = None
    disk_radius: float | None = None
    filter_sigma: float | None = None
    body_weight: float | None = None
    threshold: float | None = None
    licence: str | None = None
    card: str | None = None
