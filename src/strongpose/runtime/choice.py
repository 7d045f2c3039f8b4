"""Which runtime runs a model: the one asked for, or the one that is likely the fastest here."""

from __future__ import annotations

import importlib.util
from os import PathLike
from pathlib import Path
from typing import Literal

from strongpose._util.installing import install_command
from strongpose.exceptions import ModelError
from strongpose.runtime.devices import choose_runtime, device_kind
from strongpose.runtime.model import Runtime
from strongpose.runtime.onnx import OnnxRuntime, cuda_is_available, onnx_devices
from strongpose.runtime.openvino import OpenVinoRuntime, openvino_devices

__all__ = ["RuntimeChoice", "installed_runtimes", "open_runtime"]

RuntimeChoice = Literal["auto", "openvino", "onnx", "torch"]

_EXTRAS = {"openvino": "openvino", "torch": "train"}


def installed_runtimes() -> list[RuntimeChoice]:
    """The runtimes that this installation has, by name, likely the fastest first; torch is not imported."""
    openvino, torch = (_is_installed(package) for package in ("openvino", "torch"))
    order: list[tuple[RuntimeChoice, bool]] = [("openvino", openvino), ("onnx", True), ("torch", torch)]
    if cuda_is_available():
        order.insert(0, order.pop(1))
    return [name for name, installed in order if installed]


def open_runtime(
    path: str | PathLike[str], runtime: RuntimeChoice = "auto", threads: int = 0, device: str = "auto"
) -> Runtime:
    """A model, ready to run.

    Args:
        path: an .onnx file, which every runtime runs, or an .xml file (OpenVINO, int8), which OpenVINO runs.
        runtime: by what; ``auto`` takes ONNX Runtime where it can use an NVIDIA GPU, else OpenVINO if it is
            installed, else ONNX Runtime; where a device is asked for, the first of OpenVINO, ONNX Runtime and torch
            that can use it. The result's ``name`` and ``device`` say what was taken.
        threads: number of CPU threads; 0 takes all cores.
        device: cpu, cuda, gpu (Intel's, by OpenVINO) or mps (Apple's, by torch), with a number for one of several, as
            in cuda:1. ``auto`` takes an NVIDIA GPU where ONNX Runtime or torch can use one, else the CPU.

    Raises:
        ValueError: if there is no runtime of that name or no such kind of device, or ``threads`` is negative.
        ModelError: if the runtime is not installed, cannot run files of this kind, the model cannot be used, or
            the device is not there.
    """
    path = Path(path)
    if threads < 0:
        raise ValueError(f"threads must be at least 0 (all cores), got {threads}")
    if device != "auto":
        device_kind(device)
    if runtime == "auto":
        runtime = _first_runtime(path, device)
    if runtime not in ("openvino", "onnx", "torch"):
        raise ValueError(f"runtime must be auto, openvino, onnx or torch, got {runtime!r}")
    if path.suffix == ".xml" and runtime != "openvino":
        raise ModelError(f"{path}: only the runtime openvino runs .xml files; for {runtime} give an .onnx file")
    if runtime not in installed_runtimes():
        raise ModelError(f"{path}: the runtime {runtime} is not installed: {install_command(_EXTRAS[runtime])}")
    if runtime == "openvino":
        return OpenVinoRuntime(path, threads, device=device)
    if runtime == "onnx":
        return OnnxRuntime(path, threads, device)
    try:
        from strongpose.runtime.pytorch import TorchRuntime
    except ImportError as error:
        raise ModelError(
            f"{path}: the runtime torch is incomplete ({error}): {install_command(_EXTRAS['torch'])}"
        ) from error
    return TorchRuntime.from_file(path, threads, device)


def _first_runtime(path: Path, device: str) -> RuntimeChoice:
    """What runs a file on a device where nobody chose."""
    if path.suffix == ".xml":
        return "openvino"
    installed = installed_runtimes()
    if device == "auto":
        return installed[0]
    available: dict[RuntimeChoice, list[str]] = {}
    if "openvino" in installed:
        available["openvino"] = ["cpu"] if device == "cpu" else openvino_devices()
    available["onnx"] = onnx_devices()
    if "torch" in installed and device != "cpu":
        from strongpose.runtime.pytorch import torch_devices  # takes seconds

        available["torch"] = torch_devices()
    return choose_runtime(device, available)


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
