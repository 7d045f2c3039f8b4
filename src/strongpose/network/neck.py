"""The neck: two 3×3 convolutions between backbone and heads."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["neck"]


def neck(channels: int, width: int, dilation: int = 1) -> nn.Sequential:
    """Two 3×3 convolutions, the second twice as dilated: they adapt the features and widen the view.

    Args:
        channels: of the features.
        width: channels behind each convolution.
        dilation: of the first.
    """
    return nn.Sequential(_conv(channels, width, dilation), nn.ReLU(), _conv(width, width, 2 * dilation), nn.ReLU())


def _conv(inputs: int, outputs: int, dilation: int) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    layer.bias = nn.Parameter(torch.zeros(outputs))
    return layer
