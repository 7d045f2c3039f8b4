"""The light backbone: a MobileNet trunk with the context and refinement stages of Lightweight OpenPose.

Source: D. Osokin, "Real-time 2D Multi-Person Pose Estimation on CPU: Lightweight OpenPose", 2018. The
whole trained network serves as features, its own maps included: they already know where joints are.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import elu, relu

__all__ = ["MobileBackbone", "rename_trunk"]

# Name in the weight file, channels, stride and dilation of the depthwise-separable units.
_UNITS = (
    ("conv2_1", 64, 1, 1),
    ("conv2_2", 128, 2, 1),
    ("conv3_1", 128, 1, 1),
    ("conv3_2", 256, 2, 1),
    ("conv4_1", 256, 1, 1),
    ("conv4_2", 512, 1, 1),
    ("conv5_1", 512, 1, 2),
    ("conv5_2", 512, 1, 1),
    ("conv5_3", 512, 1, 1),
    ("conv5_4", 512, 1, 1),
    ("conv5_5", 512, 1, 1),
)
# Units of the stages that `freeze_stages` counts, at strides 2, 4, 8 and, with a pyramid, 16; one more is all the rest.
_STAGE_UNITS = (1, 3, 11)
_PYRAMID_STAGE_UNITS = (1, 3, 6, 11)
_LAST_FINE_UNIT = 5
_WIDTH, _AFFINITIES, _HEATMAPS = 128, 38, 19


def _conv3(inputs: int, outputs: int, stride: int = 1, dilation: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, padding=dilation, dilation=dilation, groups=groups)


class _Separable(nn.Module):
    """Depthwise 3×3 and pointwise 1×1 convolution, ReLU after each."""

    def __init__(self, inputs: int, outputs: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.depthwise = _conv3(inputs, inputs, stride, dilation, groups=inputs)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.pointwise(relu(self.depthwise(x))))


class _Context(nn.Module):
    """Narrow the trunk's 512 channels to 128 and gather context with three depthwise convolutions."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.align = nn.Conv2d(512, _WIDTH, 1)
        self.chain = nn.ModuleList(
            nn.Conv2d(_WIDTH, _WIDTH, 1) if i % 2 == 0 else _conv3(_WIDTH, _WIDTH, dilation=dilation, groups=_WIDTH)
            for i in range(7)
        )
        self.merge = _conv3(_WIDTH, _WIDTH, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        x = wide = elu(self.align(x))
        for layer in self.chain:
            wide = elu(layer(wide))
        return relu(self.merge(x + wide))


class _Branches(nn.Module):
    """The affinity maps (38) and heat maps (19), each from a hidden layer."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.affinity1 = nn.Conv2d(_WIDTH, hidden, 1)
        self.affinity2 = nn.Conv2d(hidden, _AFFINITIES, 1)
        self.heatmap1 = nn.Conv2d(_WIDTH, hidden, 1)
        self.heatmap2 = nn.Conv2d(hidden, _HEATMAPS, 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.affinity2(relu(self.affinity1(x))), self.heatmap2(relu(self.heatmap1(x)))]


class _Refine(nn.Module):
    """Residual block: 1×1, then 3×3 and dilated 3×3."""

    def __init__(self, inputs: int, dilation: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, _WIDTH, 1)
        self.conv1 = _conv3(_WIDTH, _WIDTH, dilation=dilation)
        self.conv2 = _conv3(_WIDTH, _WIDTH, dilation=2 * dilation)

    def forward(self, x: Tensor) -> Tensor:
        x = relu(self.squeeze(x))
        return x + relu(self.conv2(relu(self.conv1(x))))


class MobileBackbone(nn.Module):
    """Features of 313 channels; cell i lies on pixel stride·i.

    Args:
        output_stride: 8, as it was trained, or 4, by atrous convolution: the same features at every second cell.
        pyramid: compute all from the fifth stage on at stride 16, with a view twice as wide and a quarter of the
            cells, and give the features of the fourth stage, at stride 8, beside it; for output stride 8.

    Attributes:
        channels: 313 = refinement 128, context 128, affinity maps 38, heat maps 19.
        fine_channels: 512, of the features beside it that a pyramid needs.
        middle_channels: 128, the first stage's features; with a pyramid 512, the finest features.
        num_stages: that can be frozen.
        stride: output_stride, pixels per cell of the features.
        middle_stride: the same, of the middle features.
        mean: per channel (RGB, 0-1), what the network subtracts from the image.
        std: per channel, what it then divides by.
    """

    channels = 2 * _WIDTH + _AFFINITIES + _HEATMAPS
    fine_channels = 512
    mean = (0.502, 0.502, 0.502)
    std = (1.0, 1.0, 1.0)

    def __init__(self, output_stride: int = 8, pyramid: bool = False) -> None:
        super().__init__()
        self.middle_channels = self.fine_channels if pyramid else _WIDTH
        self.stride = self.middle_stride = output_stride
        self._pyramid = pyramid
        self._stage_units = _PYRAMID_STAGE_UNITS if pyramid else _STAGE_UNITS
        self.stem = _conv3(3, 32, stride=2)
        self.units = nn.ModuleList()
        inputs, reached, dense = 32, 2, 1  # dense: how many times denser than in training
        for _, width, stride, dilation in _UNITS:
            step = min(stride, output_stride // reached)
            self.units.append(_Separable(inputs, width, step, 1 if pyramid else dilation * dense))
            inputs, reached, dense = width, reached * step, dense * stride // step
        self.context = _Context(dense)
        self.initial = nn.ModuleList(_conv3(_WIDTH, _WIDTH, dilation=dense) for _ in range(3))
        self.initial_maps = _Branches(512)
        self.refine = nn.ModuleList(
            _Refine(_WIDTH + _AFFINITIES + _HEATMAPS if i == 0 else _WIDTH, dense) for i in range(5)
        )
        self.final_maps = _Branches(_WIDTH)

    @property
    def num_stages(self) -> int:
        """How many stages can be frozen."""
        return len(self._stage_units) + 1

    def freeze(self, stages: int) -> None:
        """Stop training the stem and the units of the first stages, or with all stages everything.

        Raises:
            ValueError: if there are fewer stages.
        """
        if not 0 <= stages <= self.num_stages:
            raise ValueError(
                f"the mobile backbone has {self.num_stages} stages that can be frozen, got freeze_stages={stages}"
            )
        if stages == self.num_stages:
            self.requires_grad_(False)
        elif stages:
            self.stem.requires_grad_(False)
            self.units[: self._stage_units[stages - 1]].requires_grad_(False)

    def forward(self, x: Tensor) -> tuple[Tensor | tuple[Tensor, Tensor], Tensor]:
        """Features (B, 313, n, m) and middle ones (B, 128, n, m) of RGB (B, 3, H, W).

        The image is normalised; its sides are 8n − 7 and 8m − 7. At output stride 4 all have 2n − 1 rows. With a
        pyramid, n and m are odd, the features are (B, 512, n, m) and (B, 313, (n + 1) / 2, (m + 1) / 2), the middle
        ones the first of these.
        """
        x = fine = relu(self.stem(x))
        for i, unit in enumerate(self.units):
            x = unit(x)
            if i == _LAST_FINE_UNIT and self._pyramid:
                fine, x = x, x[..., ::2, ::2]  # the next unit, of dilation 2, would read no other cells
        context = self.context(x)
        middle = context
        for layer in self.initial:
            middle = relu(layer(middle))
        x = torch.cat([*self.initial_maps(middle), context], dim=1)
        for block in self.refine:
            x = block(x)
        features = torch.cat([x, context, *self.final_maps(x)], dim=1)
        return ((fine, features), fine) if self._pyramid else (features, middle)


def _file_layers() -> dict[str, str]:
    """Layer name in the weight file → layer name in `MobileBackbone`."""
    names = {"conv1": "stem"}
    for i, (unit, *_) in enumerate(_UNITS):
        names[f"{unit}.dw"] = f"units.{i}.depthwise"
        names[f"{unit}.sep"] = f"units.{i}.pointwise"
    names["conv4_3_CPM.al"] = "context.align"
    for i, layer in enumerate(("red", "dw1", "dw1.1x1", "dw2", "dw2.1x1", "dw3", "inc")):
        names[f"conv4_3_CPM.{layer}"] = f"context.chain.{i}"
    names["conv4_4_CPM"] = "context.merge"
    for i in range(3):
        names[f"conv5_{i + 1}_CPM_L1"] = f"initial.{i}"
    for i in range(5):
        for theirs, ours in (("sq", "squeeze"), ("3x3", "conv1"), ("3x3.2", "conv2")):
            names[f"Mconv{i + 1}_stage2_L1.{theirs}"] = f"refine.{i}.{ours}"
    for branch, kind in (("L1", "affinity"), ("L2", "heatmap")):
        for i in (1, 2):
            names[f"conv5_{i + 3}_CPM_{branch}"] = f"initial_maps.{kind}{i}"
            names[f"Mconv{i + 5}_stage2_{branch}"] = f"final_maps.{kind}{i}"
    return names


def rename_trunk(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State of `MobileBackbone` from tensors named as Open Model Zoo's human-pose-estimation-0001.

    That network reads BGR; the first layer's input channels are reversed here, so that ours reads RGB.
    Tensors that it does not know keep their names, for the loader to complain about.
    """
    layers = _file_layers()
    state = {}
    for name, tensor in tensors.items():
        layer, _, kind = name.rpartition(".")
        state[f"{layers[layer]}.{kind}" if layer in layers else name] = tensor
    if "stem.weight" in state:
        state["stem.weight"] = state["stem.weight"].flip(1)
    return state
