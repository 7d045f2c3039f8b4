"""Named tensors: writing and reading files of them, and filling a module with a check that nothing is left over."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

__all__ = ["fill", "read_metadata", "read_tensors", "write_tensors"]


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file so that a crash at any moment leaves the old file or the new one, whole.

    Until it is whole it bears the suffix ``.partial``; what a killed process left of one is written over.

    Args:
        path: where to; the folder must be there.
        tensors: contiguous, by name.
        metadata: text by name.

    Raises:
        OSError: if it cannot be written; the message names the file and the reason.
    """
    partial = path.with_suffix(".partial")
    try:
        save_file(tensors, partial, metadata)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    except (SafetensorError, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error).removeprefix("Error while serializing: I/O error: ")
        raise OSError(f"{path}: cannot be written ({reason})") from error
    finally:
        partial.unlink(missing_ok=True)


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not in the safetensors format.
    """
    with _reading(path):
        return load_file(path)


def read_metadata(path: str | Path) -> dict[str, str]:
    """The texts by name in a safetensors file; its tensors are not looked at.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not in the safetensors format.
    """
    with _reading(path), safe_open(path, framework="pt") as file:
        return file.metadata() or {}


@contextmanager
def _reading(path: str | Path) -> Iterator[None]:
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such weight file")
    try:
        yield
    except (SafetensorError, OSError, LookupError, RuntimeError, ValueError, TypeError) as error:
        raise ValueError(
            f"{path}: not a readable safetensors file ({error!s:.300}); fetch or export it again"
        ) from error


def fill(module: nn.Module, tensors: Mapping[str, Tensor], source: str | Path) -> None:
    """Copy tensors into a module's parameters and buffers of the same names, converted to their types.

    Args:
        module: what to fill, in place.
        tensors: by name; every one must be used, and every parameter and buffer filled.
        source: the file that they come from, for error messages.

    Raises:
        ValueError: naming the tensors that are missing, left over, of another shape, no floating-point numbers
            where such are expected, or not finite; nothing was copied then.
    """
    state = module.state_dict()
    problems = [
        *(f"{name} is missing" for name in state.keys() - tensors.keys()),
        *(f"{name} is not part of this network" for name in tensors.keys() - state.keys()),
        *(
            f"{name} has shape {tuple(tensors[name].shape)}, expected {tuple(state[name].shape)}"
            for name in state.keys() & tensors.keys()
            if tensors[name].shape != state[name].shape
        ),
        *(
            f"{name} has the type {tensors[name].dtype}, expected {state[name].dtype}"
            for name in state.keys() & tensors.keys()
            if tensors[name].is_floating_point() != state[name].is_floating_point() or tensors[name].is_complex()
        ),
        *(
            f"{name} holds values that are not finite"
            for name in state.keys() & tensors.keys()
            if tensors[name].is_floating_point() and not tensors[name].float().isfinite().all()
        ),
    ]
    if problems:
        shown = "; ".join(sorted(problems)[:8])
        more = f"; and {len(problems) - 8} more" if len(problems) > 8 else ""
        raise ValueError(
            f"{source}: the weights do not fit {type(module).__name__}: {shown}{more}. "
            "Use the configuration that the weights were made with"
        )
    with torch.no_grad():
        for name, target in state.items():
            target.copy_(tensors[name])
