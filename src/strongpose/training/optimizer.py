"""What changes the weights: the optimizer of a network, and the running average of its weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from strongpose.network import PoseNetwork

__all__ = ["build_optimizer", "running_average"]


def build_optimizer(
    network: PoseNetwork,
    kind: Literal["adamw", "sgd"],
    learning_rate: float,
    backbone_rate: float,
    weight_decay: float,
) -> torch.optim.Optimizer:
    """An optimizer of all parameters that are trained.

    Args:
        network: on the device where it is trained.
        kind: AdamW, or SGD with momentum 0.9 (SP §IV-B).
        learning_rate: peak of neck and heads; every group of parameters keeps its own as ``peak``.
        backbone_rate: the backbone's, as a share of it.
        weight_decay: of all parameters.
    """
    backbone = [p for p in network.backbone.parameters() if p.requires_grad]
    known = {id(p) for p in network.backbone.parameters()}
    rest = [p for p in network.parameters() if id(p) not in known and p.requires_grad]
    groups = [{"params": backbone, "peak": learning_rate * backbone_rate}, {"params": rest, "peak": learning_rate}]
    if kind == "sgd":
        return torch.optim.SGD(groups, lr=learning_rate, momentum=0.9, weight_decay=weight_decay)
    fused = network.mean.device.type == "cuda"
    return torch.optim.AdamW(groups, lr=learning_rate, weight_decay=weight_decay, fused=fused)


def running_average(network: PoseNetwork, keep: float) -> AveragedModel:
    """A copy of the network whose weights follow it by an exponential moving average (EMA; Polyak averaging, SP §IV-B).

    It forgets faster at first, so that a short run is averaged too. The statistics of batch norms are averaged like
    the weights, so that they describe what averaged weights give.

    Args:
        network: in training.
        keep: how much of the average each update keeps, once many were made.
    """
    return AveragedModel(network, multi_avg_fn=_polyak(keep), use_buffers=True)


def _polyak(keep: float) -> Callable[..., None]:
    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], count: Tensor) -> None:
        if not averaged[0].is_floating_point():  # timm's counters of batches
            for target, source in zip(averaged, current, strict=True):
                target.copy_(source)
            return
        n = float(count)
        get_ema_multi_avg_fn(min(keep, (1 + n) / (10 + n)))(averaged, current, count)

    return update
