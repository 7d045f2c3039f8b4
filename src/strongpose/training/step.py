"""One training step's gradients: of a whole batch, or of its parts one after the other, which add up to the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from strongpose.data.batches import Batch
from strongpose.encode import Targets, encode
from strongpose.losses import Counts, LossWeights, count, losses, total_loss
from strongpose.network import NetworkConfig
from strongpose.network.heads import Maps
from strongpose.training.distributed import World
from strongpose.training.recipe import TrainConfig

__all__ = ["Part", "add_gradients", "prepared"]

Part = tuple[Tensor, Targets]
"""Images (B, 3, S, S) float RGB 0-1 and their targets, on the device."""


def prepared(batch: Batch, network: NetworkConfig, config: TrainConfig, device: torch.device) -> list[Part]:
    """The parts of a batch, as many as ``config.accumulate`` says, on the device."""
    parts = zip(*(tensor.tensor_split(config.accumulate) for tensor in batch), strict=True)
    return [_prepared(Batch(*part), network, config.radius, device) for part in parts]


def add_gradients(
    forward: Callable[[Tensor], Maps], shared: nn.Module, parts: list[Part], config: TrainConfig, world: World
) -> dict[str, Tensor]:
    """Add the gradients of a batch to those that the parameters have.

    Every part's losses are divided by the cells of the whole batch of all processes, so their gradients add up to
    the batch's; batch norms with ``norm="trained"`` see one part at a time.

    Args:
        forward: ``shared``, or what `torch.compile` made of it.
        shared: the network as `World.shared` gives it; processes exchange gradients behind the last part.
        parts: of this process's share of the batch.
        config: the recipe.
        world: the processes that share the batch.

    Returns:
        The loss terms of the whole batch of all processes, detached scalars.
    """
    counts = Counts(*world.total(torch.stack([torch.stack(count(targets)) for _, targets in parts]).sum(0)))
    sums: dict[str, Tensor] = {}
    for number, (images, targets) in enumerate(parts, start=1):
        alone = isinstance(shared, DistributedDataParallel) and number < len(parts)
        with shared.no_sync() if alone else nullcontext():  # type: ignore[operator]
            with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=config.bf16):
                maps = forward(images)
            terms = losses(maps, targets, config.hardness, counts)
            loss = total_loss(terms, LossWeights(*config.loss_weights))
            (loss * world.size).backward()  # the processes' gradients are averaged, their losses add up
        sums = {name: sums[name] + term.detach() if sums else term.detach() for name, term in terms.items()}
    return dict(zip(sums, world.total(torch.stack([*sums.values()])), strict=True))


def _prepared(batch: Batch, network: NetworkConfig, radius: float, device: torch.device) -> Part:
    batch = Batch(*(t.to(device, non_blocking=True) for t in batch))
    images = batch.images.permute(0, 3, 1, 2).float().div_(255)
    size = (batch.valid.shape[1], batch.valid.shape[2])
    targets = encode(
        batch.keypoints,
        size,
        network.stride,
        network.skeleton,
        radius,
        batch.valid,
        batch.silhouettes,
        batch.has_silhouette,
    )
    return images, targets
