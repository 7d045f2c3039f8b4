"""The heads: one 1×1 convolution that turns features into all fields, up-sampled by pixel shuffle."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from strongpose.skeleton import Skeleton

__all__ = ["DISPLACEMENT_SCALE", "OFFSET_SCALE", "PRIOR", "Head", "Maps", "repeat_outputs", "shuffle"]

OFFSET_SCALE = 16.0
"""Pixels per unit of the offset output, about the radius of the heat map disks (SP §III-B), whatever that is."""

DISPLACEMENT_SCALE = 64.0
"""Pixels per unit of the displacement output, so that its loss is commensurate with the offsets'."""

PRIOR = 0.01
"""Probability that a new head gives to every heat map cell; disks are rare."""

_BODY_CHANNELS = 16


class Maps(NamedTuple):
    """What the network predicts for B images, all float32, cell i on pixel ``stride * i``.

    Attributes:
        heatmaps: (B, K, h, w) logits of the strong keypoint heat maps.
        offsets: (B, K, 2, h, w) x, y in pixels, relative to the cell's own position.
        displacements: (B, 2E, 2, h, w) x, y in pixels, relative to the cell's own position.
        body: (B, h, w) logits of the body heat map.
        middle: the same maps from the middle of the network; in training mode only, else None.
    """

    heatmaps: Tensor
    offsets: Tensor
    displacements: Tensor
    body: Tensor
    middle: Maps | None = None


def shuffle(x: Tensor, upsample: int) -> Tensor:
    """Sub-pixel up-sampling that keeps cell 0 on pixel 0 and the last coarse cell the last one.

    Args:
        x: (B, C·u², n, m). Channel c·u² + u·i + j holds what goes to row i and column j inside a
            coarse cell of output channel c.
        upsample: u.

    Returns:
        (B, C, u·(n − 1) + 1, u·(m − 1) + 1): the cells behind the last coarse cell are dropped.
    """
    if upsample == 1:
        return x
    rows, columns = x.shape[-2:]
    fine = nn.functional.pixel_shuffle(x, upsample)
    return fine[..., : upsample * (rows - 1) + 1, : upsample * (columns - 1) + 1]


def repeat_outputs(weight: Tensor, bias: Tensor, keypoints: int, stride: int, upsample: int) -> tuple[Tensor, Tensor]:
    """Parameters of a head with up-sampling that predicts what a head without it predicts.

    Every fine cell repeats its coarse cell; its vectors end where the coarse cell's end, so they are shorter
    by what the fine cell is already away from the coarse one.

    Args:
        weight: (O, C, 1, 1) of `Head.fields` without up-sampling.
        bias: (O,) likewise.
        keypoints: K.
        stride: pixels per coarse cell.
        upsample: u.

    Returns:
        (O·u², C, 1, 1) and (O·u²,), in the order that `shuffle` takes apart.
    """
    fine = bias[:, None, None].repeat(1, upsample, upsample)  # (O, u, u): row, column inside the coarse cell
    away = torch.arange(upsample, dtype=bias.dtype) * (stride / upsample)
    ends = len(bias) - _BODY_CHANNELS
    for first, last, unit in ((keypoints, 3 * keypoints, OFFSET_SCALE), (3 * keypoints, ends, DISPLACEMENT_SCALE)):
        fine[first:last:2] -= away / unit
        fine[first + 1 : last : 2] -= away[:, None] / unit
    return weight.repeat_interleave(upsample**2, dim=0), fine.flatten()


class Head(nn.Module):
    """Heat maps, offsets, displacements and the body heat map from (B, C, n, m) features.

    The first three are one 1×1 convolution (SP §IV-B). The body heat map is a small convolution over
    a projection of the features and the heat maps' probabilities (SP §III, Fig. 1). These are detached:
    the silhouette loss shall use the keypoints as they are, not blur them into silhouettes.

    Args:
        channels: C.
        skeleton: gives K and E.
        upsample: u; the fields have u·(n − 1) + 1 rows.
        dilation: of the body's convolutions.
    """

    def __init__(self, channels: int, skeleton: Skeleton, upsample: int, dilation: int = 1) -> None:
        super().__init__()
        self.upsample = upsample
        k, e = skeleton.num_keypoints, len(skeleton.edges)
        self.splits = [k, 2 * k, 4 * e, _BODY_CHANNELS]
        self.fields = nn.Conv2d(channels, sum(self.splits) * upsample**2, 1)
        self.body1 = nn.Conv2d(_BODY_CHANNELS + k, 2 * _BODY_CHANNELS, 3, padding=dilation, dilation=dilation)
        self.body2 = nn.Conv2d(2 * _BODY_CHANNELS, 1, 3, padding=dilation, dilation=dilation)
        nn.init.normal_(self.fields.weight, std=0.01)
        bias = torch.zeros(self.fields.out_channels)
        bias[: k * upsample**2] = math.log(PRIOR / (1 - PRIOR))
        self.fields.bias = nn.Parameter(bias)

    def train_body_only(self) -> None:
        """From now on, gradients reach what the body heat map is made of, and nothing else of the heads."""
        first = sum(self.splits[:-1]) * self.upsample**2

        def body_rows(gradient: Tensor) -> Tensor:
            return torch.cat([torch.zeros_like(gradient[:first]), gradient[first:]])

        for parameter in (self.fields.weight, self.fields.bias):
            assert parameter is not None
            parameter.register_hook(body_rows)

    def forward(self, features: Tensor) -> Maps:
        """The maps of (B, C, n, m) features, as `Maps` describes them; ``middle`` is None."""
        heatmaps, offsets, displacements, body = torch.split(
            shuffle(self.fields(features), self.upsample), self.splits, dim=1
        )
        body = nn.functional.relu(self.body1(torch.cat([body, heatmaps.detach().sigmoid()], dim=1)))
        return Maps(
            heatmaps=heatmaps.float(),
            offsets=offsets.float().unflatten(1, (-1, 2)) * OFFSET_SCALE,
            displacements=displacements.float().unflatten(1, (-1, 2)) * DISPLACEMENT_SCALE,
            body=self.body2(body).float().squeeze(1),
        )
