"""The torch implementation of a runtime: runs a network as it is, for validation while training."""

from __future__ import annotations

import numpy as np
import torch

from strongpose.network import PoseNetwork
from strongpose.runtime.model import ModelInfo, RawMaps

__all__ = ["TorchRuntime"]


class TorchRuntime:
    """Runs a network that lies in memory.

    Args:
        network: on the device where it shall run; it is put into evaluation mode.
        size: what `ModelInfo.size` shall say, in pixels.
        disk_radius: R in pixels, the radius of the disks that the network was trained with.
        bf16: use bfloat16 autocast.

    Attributes:
        info: skeleton, strides and size of the network.
    """

    def __init__(self, network: PoseNetwork, size: int, disk_radius: float, bf16: bool = False) -> None:
        self._network = network.eval()
        self._bf16 = bf16
        config = network.config
        decode = {"disk_radius": disk_radius}
        self.info = ModelInfo(config.skeleton, config.stride, config.coarse_stride, size, decode, {})

    @torch.inference_mode()
    def __call__(self, images: np.ndarray) -> RawMaps:
        """The maps of (B, H, W, 3) uint8 RGB images; see `strongpose.runtime.Runtime`."""
        device = self._network.mean.device
        pixels = torch.from_numpy(np.ascontiguousarray(images)).to(device).permute(0, 3, 1, 2).float() / 255
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self._bf16):
            maps = self._network(pixels)
        outputs = (maps.heatmaps.sigmoid(), maps.offsets, maps.displacements, maps.body.sigmoid())
        return RawMaps(*(output.float().cpu().numpy() for output in outputs))
