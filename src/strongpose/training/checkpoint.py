"""Checkpoints: the whole state of a run in one safetensors file, written atomically."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from strongpose.exceptions import CheckpointError
from strongpose.network.tensors import write_tensors
from strongpose.network.weights import renamed

__all__ = ["load_checkpoint", "save_checkpoint"]


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

    Raises:
        CheckpointError: if the state holds values that are not finite, which no run could resume from.
        OSError: if it cannot be written; the message names the file and the reason.
    """
    tensors = _prefixed("network", network.state_dict()) | _prefixed("average", average.state_dict())
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= _prefixed(f"optimizer.{number}", {k: torch.as_tensor(v) for k, v in state.items()})
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise CheckpointError(f"{path}: not written, as {name} holds values that are not finite")
    write_tensors(path, tensors, {"info": json.dumps(info)})


def load_checkpoint(
    path: Path, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> dict[str, Any]:
    """Put the state that `save_checkpoint` wrote back in place.

    Returns:
        The ``info`` that was saved, with the number of steps done as ``step`` and the ``config`` as a dictionary.

    Raises:
        CheckpointError: if the file is damaged or belongs to another network; nothing was put in place then.
    """
    try:
        with safe_open(path, framework="pt") as file:
            info = json.loads((file.metadata() or {})["info"])
            tensors = renamed({name: file.get_tensor(name) for name in file.keys()})
        if not isinstance(info["step"], int) or not 0 <= info["step"] < 2**31 or not isinstance(info["config"], dict):
            raise ValueError("its step or configuration is damaged")
        info["config"] = renamed(info["config"])
        states = [
            _checked(_without(tensors, key), module) for key, module in (("network", network), ("average", average))
        ]
        moments = _moments(_without(tensors, "optimizer"), optimizer)
    except (SafetensorError, OSError, LookupError, RuntimeError, ValueError, TypeError, RecursionError) as error:
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise CheckpointError(
            f"{path}: cannot be resumed ({reason[0][:300]}); start in another folder, or delete it"
        ) from error
    network.load_state_dict(states[0])
    average.load_state_dict(states[1])
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    return info


def _checked(tensors: dict[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
    """The tensors, if they are those of the module; raises `ValueError` at the first that is not."""
    state = module.state_dict()
    for name in sorted(state.keys() ^ tensors.keys()):
        raise ValueError(f"{name} is {'missing' if name in state else 'not part of this network'}")
    for name, tensor in tensors.items():
        expected = state[name]
        if (tensor.shape, tensor.dtype) != (expected.shape, expected.dtype):
            got, wanted = (f"{t.dtype} {tuple(t.shape)}" for t in (tensor, expected))
            raise ValueError(f"{name} is {got}, expected {wanted}")
        if not tensor.isfinite().all():
            raise ValueError(f"{name} holds values that are not finite")
    return tensors


def _moments(tensors: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> dict[int, dict[str, Tensor]]:
    """The optimizer's state by parameter number, checked like `_checked`."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, key = name.partition(".")
        if not 0 <= int(number) < len(parameters) or tensor.shape not in ((), parameters[int(number)].shape):
            raise ValueError(f"the optimizer's {name} belongs to no parameter")
        if not tensor.is_floating_point() or not tensor.isfinite().all():
            raise ValueError(f"the optimizer's {name} holds values that are not finite")
        state.setdefault(int(number), {})[key] = tensor
    return state


def _prefixed(prefix: str, tensors: dict[str, Any]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def _without(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(f"{prefix}."): t for name, t in tensors.items() if name.startswith(f"{prefix}.")}
