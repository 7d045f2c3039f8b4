"""OpenVINO models: read from .onnx; written as .xml and .bin that describe themselves, whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongpose._util.installing import install_command
from strongpose._util.telemetry import without_telemetry

if TYPE_CHECKING:
    import openvino

__all__ = ["read_onnx", "write_ir"]


def read_onnx(path: str | Path) -> openvino.Model:
    """The model in an .onnx file of `strongpose.export.onnx.export_onnx`.

    Raises:
        ImportError: if OpenVINO is missing.
    """
    try:
        with without_telemetry():
            import openvino
    except ImportError as error:
        raise ImportError(f"{path}: .xml files need OpenVINO: {install_command('export')}") from error
    return openvino.Core().read_model(path)


def write_ir(model: openvino.Model, path: str | Path, description: Mapping[str, Any]) -> None:
    """Write a model as ``path`` and its weights beside it as .bin, in the precision they have.

    Both are written under other names first. Then an old .xml is removed, the .bin moved into place, and the
    .xml last: after a crash at any moment there is the old model, the new one, or no .xml, never a mixture.

    Args:
        model: its runtime information gets the entry ``strongpose``.
        path: of the .xml file; its folder is made if need be.
        description: JSON-able, what the model says about itself; see `strongpose.runtime.ModelInfo`.

    Raises:
        ValueError: if ``path`` does not end in .xml.
        OSError: if a file cannot be written.
    """
    with without_telemetry():
        import openvino

    path = Path(path)
    if path.suffix != ".xml":
        raise ValueError(f"{path}: the name of an OpenVINO model must end in .xml")
    model.set_rt_info(json.dumps(description), ["strongpose"])
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name[:100]}.", dir=path.parent) as folder:
        xml = Path(folder) / "model.xml"
        try:
            openvino.save_model(model, xml, compress_to_fp16=False)
        except RuntimeError as error:
            raise OSError(f"{path}: OpenVINO could not write the model: {error}") from error
        path.unlink(missing_ok=True)
        os.replace(xml.with_suffix(".bin"), path.with_suffix(".bin"))
        os.replace(xml, path)
