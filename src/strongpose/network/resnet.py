"""ResNet 50, 101 and 152 with classic (v1) or pre-activation (v2) units and atrous convolution.

Sources: K. He et al., "Deep Residual Learning for Image Recognition", 2016 (v1, with the stride in the
3×3 convolution); "Identity Mappings in Deep Residual Networks", 2016 (v2); SP §IV-B for the output
stride and the fixed batch-norm statistics.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from strongpose.network.norm import Norm, NormMode

__all__ = ["DEPTHS", "ResNet", "rename_torchvision"]

DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Units of stages 1 to 4, by depth."""


def _conv(inputs: int, outputs: int, size: int = 1, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    """Convolution without bias, padded on all sides so that output cell i lies on input cell stride·i."""
    conv = nn.Conv2d(inputs, outputs, size, stride, size // 2 * dilation, dilation, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv


class _ClassicUnit(nn.Module):
    """v1 bottleneck: convolution, norm, ReLU; ReLU after the sum."""

    def __init__(self, inputs: int, width: int, stride: int, dilation: int, norm: NormMode) -> None:
        super().__init__()
        self.conv1, self.norm1 = _conv(inputs, width), Norm(width, norm)
        self.conv2, self.norm2 = _conv(width, width, 3, stride, dilation), Norm(width, norm)
        self.conv3, self.norm3 = _conv(width, 4 * width), Norm(4 * width, norm)
        self.shortcut, self.shortcut_norm = None, None
        if inputs != 4 * width or stride > 1:
            self.shortcut, self.shortcut_norm = _conv(inputs, 4 * width, 1, stride), Norm(4 * width, norm)

    def forward(self, x: Tensor) -> Tensor:
        y = relu(self.norm1(self.conv1(x)))
        y = relu(self.norm2(self.conv2(y)))
        y = self.norm3(self.conv3(y))
        if self.shortcut is not None and self.shortcut_norm is not None:
            x = self.shortcut_norm(self.shortcut(x))
        return relu(x + y)


class _PreactivatedUnit(nn.Module):
    """v2 bottleneck: norm, ReLU, convolution; the first unit's shortcut reads the activated input."""

    def __init__(self, inputs: int, width: int, stride: int, dilation: int, norm: NormMode) -> None:
        super().__init__()
        self.norm1, self.conv1 = Norm(inputs, norm), _conv(inputs, width)
        self.norm2, self.conv2 = Norm(width, norm), _conv(width, width, 3, stride, dilation)
        self.norm3, self.conv3 = Norm(width, norm), _conv(width, 4 * width)
        self.shortcut = _conv(inputs, 4 * width, 1, stride) if inputs != 4 * width or stride > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        y = relu(self.norm1(x))
        if self.shortcut is not None:
            x = self.shortcut(y)
        y = relu(self.norm2(self.conv1(y)))
        y = relu(self.norm3(self.conv2(y)))
        return x + self.conv3(y)


class _Stem(nn.Module):
    """7×7/2 convolution, norm, ReLU and 3×3/2 max-pooling: to stride 4."""

    def __init__(self, norm: NormMode) -> None:
        super().__init__()
        self.conv, self.norm = _conv(3, 64, 7, 2), Norm(64, norm)

    def forward(self, x: Tensor) -> Tensor:
        return max_pool2d(relu(self.norm(self.conv(x))), 3, 2, 1)


class ResNet(nn.Module):
    """Features of 2,048 (stage 4) or 1,024 channels (cut after stage 3); cell i lies on pixel stride·i.

    Where a stage would pass the output stride, its stride is dropped and the convolutions behind it are
    dilated instead (atrous convolution), so that ImageNet weights keep their meaning.

    Args:
        depth: 50, 101 or 152.
        preactivation: v2 units instead of classic ones.
        output_stride: 8, 16 or 32 (32 only with stage 4).
        last_stage: 3 or 4.
        norm: how batch normalisation trains; see `Norm`.

    Attributes:
        channels: of the features.
        middle_channels: of the last but one stage.
        stride: output_stride.
        middle_stride: pixels per cell of the last but one stage.
        mean: per channel (RGB, 0-1), what the network subtracts from the image: ImageNet's.
        std: per channel, what it then divides by.

    Raises:
        ValueError: if an argument is not one of those above.
    """

    mean = (0.485, 0.456, 0.406)
    std = (0.229, 0.224, 0.225)

    def __init__(
        self, depth: int, preactivation: bool, output_stride: int, last_stage: int = 4, norm: NormMode = "fixed"
    ) -> None:
        super().__init__()
        if depth not in DEPTHS:
            raise ValueError(f"a ResNet's depth must be one of {sorted(DEPTHS)}, got {depth}")
        if last_stage not in (3, 4):
            raise ValueError(f"last_stage of a ResNet must be 3 or 4, got {last_stage}")
        if output_stride not in (8, 16, 32)[: last_stage - 1]:
            raise ValueError(
                f"output_stride of a ResNet with {last_stage} stages must be one of {(8, 16, 32)[: last_stage - 1]}, "
                f"got {output_stride}"
            )
        unit = _PreactivatedUnit if preactivation else _ClassicUnit
        self.input_norm = Norm(3, norm) if preactivation else None
        self.stem = _Stem(norm)
        self.stages = nn.ModuleList()
        inputs, stride, dilation, strides = 64, 4, 1, []
        for i, units in enumerate(DEPTHS[depth][:last_stage]):
            width, step, first_dilation = 64 * 2**i, 2 if i else 1, dilation
            if stride * step > output_stride:
                dilation, step = dilation * step, 1
            stride *= step
            strides.append(stride)
            stage = [unit(inputs, width, step, first_dilation, norm)]
            stage += [unit(4 * width, width, 1, dilation, norm) for _ in range(units - 1)]
            self.stages.append(nn.Sequential(*stage))
            inputs = 4 * width
        self.post_norm = Norm(inputs, norm) if preactivation else None
        self.channels, self.middle_channels = inputs, inputs // 2
        self.stride, self.middle_stride = output_stride, strides[-2]

    @property
    def num_stages(self) -> int:
        """How many stages can be frozen."""
        return len(self.stages)

    def freeze(self, stages: int) -> None:
        """Stop training the stem and the first stages; their batch norms' statistics are `Norm`'s affair.

        Raises:
            ValueError: if there are fewer stages.
        """
        if not 0 <= stages <= len(self.stages):
            raise ValueError(f"this ResNet has {len(self.stages)} stages, got freeze_stages={stages}")
        if stages:
            self.stem.requires_grad_(False)
            self.stages[:stages].requires_grad_(False)
            if self.input_norm is not None:
                self.input_norm.requires_grad_(False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, C, n, m) and middle features of normalised RGB (B, 3, H, W)."""
        x = self.stem(x if self.input_norm is None else self.input_norm(x))
        for stage in self.stages[:-1]:
            x = stage(x)
        last = self.stages[-1]
        if self.post_norm is None:
            return last(x), x
        return relu(self.post_norm(last(x))), relu(last.get_submodule("0.norm1")(x))


def rename_torchvision(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State of `ResNet` from a classic ResNet in torchvision's and timm's naming, or in ours.

    The classifier (``fc``) and the batch counters of the norms have no place in `ResNet` and are left
    out. All other tensors that it does not know keep their names, for the loader to complain about.
    Stages named ``stage1`` to ``stage4`` become ours as well.
    """
    state = {}
    for name, tensor in tensors.items():
        parts = name.split(".")
        if parts[0] == "fc" or parts[-1] == "num_batches_tracked":
            continue
        if parts[0] in ("conv1", "bn1"):
            parts = ["stem", parts[0][:-1], *parts[1:]]
        for prefix in ("layer", "stage"):
            number = parts[0].removeprefix(prefix)
            if number in ("1", "2", "3", "4"):
                parts = ["stages", str(int(number) - 1), *parts[1:]]
        if "downsample" in parts:
            i = parts.index("downsample")
            parts[i : i + 2] = ["shortcut" if parts[i + 1] == "0" else "shortcut_norm"]
        state[".".join("norm" + part[2:] if part[:2] == "bn" else part for part in parts)] = tensor
    return state
