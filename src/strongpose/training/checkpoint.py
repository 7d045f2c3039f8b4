"""Checkpoints: the whole state of a run in one safetensors file, written atomically."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

__all__ = ["CheckpointError", "load_checkpoint", "save_checkpoint"]


class CheckpointError(ValueError):
    """A checkpoint that cannot be resumed; the message names the file and the remedy."""


def save_checkpoint(
    path: Path, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, info: dict[str, Any]
) -> None:
    """Write the state of a run; a crash at any moment leaves the old file or the new one, whole.

    Args:
        path: where to.
        network: being trained.
        average: its running average.
        optimizer: its state is stored by parameter number.
        info: what else belongs to the state: step, configuration; must be JSON.
    """
    tensors = _prefixed("network", network.state_dict()) | _prefixed("average", average.state_dict())
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= _prefixed(f"optimizer.{number}", {k: torch.as_tensor(v) for k, v in state.items()})
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    temporary = path.with_suffix(".partial")
    save_file(tensors, temporary, metadata={"info": json.dumps(info)})
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)


def load_checkpoint(
    path: Path, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> dict[str, Any]:
    """Put the state that `save_checkpoint` wrote back in place.

    Returns:
        The ``info`` that was saved.

    Raises:
        CheckpointError: if the file is damaged or belongs to another network.
    """
    try:
        with safe_open(path, framework="pt") as file:
            info = json.loads((file.metadata() or {})["info"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        network.load_state_dict(_without(tensors, "network"))
        average.load_state_dict(_without(tensors, "average"))
    except (SafetensorError, KeyError, RuntimeError, ValueError) as error:
        raise CheckpointError(
            f"{path}: cannot be resumed ({str(error).splitlines()[0]}); start in another folder, or delete it"
        ) from error
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _without(tensors, "optimizer").items():
        number, _, key = name.partition(".")
        state.setdefault(int(number), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return info


def _prefixed(prefix: str, tensors: dict[str, Any]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def _without(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(f"{prefix}."): t for name, t in tensors.items() if name.startswith(f"{prefix}.")}
