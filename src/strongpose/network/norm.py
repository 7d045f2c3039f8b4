"""Batch normalisation that can keep its statistics, or all of itself, as loaded."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

__all__ = ["Norm", "NormMode"]

NormMode = Literal["frozen", "fixed", "trained"]

_MOMENTUM = 0.1


class Norm(nn.Module):
    """Batch normalisation whose statistics stay as loaded unless ``mode`` is "trained".

    Args:
        channels: of the input (B, C, H, W).
        mode: "frozen": neither statistics nor scale and shift change; "fixed": scale and shift are
            trained, the statistics stay (SP §IV-B); "trained": ordinary batch normalisation.
        eps: what is added to the variance.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, mode: NormMode, eps: float = 1e-5) -> None:
        super().__init__()
        self.mode, self.eps = mode, eps
        self.weight = nn.Parameter(torch.ones(channels), requires_grad=mode != "frozen")
        self.bias = nn.Parameter(torch.zeros(channels), requires_grad=mode != "frozen")
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def freeze(self) -> None:
        """From now on, change nothing."""
        self.mode = "frozen"
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """The normalised (B, C, H, W) input."""
        training = self.training and self.mode == "trained"
        return batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, training, _MOMENTUM, self.eps)
