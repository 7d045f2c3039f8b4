"""Whether int8 is exact in OpenVINO: x86 CPUs without VNNI add products in pairs, to 16-bit sums that saturate.

There, the instruction vpmaddubsw multiplies two activations (0 to 255) by two weights (-128 to 127) and cuts the sum
to 32767 at most. It makes no difference where weights stay within ±64. CPUs with VNNI (AVX-512 or AVX) or AMX add to
32 bits. Other architectures, Arm's for one, have no such instruction.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from strongpose._util.own_thread import in_own_thread

if TYPE_CHECKING:
    import openvino

__all__ = ["HALF_RANGE", "int8_saturates_here", "is_quantised", "sums_fit_16_bits"]

HALF_RANGE = 64
"""Weights within ± this fit: 255·(64 + 64) = 32640, below 2¹⁵."""

_CHANNELS = 64  # as many as take OpenVINO to the kernels that networks run in


def is_quantised(model: openvino.Model) -> bool:
    """Whether the model has layers to compute in int8."""
    return any(node.get_type_name() == "FakeQuantize" for node in model.get_ops())


def sums_fit_16_bits(model: openvino.Model) -> bool:
    """Whether no sum of two products can overflow 16 bits: all 8-bit weights of the model lie within ±64.

    The weights themselves are looked at, whatever the file says. Where they are stored in float, for OpenVINO to
    quantise, the answer is no.
    """
    fixed: set[str] = set()  # names of nodes that do not depend on the photo
    for node in model.get_ordered_ops():  # sources come first
        sources = [value.get_node().get_name() for value in node.input_values()]
        if node.get_type_name() == "FakeQuantize" and sources[0] in fixed:
            return False
        if node.get_type_name() == "Constant":
            fixed.add(node.get_name())
            if node.get_element_type().get_type_name() in ("i8", "u8"):
                if np.abs(node.data.astype(np.int16)).max(initial=0) > HALF_RANGE:
                    return False
        elif sources and fixed.issuperset(sources):
            fixed.add(node.get_name())
    return True


@functools.cache
def int8_saturates_here() -> bool:
    """Whether OpenVINO's int8 convolutions are wrong on this CPU where weights go beyond ±64.

    Found by a convolution of the largest activations and weights, once a process: that holds for every CPU, system
    and limit to OpenVINO's instructions (the environment variable ``ONEDNN_MAX_CPU_ISA``).
    """
    return in_own_thread(_largest_sum) < 0.75  # saturated to half, or exact to a few thousandths


def _largest_sum() -> float:
    """The sum of products of the largest activations and weights, as a part of the exact one."""
    import openvino
    from openvino import opset13 as ops

    pixels = ops.parameter([1, _CHANNELS, 9, 9], np.float32)
    low, high = ops.constant(np.float32(0)), ops.constant(np.float32(255))
    activations = ops.fake_quantize(pixels, low, high, low, high, 256)
    stored = ops.convert(ops.constant(np.full((_CHANNELS, _CHANNELS, 1, 1), 127, np.int8)), "f32")
    weights = ops.multiply(stored, ops.constant(np.full((_CHANNELS, 1, 1, 1), 1 / 127, np.float32)))
    sums = ops.convolution(activations, weights, [1, 1], [0, 0], [0, 0], [1, 1])
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    model = openvino.Core().compile_model(openvino.Model([sums], [pixels]), "CPU", settings)
    found = model.create_infer_request().infer([np.full((1, _CHANNELS, 9, 9), 255, np.float32)])[0]
    return float(found.min()) / (255 * _CHANNELS)
