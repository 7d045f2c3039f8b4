"""A model of a few kilobytes, for two keypoints: it loads in milliseconds, so it can be damaged in many ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["DESCRIPTION", "small_onnx", "write_small_ir", "write_small_onnx"]

DESCRIPTION: dict[str, Any] = {
    "skeleton": {
        "name": "two",
        "names": ["left_hand", "right_hand"],
        "edges": [["left_hand", "right_hand"]],
        "flip_pairs": [["left_hand", "right_hand"]],
        "sigmas": [0.06, 0.06],
        "limbs": [["left_hand", "right_hand"]],
    },
    "stride": 4,
    "coarse_stride": 8,
    "size": 65,
    "decode": {"disk_radius": 12.0},
    "licence": "Apache-2.0",
}


def small_onnx(description: Any = DESCRIPTION) -> onnx.ModelProto:
    """The network: each map is one convolution of the pixels.

    Args:
        description: its metadata, an object or text.
    """
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["pixels"], perm=[0, 3, 1, 2]),
    ]
    weights = [numpy_helper.from_array(np.array([1], dtype=np.int64), "one")]
    for name, channels in (("h", 2), ("o0", 2), ("o1", 2), ("d0", 2), ("d1", 2), ("b", 1)):
        values = rng.normal(0, 0.001, (channels, 3, 1, 1)).astype(np.float32)
        weights.append(numpy_helper.from_array(values, f"network.{name}"))
        nodes.append(helper.make_node("Conv", ["pixels", f"network.{name}"], [name], strides=[4, 4]))
    nodes.append(helper.make_node("Sigmoid", ["h"], ["heatmaps"]))
    for name, parts in (("offsets", ("o0", "o1")), ("displacements", ("d0", "d1"))):
        nodes += [helper.make_node("Unsqueeze", [part, "one"], [f"{part}.5"]) for part in parts]
        nodes.append(helper.make_node("Concat", [f"{part}.5" for part in parts], [name], axis=1))
    nodes += [helper.make_node("Squeeze", ["b", "one"], ["b.3"]), helper.make_node("Sigmoid", ["b.3"], ["body"])]
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["B", "H", "W", 3])
    shapes = {
        "heatmaps": ["B", 2, "h", "w"],
        "offsets": ["B", 2, 2, "h", "w"],
        "displacements": ["B", 2, 2, "h", "w"],
        "body": ["B", "h", "w"],
    }
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    graph = helper.make_graph(nodes, "small", [images], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    text = description if isinstance(description, str) else json.dumps(description)
    model.metadata_props.add(key="strongpose", value=text)
    return model


def write_small_onnx(path: Path, description: Any = DESCRIPTION) -> Path:
    """Write it as .onnx."""
    path.write_bytes(small_onnx(description).SerializeToString())
    return path


def write_small_ir(path: Path) -> Path:
    """Write it as .xml and .bin."""
    from strongpose.export.openvino_ir import read_onnx, write_ir

    write_ir(read_onnx(write_small_onnx(path.with_suffix(".source.onnx"))), path, DESCRIPTION)
    return path
