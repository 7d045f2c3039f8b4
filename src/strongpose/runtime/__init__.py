"""Runtimes: what runs a released network on the machine at hand, behind one small protocol."""

from strongpose.runtime.model import ModelError, ModelInfo, RawMaps, Runtime, packaged_models, resolve_model
from strongpose.runtime.onnx import OnnxRuntime

__all__ = ["ModelError", "ModelInfo", "OnnxRuntime", "RawMaps", "Runtime", "packaged_models", "resolve_model"]
