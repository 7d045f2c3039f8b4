"""The pyramid: features of all strides, from coarse to fine, in one map at the finest stride.

Source: T.-Y. Lin et al., "Feature Pyramid Networks for Object Detection", 2017, with separable convolutions where
the maps are large.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

from strongpose.network.depthwise import DepthwiseConv
from strongpose.network.norm import Norm

__all__ = ["Pyramid"]


class _Conv(nn.Module):
    """Convolution, norm and ReLU."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__()
        self.conv, self.norm = _conv(inputs, outputs, size), Norm(outputs, "trained")

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.norm(self.conv(x)))


class _Separable(nn.Module):
    """Residual unit: depthwise 5×5 and 1×1 convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise, self.depthwise_norm = DepthwiseConv(width, 5), Norm(width, "trained")
        self.pointwise, self.pointwise_norm = _conv(width, width, 1), Norm(width, "trained")

    def forward(self, x: Tensor) -> Tensor:
        y = relu(self.depthwise_norm(self.depthwise(x)))
        return relu(x + self.pointwise_norm(self.pointwise(y)))


class Pyramid(nn.Module):
    """Adds what coarse features know to fine ones, and mixes the sum.

    Coarse features see whole people who fill the photo, fine ones tell where exactly a keypoint is. Every level is
    brought to the same width by a 1×1 convolution; from the coarsest on, the sum is convolved (3×3; at strides below
    16 separably, which is cheaper on large maps) and enlarged bilinearly with its corners aligned, so that cell i
    stays on pixel stride·i. The batch norms are trained.

    Args:
        channels: of the levels, finest first, each of twice the stride of the one before.
        stride: pixels per cell of the finest level.
        width: channels of the result.
        units: separable units at the finest level, behind the last sum.
    """

    def __init__(self, channels: Sequence[int], stride: int, width: int, units: int = 3) -> None:
        super().__init__()
        strides = [stride * 2**i for i in range(len(channels))]
        self.laterals = nn.ModuleList(_lateral(inputs, width) for inputs in channels)
        self.levels = nn.ModuleList(_Conv(width, width, 3) if s >= 16 else _Separable(width) for s in strides[1:])
        self.units = nn.Sequential(*(_Separable(width) for _ in range(units)))

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """The mixed features, (B, width, n, m).

        Args:
            features: (B, C, n, m) of each level, finest first; n is one less than twice that of the next level.
        """
        sums = [lateral(x) for lateral, x in zip(self.laterals, features, strict=True)]
        x = sums[-1]
        for finer, level in zip(sums[-2::-1], reversed(self.levels), strict=True):
            x = finer + interpolate(level(relu(x)), size=finer.shape[-2:], mode="bilinear", align_corners=True)
        return self.units(relu(x))


def _lateral(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(_conv(inputs, width, 1), Norm(width, "trained"))


def _conv(inputs: int, outputs: int, size: int) -> nn.Conv2d:
    conv = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    return conv
