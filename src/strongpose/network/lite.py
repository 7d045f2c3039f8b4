"""EfficientNet-lite 0 and 2: features from stride 4 to stride 32 for a pyramid.

Sources: M. Tan, Q. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019; the lite
variants (ReLU6, no squeeze and excitation, stem and head not scaled) are those of TensorFlow's TPU models.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.functional import relu6

from strongpose.network.depthwise import DepthwiseConv
from strongpose.network.norm import Norm, NormMode

__all__ = ["LITE_STAGES", "LiteBackbone", "rename_efficientnet"]

LITE_STAGES = {
    0: (
        *((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80)),
        *((3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)),
    ),
    2: (
        *((1, 3, 1, 1, 16), (3, 3, 2, 6, 24), (3, 5, 2, 6, 48), (4, 3, 2, 6, 88)),
        *((4, 5, 1, 6, 120), (5, 5, 2, 6, 208), (1, 3, 1, 6, 352)),
    ),
}
"""Units, kernel, stride of the first unit, expansion and channels of the seven stages, by variant."""

_STEM, _EPS = 32, 1e-3
_LAST_OF_STRIDE = {4: 1, 8: 2, 16: 4, 32: 6}  # index of the last stage with that stride


def _conv(inputs: int, outputs: int, size: int = 1, stride: int = 1) -> nn.Conv2d:
    """Convolution without bias, padded on all sides so that output cell i lies on input cell stride·i."""
    conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    return conv


class _Unit(nn.Module):
    """Inverted bottleneck: expand by 1×1, depthwise, project by 1×1; the input is added where the shapes agree."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int, expansion: int, norm: NormMode) -> None:
        super().__init__()
        width = inputs * expansion
        self.expand = _conv(inputs, width) if expansion > 1 else None
        self.expand_norm = Norm(width, norm, _EPS) if expansion > 1 else None
        self.depthwise, self.depthwise_norm = DepthwiseConv(width, size, stride), Norm(width, norm, _EPS)
        self.project, self.project_norm = _conv(width, outputs), Norm(outputs, norm, _EPS)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x
        if self.expand is not None and self.expand_norm is not None:
            y = relu6(self.expand_norm(self.expand(y)))
        y = relu6(self.depthwise_norm(self.depthwise(y)))
        y = self.project_norm(self.project(y))
        return x + y if self.adds else y


class _Stem(nn.Module):
    """3×3/2 convolution, norm and ReLU6."""

    def __init__(self, norm: NormMode) -> None:
        super().__init__()
        self.conv, self.norm = _conv(3, _STEM, 3, 2), Norm(_STEM, norm, _EPS)

    def forward(self, x: Tensor) -> Tensor:
        return relu6(self.norm(self.conv(x)))


class LiteBackbone(nn.Module):
    """Features at all strides from the output stride to 32; cell i lies on pixel stride·i.

    Padding is symmetric, which at sides 2·n + 1 is what the originals' "same" padding is, so that ImageNet weights
    keep their meaning.

    Args:
        variant: 0 or 2; kept as an attribute.
        output_stride: 4 or 8, pixels per cell of the finest features.
        norm: how batch normalisation trains; see `Norm`.

    Attributes:
        channels: of the features, finest first.
        middle_channels: of the finest features.
        stride, middle_stride: output_stride.
        mean: per channel (RGB, 0-1), what the network subtracts from the image.
        std: per channel, what it then divides by.
    """

    mean = (127 / 255,) * 3
    std = (128 / 255,) * 3

    def __init__(self, variant: int, output_stride: int = 8, norm: NormMode = "trained") -> None:
        super().__init__()
        stages = LITE_STAGES[variant]
        self.variant = variant
        self.stem = _Stem(norm)
        self.stages = nn.ModuleList()
        inputs = _STEM
        for units, size, stride, expansion, channels in stages:
            stage = []
            for i in range(units):
                stage.append(_Unit(inputs, channels, size, 1 if i else stride, expansion, norm))
                inputs = channels
            self.stages.append(nn.Sequential(*stage))
        self._taken = [last for stride, last in _LAST_OF_STRIDE.items() if stride >= output_stride]
        self.channels = tuple(stages[i][-1] for i in self._taken)
        self.middle_channels = self.channels[0]
        self.stride = self.middle_stride = output_stride

    @property
    def num_stages(self) -> int:
        """How many stages can be frozen."""
        return len(self.stages)

    def freeze(self, stages: int) -> None:
        """Leave the stem and the first of the seven stages as they are, their batch norms' statistics included.

        Raises:
            ValueError: if there are fewer stages.
        """
        if not 0 <= stages <= len(self.stages):
            raise ValueError(f"this backbone has {len(self.stages)} stages, got freeze_stages={stages}")
        for part in [self.stem, *self.stages[:stages]] if stages else []:
            part.requires_grad_(False)
            for module in part.modules():
                if isinstance(module, Norm):
                    module.freeze()

    def forward(self, x: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """Features of normalised RGB (B, 3, H, W): at all strides, finest first; and the finest again."""
        x = self.stem(x)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        features = tuple(maps[i] for i in self._taken)
        return features, features[0]


def rename_efficientnet(tensors: Mapping[str, Tensor], variant: int) -> dict[str, Tensor]:
    """State of `LiteBackbone` from an EfficientNet-lite in the naming of its PyTorch port.

    Tensors that it does not know keep their names, for the loader to complain about.

    Args:
        tensors: ``_conv_stem``, ``_bn0``, ``_blocks.I._expand_conv`` and so on, by name.
        variant: 0 or 2.
    """
    places = [(s, i) for s, (units, *_) in enumerate(LITE_STAGES[variant]) for i in range(units)]
    state = {}
    for name, tensor in tensors.items():
        new = name.replace("_conv_stem.", "stem.conv.") if name.startswith("_conv_stem.") else name
        new = f"stem.norm.{new.removeprefix('_bn0.')}" if new.startswith("_bn0.") else new
        block = re.fullmatch(r"_blocks\.(\d+)\.(_\w+)\.(\w+)", name)
        if block and int(block[1]) < len(places):
            stage, unit = places[int(block[1])]
            first = "_expand_conv" if LITE_STAGES[variant][stage][3] > 1 else None
            layers = {
                first: "expand",
                "_depthwise_conv": "depthwise",
                "_project_conv": "project",
                "_bn0": "expand_norm",
                "_bn1": "depthwise_norm",
                "_bn2": "project_norm",
            }
            if block[2] in layers:
                new = f"stages.{stage}.{unit}.{layers[block[2]]}.{block[3]}"
        state[new] = tensor
    return state
