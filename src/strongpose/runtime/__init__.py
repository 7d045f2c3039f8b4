"""Runtimes: what runs a released network on the machine at hand, behind one small protocol."""

from strongpose.exceptions import ModelError
from strongpose.runtime.choice import RuntimeChoice, installed_runtimes, open_runtime
from strongpose.runtime.model import (
    DEFAULT_THRESHOLD,
    ModelInfo,
    RawMaps,
    Runtime,
    packaged_models,
    resolve_model,
    resolve_weights,
)
from strongpose.runtime.onnx import OnnxRuntime
from strongpose.runtime.openvino import OpenVinoRuntime

__all__ = [
    "DEFAULT_THRESHOLD",
    "ModelError",
    "ModelInfo",
    "OnnxRuntime",
    "OpenVinoRuntime",
    "RawMaps",
    "Runtime",
    "RuntimeChoice",
    "installed_runtimes",
    "open_runtime",
    "packaged_models",
    "resolve_model",
    "resolve_weights",
]
