"""Backbones of the timm library by name, an extra for whoever wants others than StrongPose's own."""

from __future__ import annotations

from torch import Tensor, nn

from strongpose._util.installing import install_command

__all__ = ["TimmBackbone"]


class TimmBackbone(nn.Module):
    """The last two feature maps of a timm model.

    Cell i lies on pixel stride·i only if the model pads its convolutions symmetrically (ResNets do;
    models ported from TensorFlow, ``tf_…``, and patch-wise models do not): with others every
    coordinate is off by a part of a cell, which training learns to undo but mirroring does not.

    Args:
        name: what ``timm.create_model`` knows; it must support ``features_only``.
        output_stride: pixels per cell of the features.

    Attributes:
        channels: of the features.
        middle_channels: of the last but one feature map.
        num_stages: 0, as none can be frozen.
        stride: output_stride.
        middle_stride: pixels per cell of the last but one feature map.
        mean: per channel (RGB, 0-1), what the network subtracts from the image: ImageNet's.
        std: per channel, what it then divides by.

    Raises:
        ImportError: if timm is not installed or cannot be imported.
        ValueError: if the model cannot be built with this output stride.
    """

    mean = (0.485, 0.456, 0.406)
    num_stages = 0
    std = (0.229, 0.224, 0.225)

    def __init__(self, name: str, output_stride: int) -> None:
        super().__init__()
        try:
            import timm
        except (ImportError, RuntimeError) as error:  # RuntimeError: torchvision built for another torch
            raise ImportError(
                f"the backbone 'timm:{name}' needs timm, which cannot be imported ({error}): "
                f"{install_command('timm')}, with a torchvision made for the installed torch"
            ) from error
        try:
            # A stride-32 network is timm's own default, which more models accept than the option itself.
            options = {} if output_stride == 32 else {"output_stride": output_stride}
            self.model = timm.create_model(name, features_only=True, pretrained=False, **options)
        except (TypeError, RuntimeError, NotImplementedError, ValueError) as error:
            raise ValueError(f"timm cannot build {name!r} with output_stride={output_stride}: {error}") from error
        channels, strides = self.model.feature_info.channels(), self.model.feature_info.reduction()
        if strides[-1] != output_stride:
            raise ValueError(f"timm's {name!r} gives output stride {strides[-1]}, not {output_stride}")
        self.middle_channels, self.channels = channels[-2:]
        self.middle_stride, self.stride = strides[-2:]

    def freeze(self, stages: int) -> None:
        """Only 0 is accepted: timm's models do not name their stages alike.

        Raises:
            ValueError: if ``stages`` is not 0.
        """
        if stages:
            raise ValueError(f"timm backbones cannot be frozen in part, got freeze_stages={stages}; use 0")

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, C, n, m) and middle features of normalised RGB (B, 3, H, W)."""
        maps = self.model(x)
        return maps[-1], maps[-2]
