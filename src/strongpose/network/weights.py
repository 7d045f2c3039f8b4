"""A network's weights and what they were trained with: saved as safetensors, loaded from those or a released .onnx."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from strongpose.network.config import NetworkConfig
from strongpose.network.heads import repeat_outputs
from strongpose.network.model import PoseNetwork, build_network, load_backbone
from strongpose.network.onnx_file import read_onnx_metadata, read_onnx_weights
from strongpose.network.tensors import fill, read_metadata, read_tensors, write_tensors

__all__ = [
    "METADATA_KEY",
    "TrainingFacts",
    "load_backbone_weights",
    "load_network",
    "load_weights",
    "renamed",
    "save_weights",
    "training_facts",
]

METADATA_KEY = "strongpose"
"""Where safetensors and .onnx files keep our JSON; "network" is the `NetworkConfig`, "size" and "decode" are facts."""

_MIDDLE = "middle_head."
_HEADS = ("head.", _MIDDLE)
_T = TypeVar("_T")
_MOST_PIXELS = 8192  # as of `strongpose.runtime.ModelInfo.size`


@dataclass(frozen=True)
class TrainingFacts:
    """What weights were trained with, as far as their use depends on it; None where that is not known.

    Attributes:
        disk_radius: R in pixels, the radius of the heat map disks.
        size: long side in pixels of the photos that they were validated on.
        body_weight: how much the body heat map counts in the scores of keypoints, as in the weights begun from.
    """

    disk_radius: float | None = None
    size: int | None = None
    body_weight: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The entries that an exported model has as well, for JSON."""
        decode = {"disk_radius": self.disk_radius, "body_weight": self.body_weight}
        decode = {name: value for name, value in decode.items() if value is not None}
        return ({"decode": decode} if decode else {}) | ({} if self.size is None else {"size": self.size})

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TrainingFacts:
        """The facts in a file's description.

        Raises:
            ValueError: if one of them makes no sense.
        """
        decode, size = data.get("decode", {}), data.get("size")
        radius, weight = decode.get("disk_radius"), decode.get("body_weight")
        for name, value, kind in (("disk_radius", radius, (int, float)), ("size", size, int)):
            if value is not None and not (_is_number(value, kind) and 0 < value <= _MOST_PIXELS):
                raise ValueError(f"{name} must be a number of pixels up to {_MOST_PIXELS}, got {value!r:.40}")
        if weight is not None and not (_is_number(weight, (int, float)) and weight >= 0):
            raise ValueError(f"body_weight must be at least 0, got {weight!r:.40}")
        return cls(None if radius is None else float(radius), size, None if weight is None else float(weight))


def _is_number(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool) and math.isfinite(value)


def save_weights(network: PoseNetwork, path: str | Path, facts: TrainingFacts = TrainingFacts()) -> None:
    """Write all weights, with the configuration in the file's metadata; never leaves half a file behind.

    Args:
        network: any `PoseNetwork`.
        path: of the .safetensors file.
        facts: what the weights were trained with.

    Raises:
        OSError: if it cannot be written; the message names the file and the reason.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    description = {"network": network.config.to_dict(), **facts.to_dict()}
    write_tensors(Path(path), tensors, {METADATA_KEY: json.dumps(description)})


def load_weights(network: PoseNetwork, path: str | Path, other_skeleton: bool = False) -> bool:
    """Fill a network, in place, from a .safetensors file of `save_weights` or a released .onnx file.

    The middle-layer head serves training only: a file without it (every .onnx) leaves the network's own
    as it is, and a network without it leaves the file's out. A network that goes beyond the file, by
    up-sampled heads or the half-scale branch, predicts at first what the file's network predicts.

    Args:
        network: what to fill.
        path: of the file.
        other_skeleton: take a file for another skeleton as well: backbone and neck are filled, and the network's
            own heads left as they are.

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


def load_backbone_weights(network: PoseNetwork, path: str | Path) -> None:
    """Fill a network's backbone, in place, with that of a whole network, or with a file of backbone weights alone.

    Args:
        network: "mobile16" and "mobile" have the same weights; any other backbone takes those of its own kind.
        path: a .safetensors file of `save_weights`, a released .onnx file, or a file for `load_backbone`.

    Raises:
        FileNotFoundError: if there is no such file.
        ImportError: if the file is an .onnx and the onnx package is missing.
        ValueError: if it cannot be read, or does not fit.
    """
    if Path(path).suffix != ".onnx" and METADATA_KEY not in read_metadata(path):
        load_backbone(network, path)
        return
    tensors, _ = _read(path)
    prefix = "backbone."
    fill(network.backbone, {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}, path)


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


def training_facts(path: str | Path) -> TrainingFacts:
    """What the weights in a .safetensors file of `save_weights` or a released .onnx file say they were trained with.

    Raises:
        FileNotFoundError: if there is no such file.
        ImportError: if the file is an .onnx and the onnx package is missing.
        ValueError: if the file cannot be read, or what it says makes no sense.
    """
    metadata = read_onnx_metadata(path) if Path(path).suffix == ".onnx" else read_metadata(path)
    return _described(metadata, path, TrainingFacts.from_dict)


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
        tensors, metadata = read_tensors(path), read_metadata(path)
    return renamed(tensors), _config(metadata, path)


def _config(metadata: dict[str, str], path: str | Path) -> NetworkConfig:
    return _described(metadata, path, lambda description: NetworkConfig.from_dict(renamed(description["network"])))


def _described(metadata: dict[str, str], path: str | Path, read: Callable[[Any], _T]) -> _T:
    """What ``read`` makes of the description in a file's metadata."""
    try:
        return read(json.loads(metadata[METADATA_KEY]))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(
            f"{path}: its metadata does not describe a StrongPose network ({error!s:.300}); "
            "only files written by save_weights or `strongpose export` can be loaded"
        ) from error


def renamed(entries: dict[str, Any]) -> dict[str, Any]:
    """Tensors or options by their present names: older files, the released `accurate` among them, have another one."""
    return {re.sub(r"(?<![^.])second_look\b", "half_scale", name): entry for name, entry in entries.items()}
