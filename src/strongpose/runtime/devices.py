"""Devices that networks run on, by name, and one line about those there are where another is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from strongpose.exceptions import ModelError

__all__ = ["DEVICES", "check_device", "choose_runtime", "device_kind"]

DEVICES = {
    "cpu": "every runtime runs on it",
    "cuda": "install onnxruntime-gpu in place of onnxruntime, or torch with CUDA, and NVIDIA's driver",
    "gpu": "install openvino and Intel's driver for its GPU",
    "mps": "install torch, on a Mac with Apple silicon",
}
"""The kinds of devices, and what each needs."""


Name = TypeVar("Name", bound=str)


def device_kind(device: str) -> str:
    """The kind of a device that is called like ``cuda`` or ``cuda:1``.

    Raises:
        ValueError: if it is called otherwise; the message lists the kinds.
    """
    if (
        not isinstance(device, str)
        or not re.fullmatch(rf"({'|'.join(DEVICES)})(:\d+)?", device)
        or device.startswith("cpu:")
    ):
        kinds = ", ".join(DEVICES)
        raise ValueError(f"device must be auto or one of {kinds}, or with a number, as in cuda:1, got {device!r}")
    return device.partition(":")[0]


def check_device(device: str, available: Sequence[str], runtime: str) -> None:
    """Refuse a device that a runtime does not find here.

    Args:
        device: what was asked for.
        available: the runtime's devices; one without a number stands for all of its kind.
        runtime: its name, for the message.

    Raises:
        ModelError: naming the devices there are and what the missing one needs.
        ValueError: if there is no such kind of device.
    """
    kind = device_kind(device)
    if not any(found in (device, kind) or (device == kind == found.partition(":")[0]) for found in available):
        there = ", ".join(available)
        raise ModelError(f"device {device}: {runtime} finds only {there} here; for {kind}: {DEVICES[kind]}")


def choose_runtime(device: str, available: Mapping[Name, Sequence[str]]) -> Name:
    """The first runtime that can use a device.

    Args:
        device: what was asked for.
        available: the devices of each runtime, the preferred one first.

    Raises:
        ModelError: if none can; names the devices there are and what the missing one needs.
        ValueError: if there is no such kind of device.
    """
    kind = device_kind(device)
    for runtime, devices in available.items():
        if any(found.partition(":")[0] == kind for found in devices):
            check_device(device, devices, runtime)
            return runtime
    there = "; ".join(f"{runtime} finds {', '.join(devices)}" for runtime, devices in available.items())
    raise ModelError(f"device {device}: not found here ({there}); for {kind}: {DEVICES[kind]}")
