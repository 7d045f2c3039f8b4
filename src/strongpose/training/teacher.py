"""The teacher: a trained network whose fields are learnt beside the labels, also where nobody labelled anything."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from strongpose.encode import Targets
from strongpose.network import NetworkConfig
from strongpose.network.weights import load_network, training_facts

__all__ = ["Teacher"]

SURE = 0.5
"""The heat map's value above which the teacher's vectors are learnt."""


class Teacher:
    """What a trained network says of images, as targets.

    The heat maps' and the body's probabilities are soft targets in every cell, as in G. Hinton et al., "Distilling the
    Knowledge in a Neural Network", 2015, without a temperature; the vectors are targets where the teacher is sure
    that it sees the keypoint. Regions to ignore are not: the teacher has something to say there.

    Args:
        path: its weights, a .safetensors file or a released .onnx file.
        student: the network that learns; both must have the same skeleton and stride.
        disk_radius: R in pixels, of the student's disks, which the teacher's must have as well.
        side: pixels of the square training crops.
        device: where to compute.
        bf16: compute in bfloat16.
        compiled: compile it.

    Attributes:
        bf16: as given.

    Raises:
        FileNotFoundError: if there is no such file.
        ImportError: if it is an .onnx and the onnx package is missing.
        ValueError: if it cannot be read, or its skeleton, stride, disks or sides do not fit.
    """

    def __init__(
        self,
        path: str | Path,
        student: NetworkConfig,
        disk_radius: float,
        side: int,
        device: torch.device,
        bf16: bool = True,
        compiled: bool = False,
    ) -> None:
        network = load_network(path)
        config = network.config
        for what, its, wanted in (
            ("the skeleton", config.skeleton.name, student.skeleton.name),
            ("fields at stride", config.stride, student.stride),
        ):
            if its != wanted:
                raise ValueError(f"--teacher {path}: has {what} {its}, the student {wanted}")
        radius = training_facts(path).disk_radius
        if radius not in (None, disk_radius):
            raise ValueError(
                f"--teacher {path}: has disks of {radius:g} pixels, the student of {disk_radius:g}; state --disk-radius"
            )
        if (side - 1) % config.coarse_stride:
            raise ValueError(
                f"--teacher {path}: needs crops whose side is a multiple of {config.coarse_stride} plus 1, "
                f"got --crop-size {side}"
            )
        network = network.requires_grad_(False).eval().to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._forward = torch.compile(network, dynamic=False) if compiled else network
        self.bf16 = bf16
        self._tails = torch.as_tensor(config.skeleton.directed_edges, device=device)[:, 0]

    @torch.no_grad()
    def targets(self, images: Tensor) -> Targets:
        """Targets of images (B, 3, S, S), float RGB 0-1 on the teacher's device; see `Targets` for shapes and units."""
        with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=self.bf16):
            maps = self._forward(images)
        heatmaps = maps.heatmaps.sigmoid()
        disks = heatmaps > SURE
        return Targets(
            heatmaps=heatmaps,
            offsets=maps.offsets,
            displacements=maps.displacements,
            displacement_mask=disks[:, self._tails],
            body=maps.body.sigmoid(),
            valid=torch.ones_like(maps.body, dtype=torch.bool),
            disks=disks,
        )
