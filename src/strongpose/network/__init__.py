"""The network: a fully convolutional backbone, a neck and heads that predict the fields (needs torch)."""

from strongpose.network.config import NetworkConfig
from strongpose.network.heads import DISPLACEMENT_SCALE, OFFSET_SCALE, Maps
from strongpose.network.model import PoseNetwork, at_output_stride, build_network, load_backbone

__all__ = [
    "DISPLACEMENT_SCALE",
    "OFFSET_SCALE",
    "Maps",
    "NetworkConfig",
    "PoseNetwork",
    "at_output_stride",
    "build_network",
    "load_backbone",
]
