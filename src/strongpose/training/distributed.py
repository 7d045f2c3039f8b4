"""Several processes that train one network: each takes a part of every batch, and the gradients are summed.

What a step does depends on the batch alone, not on how many processes share it: they divide their losses by the
cells of the whole batch (`strongpose.training.losses.Counts`), so that the sum of their gradients is the batch's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, nn
from torch.distributed import ReduceOp, all_reduce, destroy_process_group, init_process_group
from torch.nn.parallel import DistributedDataParallel

from strongpose.network import PoseNetwork

__all__ = ["World", "joined"]

_PATIENCE = timedelta(hours=2)  # how long the others wait while the first one validates


@dataclass(frozen=True)
class World:
    """The processes that train together.

    Attributes:
        device: where this one trains.
        rank: number of this one; the first, 0, writes all files.
        size: how many there are.
    """

    device: torch.device
    rank: int = 0
    size: int = 1

    def total(self, values: Tensor) -> Tensor:
        """The sum over all processes of a tensor on the device."""
        if self.size > 1:
            values = values.clone()
            all_reduce(values, ReduceOp.SUM)
        return values

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""
        return bool(self.total(torch.tensor(int(flag), device=self.device))) if self.size > 1 else flag

    def first(self, value: float) -> float:
        """The first process's value, in all processes."""
        own = torch.tensor(value if self.rank == 0 else 0.0, dtype=torch.float64, device=self.device)
        return float(self.total(own)) if self.size > 1 else value

    def shared(self, network: PoseNetwork) -> nn.Module:
        """The network; of several processes, with the mean of their gradients: multiply the loss by ``size``.

        All start from the first one's weights.
        """
        if self.size == 1:
            return network
        if network.middle_head is not None:  # no loss looks at its body heat map, and DDP would wait for gradients
            network.middle_head.body1.requires_grad_(False)
            network.middle_head.body2.requires_grad_(False)
        return DistributedDataParallel(network, [self.device] if self.device.type == "cuda" else None)


@contextmanager
def joined(kind: str) -> Iterator[World]:
    """The world that torchrun started this process for, as its environment variables say; else this process alone.

    Args:
        kind: "cuda" (each process takes the GPU of its local rank; they talk by NCCL) or "cpu" (by Gloo).
    """
    size = int(os.environ.get("WORLD_SIZE", 1))
    if size == 1:
        yield World(torch.device(kind))
        return
    device = torch.device(kind)
    if kind == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    init_process_group("nccl" if kind == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield World(device, int(os.environ["RANK"]), size)
    finally:
        destroy_process_group()
