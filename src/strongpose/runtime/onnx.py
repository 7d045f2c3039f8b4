"""The ONNX Runtime implementation: runs an exported network on the CPU."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np
import onnxruntime

from strongpose.runtime.model import ModelError, ModelInfo, RawMaps

__all__ = ["OnnxRuntime"]

_REMEDY = "export it with `strongpose export`"


class OnnxRuntime:
    """Runs an .onnx file that ``strongpose export`` wrote.

    Args:
        path: the file.
        threads: number of CPU threads; 0 takes all cores.

    Attributes:
        info: what the file says about itself.

    Raises:
        ModelError: if the file is damaged, says nothing about itself, or its inputs and outputs do not
            fit what it says.
    """

    def __init__(self, path: str | PathLike[str], threads: int = 0) -> None:
        self._path = Path(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exceptions have no public base class
            reason = str(error).splitlines()[0]
            raise ModelError(f"{path}: ONNX Runtime cannot load it ({reason}); copy it again or {_REMEDY}") from error
        self.info = self._read_info()
        self._check_interface()

    def __call__(self, images: np.ndarray) -> RawMaps:
        """The maps of (B, H, W, 3) uint8 RGB images whose sides have the form n·coarse_stride + 1."""
        outputs = self._session.run(list(RawMaps._fields), {"images": images})
        return RawMaps(*(np.asarray(output, dtype=np.float32) for output in outputs))

    def _read_info(self) -> ModelInfo:
        text = self._session.get_modelmeta().custom_metadata_map.get("strongpose")
        if text is None:
            raise ModelError(f"{self._path}: not a StrongPose model (no metadata 'strongpose'); {_REMEDY}")
        try:
            return ModelInfo.from_json(text)
        except (ValueError, TypeError) as error:
            raise ModelError(f"{self._path}: its metadata does not fit: {error}; {_REMEDY}") from error

    def _check_interface(self) -> None:
        """Refuse a model whose inputs or outputs are not those that its metadata promises."""
        inputs = [(i.name, i.type, len(i.shape)) for i in self._session.get_inputs()]
        if inputs != [("images", "tensor(uint8)", 4)]:
            raise ModelError(f"{self._path}: expected one input images (B, H, W, 3) of uint8, got {inputs}; {_REMEDY}")
        skeleton = self.info.skeleton
        k, e = skeleton.num_keypoints, len(skeleton.edges)
        shapes = {o.name: o.shape for o in self._session.get_outputs()}
        for name, expected in (
            ("heatmaps", (None, k, None, None)),
            ("offsets", (None, k, 2, None, None)),
            ("displacements", (None, 2 * e, 2, None, None)),
            ("body", (None, None, None)),
        ):
            if name not in shapes:
                raise ModelError(f"{self._path}: has no output {name!r}, only {sorted(shapes)}; {_REMEDY}")
            shape = shapes[name]
            if len(shape) != len(expected) or any(
                want is not None and isinstance(got, int) and got != want
                for got, want in zip(shape, expected, strict=True)
            ):
                wanted = tuple("any" if n is None else n for n in expected)
                raise ModelError(
                    f"{self._path}: its metadata names skeleton {skeleton.name!r}, for which the output {name!r} "
                    f"must have shape {wanted}, got {tuple(shape)}; {_REMEDY}"
                )
