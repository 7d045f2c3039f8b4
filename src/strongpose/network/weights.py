"""A network's weights: saved as safetensors, loaded from those or out of a released .onnx file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch import Tensor

from strongpose.network.config import NetworkConfig
from strongpose.network.heads import repeat_outputs
from strongpose.network.model import PoseNetwork, build_network
from strongpose.network.neck import LowRankConv, factors
from strongpose.network.onnx_file import read_onnx_weights
from strongpose.network.tensors import fill, read_tensors, write_tensors

__all__ = ["METADATA_KEY", "load_network", "load_weights", "renamed", "save_weights"]

METADATA_KEY = "strongpose"
"""Where safetensors and .onnx files keep our JSON; its entry "network" is the `NetworkConfig`."""

_MIDDLE = "middle_head."
_HEADS = ("head.", _MIDDLE, "fine.")


def save_weights(network: PoseNetwork, path: str | Path) -> None:
    """Write all weights, with the configuration in the file's metadata; never leaves half a file behind.

    Args:
        network: any `PoseNetwork`.
        path: of the .safetensors file.

    Raises:
        OSError: if it cannot be written; the message names the file and the reason.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    write_tensors(Path(path), tensors, {METADATA_KEY: json.dumps({"network": network.config.to_dict()})})


def load_weights(network: PoseNetwork, path: str | Path, other_skeleton: bool = False) -> bool:
    """Fill a network, in place, from a .safetensors file of `save_weights` or a released .onnx file.

    The middle-layer head serves training only: a file without it (every .onnx) leaves the network's own
    as it is, and a network without it leaves the file's out. A network that goes beyond the file, by
    up-sampled heads, the fine branch or the half-scale branch, predicts at first what the file's network predicts;
    one whose neck has a lower rank, nearly so.

    Args:
        network: what to fill.
        path: of the file.
        other_skeleton: take a file for another skeleton as well: backbone and neck are filled, and the network's
            own heads (and fine branch) left as they are.

    Returns:
        Whether the heads were filled, too.

    Raises:
        FileNotFoundError: if there is no such file.
        ImportError: if the file is an .onnx and the onnx package is missing.
        ValueError: if the file cannot be read, belongs to another skeleton, or a tensor is left over,
            missing or of another shape.
    """
    tensors, config = _read(path)
    if other_skeleton and config.skeleton != network.config.skeleton:
        own = {name: tensor for name, tensor in network.state_dict().items() if name.startswith(_HEADS)}
        fill(network, {name: t for name, t in tensors.items() if not name.startswith(_HEADS)} | own, path)
        return False
    _fill(network, tensors, config, path)
    return True


def load_network(path: str | Path) -> PoseNetwork:
    """The network that a .safetensors file of `save_weights` or a released .onnx file describes.

    The middle-layer head, which an .onnx file does not hold, then has random weights.

    Raises:
        FileNotFoundError: if there is no such file.
        ImportError: if the file is an .onnx and the onnx package is missing.
        ValueError: if the file cannot be read or its tensors do not fit its configuration.
    """
    tensors, config = _read(path)
    network = build_network(config)
    _fill(network, tensors, config, path)
    return network


def _fill(network: PoseNetwork, tensors: dict[str, Tensor], config: NetworkConfig, path: str | Path) -> None:
    if config.skeleton != network.config.skeleton:
        raise ValueError(
            f"{path}: made for the skeleton {config.skeleton.name!r}, this network is for "
            f"{network.config.skeleton.name!r}; train from it with --init, or use the same skeleton"
        )
    own = {name: tensor for name, tensor in network.state_dict().items() if name.startswith(_MIDDLE)}
    theirs = {name: tensor for name, tensor in tensors.items() if name.startswith(_MIDDLE)}
    middle = theirs if own and theirs else own
    tensors = {name: t for name, t in tensors.items() if name not in theirs} | middle
    for name, layer in network.neck.named_children():
        whole, bias = (tensors.get(f"neck.{name}.{kind}") for kind in ("weight", "bias"))
        if isinstance(layer, LowRankConv) and whole is not None and bias is not None and whole.ndim == 4:
            narrow, widen = factors(whole, layer.narrow.out_channels)
            del tensors[f"neck.{name}.weight"], tensors[f"neck.{name}.bias"]
            new = {"narrow.weight": narrow, "widen.weight": widen, "widen.bias": bias}
            tensors |= {f"neck.{name}.{kind}": tensor for kind, tensor in new.items()}
    if network.fine is not None and not config.fine_channels:
        tensors |= {f"fine.{name}": tensor for name, tensor in network.fine.state_dict().items()}
    if network.half_scale is not None and not config.half_scale:
        tensors |= {f"half_scale.{name}": tensor for name, tensor in network.half_scale.state_dict().items()}
    upsample = network.config.upsample
    if config.upsample == 1 and upsample > 1:
        heads = ("head.", _MIDDLE) if theirs else ("head.",)
        for head in (head for head in heads if f"{head}fields.weight" in tensors):
            names = f"{head}fields.weight", f"{head}fields.bias"
            weight, bias = (tensors[name].float() for name in names)
            repeated = repeat_outputs(weight, bias, config.skeleton.num_keypoints, config.output_stride, upsample)
            tensors |= dict(zip(names, repeated, strict=True))
    fill(network, tensors, path)


def _read(path: str | Path) -> tuple[dict[str, Tensor], NetworkConfig]:
    if Path(path).suffix == ".onnx":
        tensors, metadata = read_onnx_weights(path)
    else:
        tensors = read_tensors(path)
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    return renamed(tensors), _config(metadata, path)


def _config(metadata: dict[str, str], path: str | Path) -> NetworkConfig:
    try:
        description: Any = json.loads(metadata[METADATA_KEY])
        return NetworkConfig.from_dict(renamed(description["network"]))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(
            f"{path}: its metadata does not describe a StrongPose network ({error!s:.300}); "
            "only files written by save_weights or `strongpose export` can be loaded"
        ) from error


def renamed(entries: dict[str, Any]) -> dict[str, Any]:
    """Tensors or options by their present names: older files, the released `accurate` among them, have another one."""
    return {re.sub(r"(?<![^.])second_look\b", "half_scale", name): entry for name, entry in entries.items()}
