"""The number type that a run computes in: bfloat16 where the machine has units for it, float32 elsewhere."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import torch

__all__ = ["Precision", "bf16_units", "choose_precision"]

_UNITS = frozenset({"amx_bf16", "avx512_bf16", "bf16"})
"""What x86 and Arm CPUs call their units for bfloat16 in Linux; `bf16_units` calls a GPU's bf16, too."""


class Precision(NamedTuple):
    """A number type, and why it was chosen.

    Attributes:
        bf16: whether to use bfloat16 autocast; float32 otherwise.
        reason: for people, with the type's name.
    """

    bf16: bool
    reason: str


def choose_precision(wanted: bool | None, began: bool | None, device: str, units: Collection[str]) -> Precision:
    """Whether to use bfloat16: as it is wanted, else as the run began, else where the machine has units for it.

    Without units it is emulated, which takes about ten times as long as float32.

    Args:
        wanted: ``--bf16`` or ``--no-bf16``; None leaves it to this function.
        began: of a run that is resumed, what it computed in until now, on whatever machine; None for a new one.
        device: "cpu" or "cuda".
        units: what `bf16_units` found there.
    """
    machine = "GPU" if device == "cuda" else "CPU"
    warning = "" if units else f"; this {machine} emulates it, which is slow: --no-bf16 is faster"
    if wanted is not None:
        return Precision(wanted, f"bfloat16 by --bf16{warning}" if wanted else "float32 by --no-bf16")
    if began is not None:
        return Precision(began, f"bfloat16, as the run began{warning}" if began else "float32, as the run began")
    if not units:
        return Precision(False, f"float32, as this {machine} has no units for bfloat16")
    return Precision(True, f"bfloat16, as this {machine} has units for it ({', '.join(sorted(units))})")


def bf16_units(device: torch.device) -> frozenset[str]:
    """Units of a device that compute in bfloat16, by name; none where it has none or the system does not tell."""
    if device.type == "cuda":
        return frozenset({"bf16"}) if torch.cuda.is_bf16_supported(including_emulation=False) else frozenset()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return frozenset()
    facts = (line.partition(":") for line in lines)
    return _UNITS & {
        unit for name, _, value in facts if name.strip() in ("flags", "Features") for unit in value.split()
    }
