"""OpenVINO: the fast path on a CPU, in bfloat16 where the CPU has instructions for it, in int8 where that is exact."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from strongpose._util.own_thread import in_own_thread
from strongpose._util.telemetry import without_telemetry
from strongpose.exceptions import ModelError
from strongpose.runtime.devices import check_device
from strongpose.runtime.interface import REMEDY, check_interface, check_maps, read_info, reason
from strongpose.runtime.model import RawMaps
from strongpose.runtime.saturation import int8_saturates_here, is_quantised, sums_fit_16_bits

__all__ = ["OpenVinoRuntime", "openvino_devices"]


class OpenVinoRuntime:
    """Runs an .onnx file or an .xml file with its .bin (int8) that ``strongpose export`` wrote.

    Calls from several threads run side by side, each in a request of its own.

    Args:
        path: the file; of an OpenVINO model the .xml.
        threads: number of CPU threads; 0 takes all cores.
        bf16: compute in bfloat16, which moves keypoints by tenths of a pixel; left out, where the CPU has
            instructions for it. Otherwise in float32. The int8 layers of an int8 model stay int8.
        int8: compute an int8 model's int8 layers in int8; left out, where that is exact: everywhere but on x86
            CPUs without VNNI, and there if all weights are within ±64 (`strongpose.runtime.saturation`). Otherwise
            the same layers are computed in float, and ``bf16`` left out means float32.
        device: cpu, or gpu (gpu:1 …) for one of Intel, in float32; auto takes cpu.

    Attributes:
        info: what the file says about itself.
        name: the runtime and its precision, for people.
        model: the name of the model, as the file is called.
        device: what it runs on.

    Raises:
        ValueError: if there is no such kind of device.
        ModelError: if the file is damaged, says nothing about itself, or its inputs and outputs do not
            fit what it says; or the device is not there.
        ImportError: if OpenVINO is not installed.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        threads: int = 0,
        bf16: bool | None = None,
        int8: bool | None = None,
        device: str = "auto",
    ) -> None:
        self.device = "cpu" if device == "auto" else device
        if self.device != "cpu":
            check_device(device, openvino_devices(), "OpenVINO")
        in_own_thread(lambda: self._load(Path(path), threads, bf16, int8))

    def _load(self, path: Path, threads: int, bf16: bool | None, int8: bool | None) -> None:
        with without_telemetry():
            import openvino
            from openvino.frontend import FrontEndManager

        self._path = path
        self.model = path.stem
        on_cpu = self.device == "cpu"
        try:
            frontend = FrontEndManager().load_by_framework("ir" if path.suffix == ".xml" else "onnx")
            model = frontend.convert(frontend.load(str(path)))  # core.read_model would try every other format, too
            self.info = read_info(path, _description(model))
            check_interface(path, self.info, *_interface(model))
            quantised = is_quantised(model)
            if int8 is None:
                int8 = not quantised or not on_cpu or sums_fit_16_bits(model) or not int8_saturates_here()
            in_float = quantised and not int8
            core = openvino.Core()
            if bf16 is None:
                bf16 = on_cpu and not in_float and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
            settings: dict[str, object] = {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
            }
            if on_cpu:
                settings["INFERENCE_NUM_THREADS"] = threads
            if in_float:
                settings["LP_TRANSFORMS_MODE"] = False  # "EXECUTION_MODE_HINT": "ACCURACY" would leave int8 on
            self._model = core.compile_model(model, self.device.upper().replace(":", "."), settings)
        except ModelError:
            raise
        except Exception as error:  # OpenVINO's exceptions have no public base class
            why = reason(error, -1)
            raise ModelError(f"{path}: OpenVINO cannot load it ({why}); copy it again or {REMEDY}") from error
        kind = "bfloat16" if bf16 else "float32"
        self.name = f"OpenVINO in {'int8 and ' * (quantised and int8)}{kind}{' with int8 weights' * in_float}"

    def __call__(self, images: np.ndarray) -> RawMaps:
        """The maps of (B, H, W, 3) uint8 RGB images whose sides have the form n·coarse_stride + 1.

        Raises:
            ModelError: if the network cannot run, or returns what does not fit the model's metadata.
        """
        try:
            found = self._model.create_infer_request().infer({"images": images}, share_inputs=True)
            maps = RawMaps(*(np.array(found[name], dtype=np.float32) for name in RawMaps._fields))
        except Exception as error:  # as above
            raise ModelError(f"{self._path}: OpenVINO cannot run it ({reason(error, -1)}); {REMEDY}") from error
        return check_maps(self._path, self.info, images, maps)


def openvino_devices() -> list[str]:
    """The devices that OpenVINO finds here."""
    with without_telemetry():
        import openvino

    found = in_own_thread(lambda: openvino.Core().available_devices)
    return [device.lower().replace(".", ":") for device in found]


def _description(model: Any) -> str | None:
    """The JSON text with which the file describes itself: at its root in an .xml, as ONNX metadata in an .onnx."""
    for place in (["strongpose"], ["framework", "strongpose"]):
        if model.has_rt_info(place):
            return str(model.get_rt_info(place).value)
    return None


def _interface(model: Any) -> tuple[dict[str, tuple[str, int]], dict[str, list[object]]]:
    """Inputs and outputs as `check_interface` wants them."""

    def shape(port: Any) -> list[object]:
        return [n.get_length() if n.is_static else "any" for n in port.partial_shape]

    inputs = {i.any_name: (i.element_type.to_dtype().name, len(i.partial_shape)) for i in model.inputs}
    return inputs, {o.any_name: shape(o) for o in model.outputs}
