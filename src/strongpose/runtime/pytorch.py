"""Torch: runs a network as it is, for validation while training, or one that was read from a model file."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np
import torch

from strongpose.exceptions import ModelError
from strongpose.network import PoseNetwork
from strongpose.network.onnx_file import read_onnx_metadata
from strongpose.network.weights import METADATA_KEY, load_network
from strongpose.runtime.devices import check_device
from strongpose.runtime.interface import REMEDY, read_info
from strongpose.runtime.model import ModelInfo, RawMaps

__all__ = ["TorchRuntime", "read_model_info", "torch_devices"]


def read_model_info(path: str | PathLike[str]) -> ModelInfo:
    """What an .onnx file says about itself; nothing is run, and no weights are looked at.

    Raises:
        strongpose.exceptions.ModelError: if there is no such file, it is damaged, says nothing about itself, or the
            onnx package is missing.
    """
    path = Path(path)
    try:
        metadata = read_onnx_metadata(path)
    except (ValueError, FileNotFoundError, ImportError) as error:
        raise ModelError(str(error)) from error
    return read_info(path, metadata.get(METADATA_KEY))


def torch_devices() -> list[str]:
    """The devices that torch finds here."""
    cuda = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return ["cpu", *cuda, *["mps"] * torch.backends.mps.is_available()]


class TorchRuntime:
    """Runs a network that lies in memory.

    Args:
        network: on the device where it shall run; it is put into evaluation mode.
        size: what `ModelInfo.size` shall say, in pixels.
        disk_radius: R in pixels, the radius of the disks that the network was trained with; None for the decoder's.
        bf16: use bfloat16 autocast.

    Attributes:
        info: skeleton, strides and size of the network.
        name: the runtime, its precision and where it runs, for people.
        model: the name of the model, as its file is called; ``network`` where it is of no file.
        device: what it runs on.
    """

    def __init__(self, network: PoseNetwork, size: int, disk_radius: float | None = None, bf16: bool = False) -> None:
        self._network = network.eval()
        self._bf16 = bf16
        self.model = "network"
        self.device = str(network.mean.device)
        config = network.config
        decode = {} if disk_radius is None else {"disk_radius": disk_radius}
        self.info = ModelInfo(config.skeleton, config.stride, config.coarse_stride, size, decode, {})
        self.name = f"torch on {network.mean.device.type} in {'bfloat16' if bf16 else 'float32'}"

    @classmethod
    def from_file(cls, path: str | PathLike[str], threads: int = 0, device: str = "auto") -> TorchRuntime:
        """The network of a released .onnx file, in bfloat16 on an NVIDIA GPU and in float32 elsewhere.

        Args:
            path: the .onnx file.
            threads: number of CPU threads, of all torch work of this process; 0 leaves them as they are.
            device: cpu, cuda (cuda:1 …) or mps; auto takes cuda where it is there, else cpu.

        Raises:
            ValueError: if there is no such kind of device.
            strongpose.exceptions.ModelError: if the file is damaged, torch cannot build what it describes, or the
                device is not there.
        """
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        check_device(device, torch_devices(), "torch")
        info = read_model_info(path)
        try:
            network = load_network(Path(path))
        except ValueError as error:
            raise ModelError(f"{path}: torch cannot run it: {error}") from error
        for what in ("skeleton", "stride", "coarse_stride"):
            if getattr(info, what) != getattr(network.config, what):
                raise ModelError(f"{path}: its metadata has another {what} than its network; {REMEDY}")
        if threads:
            torch.set_num_threads(threads)
        network.to("cuda:0" if device == "cuda" else device)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        runtime = cls(network, info.size, bf16=device.startswith("cuda"))
        runtime.model = Path(path).stem
        runtime.info = info
        return runtime

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
