"""Depthwise convolutions that train as fast as the CPU can."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["DepthwiseConv"]


class DepthwiseConv(nn.Conv2d):
    """A depthwise convolution, without bias, that computes in float32 on a CPU, whatever autocast says.

    In bfloat16 oneDNN takes up to five times as long for the gradients of 5×5 kernels and of strides, more than all
    the rest of a training step gains.

    Args:
        channels: of input and output.
        size: of the kernel.
        stride: in cells.
    """

    def __init__(self, channels: int, size: int, stride: int = 1) -> None:
        super().__init__(channels, channels, size, stride, padding=size // 2, groups=channels, bias=False)
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")

    def forward(self, input: Tensor) -> Tensor:
        """(B, channels, h, w) of (B, channels, H, W), in the input's type."""
        if input.device.type != "cpu" or input.dtype == torch.float32:
            return super().forward(input)
        with torch.autocast("cpu", enabled=False):
            return super().forward(input.float()).to(input.dtype)
