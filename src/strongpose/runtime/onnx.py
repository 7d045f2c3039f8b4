"""ONNX Runtime: runs an exported network on any CPU, and on an NVIDIA GPU where its package for that is installed."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np

from strongpose._util.telemetry import without_telemetry
from strongpose.exceptions import ModelError
from strongpose.runtime.devices import DEVICES, check_device
from strongpose.runtime.interface import REMEDY, check_interface, check_maps, read_info, reason
from strongpose.runtime.model import RawMaps

__all__ = ["OnnxRuntime", "cuda_is_available", "onnx_devices"]


class OnnxRuntime:
    """Runs an .onnx file that ``strongpose export`` wrote, in float32.

    Args:
        path: the file.
        threads: number of CPU threads; 0 takes all cores.
        device: cpu, or cuda (cuda:1 …); auto takes cuda where this package can use it, else cpu.

    Attributes:
        info: what the file says about itself.
        name: the runtime and where it runs, for people.
        model: the name of the model, as the file is called.
        device: what it runs on.

    Raises:
        ValueError: if there is no such kind of device.
        ModelError: if the file is damaged, says nothing about itself, or its inputs and outputs do not
            fit what it says; or the device is not there.
    """

    def __init__(self, path: str | PathLike[str], threads: int = 0, device: str = "auto") -> None:
        with without_telemetry():
            import onnxruntime

        path = self._path = Path(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        if device != "auto":
            check_device(device, onnx_devices(), "ONNX Runtime")
        on_cuda = device.startswith("cuda") or (device == "auto" and cuda_is_available())
        number = int(device.partition(":")[2] or 0)
        cuda = [("CUDAExecutionProvider", {"device_id": number})] if on_cuda else []
        providers = [*cuda, "CPUExecutionProvider"]
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:  # ONNX Runtime's exceptions have no public base class
            why = reason(error)
            raise ModelError(f"{path}: ONNX Runtime cannot load it ({why}); copy it again or {REMEDY}") from error
        runs_on_cuda = self._session.get_providers()[0] == "CUDAExecutionProvider"
        if device.startswith("cuda") and not runs_on_cuda:
            raise ModelError(f"device {device}: ONNX Runtime cannot start CUDA on it; {DEVICES['cuda']}, or take cpu")
        self.model = path.stem
        self.device = f"cuda:{number}" if runs_on_cuda else "cpu"
        self.info = read_info(path, self._session.get_modelmeta().custom_metadata_map.get("strongpose"))
        inputs = {
            i.name: (i.type.removeprefix("tensor(").rstrip(")"), len(i.shape)) for i in self._session.get_inputs()
        }
        check_interface(path, self.info, inputs, {o.name: o.shape for o in self._session.get_outputs()})
        self.name = "ONNX Runtime on " + self._session.get_providers()[0].removesuffix("ExecutionProvider")

    def __call__(self, images: np.ndarray) -> RawMaps:
        """The maps of (B, H, W, 3) uint8 RGB images whose sides have the form n·coarse_stride + 1.

        Raises:
            ModelError: if the network cannot run, or returns what does not fit the model's metadata.
        """
        try:
            outputs = self._session.run(list(RawMaps._fields), {"images": images})
            maps = RawMaps(*(np.asarray(output, dtype=np.float32) for output in outputs))
        except Exception as error:  # as above
            raise ModelError(f"{self._path}: ONNX Runtime cannot run it ({reason(error)}); {REMEDY}") from error
        return check_maps(self._path, self.info, images, maps)


def onnx_devices() -> list[str]:
    """The devices that the installed ONNX Runtime can use; those of CUDA are not counted."""
    return ["cpu"] + ["cuda"] * cuda_is_available()


def cuda_is_available() -> bool:
    """Whether the installed ONNX Runtime can use an NVIDIA GPU (package onnxruntime-gpu)."""
    with without_telemetry():
        import onnxruntime

    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()
