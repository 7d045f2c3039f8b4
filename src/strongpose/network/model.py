"""The pose network: backbone → neck → heads, how to build one, and how to give its backbone trained weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from strongpose.network.config import NetworkConfig
from strongpose.network.half_scale import HalfScaleBranch, half_size
from strongpose.network.heads import Head, Maps
from strongpose.network.lite import LiteBackbone, rename_efficientnet
from strongpose.network.mobile import MobileBackbone, rename_trunk
from strongpose.network.neck import neck
from strongpose.network.pyramid import Pyramid
from strongpose.network.resnet import ResNet, rename_torchvision
from strongpose.network.tensors import fill, read_tensors
from strongpose.network.timm_backbone import TimmBackbone

__all__ = ["PoseNetwork", "at_output_stride", "build_network", "load_backbone"]


class PoseNetwork(nn.Module):
    """Predict the fields of images; see `Maps`. Pre-processing is part of the network.

    Sides of the form coarse_stride·n + 1 put a cell on the last pixel, which mirroring needs; with any
    other side, too, cell i lies on pixel stride·i, unless there is a pyramid or a half-scale branch.

    Attributes:
        config: what it was built from.
        mean, std: (3, 1, 1) buffers, what normalises RGB 0-1.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = _backbone(config)
        self.backbone.freeze(config.freeze_stages)
        self.register_buffer("mean", torch.tensor(self.backbone.mean)[:, None, None])
        self.register_buffer("std", torch.tensor(self.backbone.std)[:, None, None])
        self.neck, width = _neck(self.backbone, config)
        self.half_scale = HalfScaleBranch(width, config.dilation) if config.half_scale else None
        self.head = Head(width, config.skeleton, config.upsample, config.dilation)
        self.middle_head = (
            Head(self.backbone.middle_channels, config.skeleton, config.upsample) if config.middle_head else None
        )

    def train_body_only(self) -> None:
        """From now on, gradients reach the body heat map's layers only: without weight decay, all else stays."""
        self.requires_grad_(False)
        self.head.requires_grad_(True)
        self.head.train_body_only()

    def forward(self, images: Tensor) -> Maps:
        """The maps of images (B, 3, H, W), float RGB 0-1; in training mode with ``middle`` set."""
        images = (images - self.mean) / self.std
        features, middle = self.backbone(images)
        features = self.neck(features)
        if self.half_scale is not None:
            features = self.half_scale(features, self.neck(self.backbone(half_size(images))[0]))
        maps = self.head(features)
        if self.training and self.middle_head is not None:
            step = self.backbone.stride // self.backbone.middle_stride
            return maps._replace(middle=self.middle_head(middle[..., ::step, ::step]))
        return maps


def _backbone(config: NetworkConfig) -> LiteBackbone | MobileBackbone | ResNet | TimmBackbone:
    name, stride = config.backbone, config.output_stride
    if name.startswith("lite"):
        return LiteBackbone(int(name.removeprefix("lite")), stride, config.norm)
    if name.startswith("mobile"):
        return MobileBackbone(stride, config.has_pyramid)
    if name.startswith("timm:"):
        return TimmBackbone(name.removeprefix("timm:"), stride)
    depth, preactivation = int(name.removeprefix("resnet").removesuffix("v2")), name.endswith("v2")
    return ResNet(depth, preactivation, stride, config.last_stage, config.norm)


def _neck(
    backbone: LiteBackbone | MobileBackbone | ResNet | TimmBackbone, config: NetworkConfig
) -> tuple[nn.Module, int]:
    """What lies between backbone and heads, and the channels of what it gives."""
    width = config.neck_channels
    if isinstance(backbone, LiteBackbone):
        return Pyramid(backbone.channels, backbone.stride, width), width
    if isinstance(backbone, MobileBackbone) and config.has_pyramid:
        return Pyramid((backbone.fine_channels, backbone.channels), backbone.stride, width), width
    if not width:
        return nn.Identity(), backbone.channels
    return neck(backbone.channels, width, config.dilation), width


def build_network(config: NetworkConfig) -> PoseNetwork:
    """A network with random weights; `load_backbone` gives its backbone trained ones."""
    return PoseNetwork(config)


def at_output_stride(network: PoseNetwork, output_stride: int) -> PoseNetwork:
    """The same weights with denser features, by atrous convolution (SP §IV-B: stride 16 in training, 8 in evaluation).

    Where both have cells, both predict the same.

    Args:
        network: without up-sampled heads.
        output_stride: pixels per cell, at most the network's own; see `NetworkConfig`.

    Returns:
        A network, in evaluation mode, that shares the memory of the parameters; the given one, if it has that stride.

    Raises:
        ValueError: if the network up-samples, has a half-scale branch or a pyramid, or its backbone does not have that
            output stride.
    """
    config = network.config
    if output_stride == config.output_stride:
        return network
    if config.has_pyramid:
        raise ValueError(
            f"a network with a pyramid has only its own output stride {config.output_stride}, got {output_stride}"
        )
    if config.upsample > 1:
        raise ValueError(
            f"a network with upsample {config.upsample} places its cells by its output stride {config.output_stride}; "
            f"only one with upsample 1 can be used at another, got {output_stride}"
        )
    if config.half_scale:  # between its cells, features of half scale are interpolated
        raise ValueError(
            f"a network with a half-scale branch has only its own output stride {config.output_stride}, "
            f"got {output_stride}"
        )
    if config.output_stride % output_stride:
        raise ValueError(
            f"expected an output stride that divides the trained {config.output_stride}, got {output_stride}"
        )
    dilation = config.dilation * config.output_stride // output_stride
    with torch.device("meta"):
        dense = PoseNetwork(replace(config, output_stride=output_stride, dilation=dilation))
    dense.load_state_dict(network.state_dict(), assign=True)
    return dense.eval()


def load_backbone(network: PoseNetwork, path: str | Path) -> None:
    """Fill the backbone, in place, with trained weights in the layout of its kind.

    Args:
        network: as built.
        path: a safetensors file. For "lite0" and "lite2": EfficientNet-lite without classifier and last 1×1
            convolution, layers named as in its PyTorch port. For "mobile" and "mobile16": the trunk of Open Model Zoo's
            human-pose-estimation-0001, layers named as there. For ResNets: torchvision's names (classic units, the
            classifier is left out) or ours. For timm: the state of its ``features_only`` model.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be read, a tensor is left over or missing or has another shape.
    """
    tensors, backbone = read_tensors(path), network.backbone
    if isinstance(backbone, TimmBackbone):
        fill(backbone.model, tensors, path)
    elif isinstance(backbone, LiteBackbone):
        fill(backbone, rename_efficientnet(tensors, backbone.variant), path)
    else:
        rename = rename_trunk if isinstance(backbone, MobileBackbone) else rename_torchvision
        fill(backbone, rename(tensors), path)
