"""Export: a pose network as one .onnx file that holds pre-processing, weights and their description."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from strongpose._util.atomic_write import write_atomically
from strongpose._util.installing import install_command
from strongpose.images import PADDING
from strongpose.network.model import PoseNetwork
from strongpose.network.weights import METADATA_KEY

if TYPE_CHECKING:
    import onnx

__all__ = ["OWN_KEYS", "FloatPrecision", "describe", "export_onnx"]

FloatPrecision: TypeAlias = Literal["float32", "float16"]
"""How convolution weights are stored."""

OWN_KEYS = ("skeleton", "stride", "coarse_stride", "network", "input", "outputs", "precision")
"""Facts that the network and the export state themselves."""

_NEEDED_KEYS = ("size", "licence")
_OUTPUTS = ["heatmaps", "offsets", "displacements", "body"]


class _Exported(nn.Module):
    """uint8 images in, probabilities and pixels out; the network keeps its parameters' names."""

    def __init__(self, network: PoseNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        maps = self.network(images.permute(0, 3, 1, 2).float() / 255)
        return maps.heatmaps.sigmoid(), maps.offsets, maps.displacements, maps.body.sigmoid()


def export_onnx(
    network: PoseNetwork,
    path: str | Path,
    metadata: Mapping[str, Any],
    precision: FloatPrecision = "float16",
    fold_norms: bool = False,
) -> None:
    """Write the network as .onnx; the network itself stays as it is.

    Input ``images`` (B, H, W, 3) uint8 RGB, any B, H, W. Outputs, float32: ``heatmaps`` (B, K, h, w) and
    ``body`` (B, h, w) as probabilities, ``offsets`` (B, K, 2, h, w) and ``displacements`` (B, 2E, 2, h, w)
    in pixels. The parameters keep their names behind ``network.``, so that a later training run can start
    from the file (`strongpose.network.weights.load_weights`).

    Args:
        network: what to export; its middle-layer head is left out.
        path: of the .onnx file.
        metadata: JSON-able facts for the file's entry ``strongpose``: ``size``, the recommended long side
            of the input in pixels; ``licence``; whatever else the model's card says. Skeleton, strides,
            configuration, input, outputs and precision are added.
        precision: how convolution weights are stored. Half precision halves the file. They are cast to
            float32 when the model is loaded; the runtime chooses the precision of computation.
        fold_norms: make batch norms part of the convolutions before them, as runtimes do when they load a model;
            quantisation needs it. Training cannot start from such a file.

    Raises:
        ImportError: if onnx or onnxscript is missing.
        ValueError: if the metadata lacks a fact or names one that the network states, or a weight does
            not fit half precision.
    """
    description = json.dumps(describe(network, metadata, precision))
    model = _to_onnx(network, fold_norms)
    if precision == "float16":
        _store_half(model)
    model.metadata_props.add(key=METADATA_KEY, value=description)
    write_atomically(Path(path), model.SerializeToString())


def describe(
    network: PoseNetwork, metadata: Mapping[str, Any], precision: Literal["float32", "float16", "int8"]
) -> dict[str, Any]:
    """What a model file says about itself, as JSON; `strongpose.runtime.ModelInfo` reads it.

    Args:
        network: states skeleton, strides, configuration, input with all pre-processing, and outputs.
        metadata: as for `export_onnx`.
        precision: of the file's weights.

    Raises:
        ValueError: if the metadata lacks a fact or names one that the network states.
    """
    wrong = [key for key in OWN_KEYS if key in metadata]
    missing = [key for key in _NEEDED_KEYS if key not in metadata]
    if wrong or missing:
        raise ValueError(f"metadata of an exported model must give {missing} and must not give {wrong}")
    config, stride = network.config, network.config.stride
    k, e = config.skeleton.num_keypoints, len(config.skeleton.edges)
    cells = f"h = ceil(H / {stride}), w = ceil(W / {stride}); cell (row, column) lies on pixel {stride} * (column, row)"
    return {
        "skeleton": config.skeleton.to_dict(),
        "stride": stride,
        "coarse_stride": config.coarse_stride,
        "network": config.to_dict(),
        "input": {
            "name": "images",
            "shape": ["B", "H", "W", 3],
            "type": "uint8",
            "colour": "RGB",
            "range": [0, 255],
            "resizing": "long side to `size` pixels, aspect kept; bilinear, over all pixels to shrink",
            "sides": f"a multiple of {config.coarse_stride}, plus 1; padded right and below",
            "padding": list(PADDING),
            "mean": [round(float(value), 6) for value in network.mean.flatten()],
            "std": [round(float(value), 6) for value in network.std.flatten()],
            "normalisation": "(RGB / 255 - mean) / std, done inside the model",
        },
        "outputs": {
            "heatmaps": {"shape": ["B", k, "h", "w"], "unit": "probability", "cells": cells},
            "offsets": {"shape": ["B", k, 2, "h", "w"], "unit": "input pixels, x and y"},
            "displacements": {"shape": ["B", 2 * e, 2, "h", "w"], "unit": "input pixels, x and y"},
            "body": {"shape": ["B", "h", "w"], "unit": "probability"},
        },
        "precision": precision,
        **metadata,
    }


def _to_onnx(network: PoseNetwork, fold_norms: bool) -> onnx.ModelProto:
    try:
        import onnxscript.optimizer
    except ImportError as error:
        raise ImportError(f"exporting needs onnx and onnxscript: {install_command('export')}") from error
    training = network.training
    example = torch.zeros(2, 97, 129, 3, dtype=torch.uint8, device=network.mean.device)
    exporter_log = logging.getLogger("torch.onnx")
    level = exporter_log.level
    exporter_log.setLevel(logging.ERROR)  # else it names torchvision's missing operators, which are not used
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter's own deprecations
            program = torch.onnx.export(
                _Exported(network).eval(),
                (example,),
                dynamo=True,
                optimize=False,
                input_names=["images"],
                output_names=_OUTPUTS,
                dynamic_shapes={"images": {0: "batch", 1: "height", 2: "width"}},
                verbose=False,
            )
    finally:
        exporter_log.setLevel(level)
        network.train(training)
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    if fold_norms:
        onnxscript.optimizer.optimize(program.model)  # into convolutions, and their names with them
    else:
        onnxscript.optimizer.fold_constants(program.model)
        onnxscript.optimizer.remove_unused_nodes(program.model)
    model = program.model_proto
    for part in (*model.graph.node, *model.graph.input, *model.graph.output, *model.graph.value_info):
        del part.metadata_props[:]  # source lines of this machine
        part.doc_string = ""
    return model


def _store_half(model: onnx.ModelProto) -> None:
    """Convert convolution weights to half precision, each followed by a cast back to float32, in place."""
    import onnx

    casts, renamed = [], {}
    for initializer in model.graph.initializer:
        if initializer.data_type != onnx.TensorProto.FLOAT or len(initializer.dims) != 4:
            continue
        values = onnx.numpy_helper.to_array(initializer)
        if np.abs(values).max() > np.finfo(np.float16).max:
            raise ValueError(f"{initializer.name} holds values beyond half precision; export with precision float32")
        name = initializer.name
        initializer.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), name))
        renamed[name] = f"{name}.float32"
        casts.append(onnx.helper.make_node("Cast", [name], [renamed[name]], to=onnx.TensorProto.FLOAT))
    for node in model.graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = renamed.get(name, name)
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
