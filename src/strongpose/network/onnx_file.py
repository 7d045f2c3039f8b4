"""What a released .onnx file holds, read without running it: weights and metadata."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    import onnx

from strongpose._util.installing import install_command
from strongpose._util.lines import one_line

__all__ = ["read_onnx_metadata", "read_onnx_weights"]

_PREFIX = "network."  # of the names of a network's parameters


def read_onnx_metadata(path: str | Path) -> dict[str, str]:
    """An .onnx file's metadata by key.

    Raises:
        FileNotFoundError: if there is no such file.
        ImportError: if the onnx package is missing.
        ValueError: if the file cannot be read.
    """
    return {entry.key: entry.value for entry in _load(path).metadata_props}


def read_onnx_weights(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """A network's tensors by their names in `PoseNetwork`, and the file's metadata by key.

    Raises:
        FileNotFoundError: if there is no such file.
        ImportError: if the onnx package is missing.
        ValueError: if the file cannot be read, or weights lie in another one, where ours never do.
    """
    model = _load(path)
    import onnx

    try:
        kept = [initializer for initializer in model.graph.initializer if initializer.name.startswith(_PREFIX)]
        for initializer in kept:
            if initializer.data_location == onnx.TensorProto.EXTERNAL:
                raise ValueError(f"{initializer.name} lies in another file, where ours never do")
        tensors = {
            initializer.name.removeprefix(_PREFIX): torch.from_numpy(np.array(onnx.numpy_helper.to_array(initializer)))
            for initializer in kept
        }
    except (ValueError, TypeError, LookupError, RuntimeError, OverflowError) as error:
        raise _not_readable(path, error) from error
    return tensors, {entry.key: entry.value for entry in model.metadata_props}


def _load(path: str | Path) -> onnx.ModelProto:
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such model file")
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise ImportError(f"{path}: reading an .onnx file needs: {install_command('export')}") from error
    try:
        return onnx.load(path, load_external_data=False)
    except (DecodeError, ValueError, TypeError, LookupError, RuntimeError, OverflowError) as error:
        raise _not_readable(path, error) from error


def _not_readable(path: str | Path, error: Exception) -> ValueError:
    return ValueError(f"{path}: not a readable .onnx file ({one_line(error)}); copy or export it again")
