"""The neck: two 3×3 convolutions between backbone and heads, whole or of low rank."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["LowRankConv", "factors", "neck"]


class LowRankConv(nn.Module):
    """A 3×3 convolution through fewer channels: 3×3 to ``rank``, then 1×1 to ``outputs``.

    It does what a whole 3×3 convolution whose weights, as a matrix (outputs, 9·inputs), have that rank would do, at
    about rank / outputs of the cost.

    Args:
        inputs, outputs: channels.
        rank: channels between the two.
        dilation: of the 3×3 convolution.
    """

    def __init__(self, inputs: int, outputs: int, rank: int, dilation: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(inputs, rank, 3, padding=dilation, dilation=dilation, bias=False)
        self.widen = nn.Conv2d(rank, outputs, 1)
        nn.init.kaiming_normal_(self.narrow.weight, nonlinearity="linear")
        nn.init.kaiming_normal_(self.widen.weight, nonlinearity="relu")
        nn.init.zeros_(self.widen.bias) if self.widen.bias is not None else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, outputs, h, w) of (B, inputs, h, w)."""
        return self.widen(self.narrow(x))


def neck(channels: int, width: int, rank: int = 0, dilation: int = 1) -> nn.Sequential:
    """Two 3×3 convolutions, the second twice as dilated: they adapt the features and widen the view.

    Args:
        channels: of the features.
        width: channels behind each convolution.
        rank: of `LowRankConv`; 0 for whole convolutions.
        dilation: of the first.
    """
    return nn.Sequential(
        _conv(channels, width, rank, dilation), nn.ReLU(), _conv(width, width, rank, 2 * dilation), nn.ReLU()
    )


def _conv(inputs: int, outputs: int, rank: int, dilation: int) -> nn.Module:
    if rank:
        return LowRankConv(inputs, outputs, rank, dilation)
    layer = nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    layer.bias = nn.Parameter(torch.zeros(outputs))
    return layer


def factors(weight: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """The nearest of low rank to a 3×3 convolution, by singular values, shared evenly between the two.

    Args:
        weight: (O, C, 3, 3).
        rank: R; of a matrix (O, 9·C).

    Returns:
        (R, C, 3, 3) and (O, R, 1, 1), the weights of `LowRankConv`.
    """
    left, values, right = torch.linalg.svd(weight.float().flatten(1), full_matrices=False)
    root = values[:rank].sqrt()
    narrow = (root[:, None] * right[:rank]).reshape(-1, *weight.shape[1:])
    return narrow, (left[:, :rank] * root)[..., None, None]
