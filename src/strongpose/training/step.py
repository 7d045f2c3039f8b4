"""One training step's gradients: of a whole batch, or of its parts one after the other, which add up to the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from strongpose.data.batches import Batch
from strongpose.encode import Targets, encode
from strongpose.network import NetworkConfig
from strongpose.network.heads import Maps
from strongpose.training.distributed import World
from strongpose.training.losses import Counts, LossWeights, count, losses, total_loss
from strongpose.training.teacher import Teacher

__all__ = ["Part", "add_gradients", "prepared"]


class Part(NamedTuple):
    """Samples whose gradients are taken at once, on the device.

    Attributes:
        images: (B, 3, S, S) float RGB 0-1.
        targets: what the labels say.
        taught: what the teacher says, if there is one.
    """

    images: Tensor
    targets: Targets
    taught: Targets | None


def prepared(
    batch: Batch,
    parts: int,
    network: NetworkConfig,
    radius: float,
    device: torch.device,
    teacher: Teacher | None = None,
) -> list[Part]:
    """The parts of a batch, on the device.

    Args:
        batch: as loaded.
        parts: how many.
        network: gives the skeleton and the stride of the targets.
        radius: R in pixels, of the disks.
        device: where to compute.
        teacher: what else is to be learnt.
    """
    pieces = zip(*(tensor.tensor_split(parts) for tensor in batch), strict=True)
    return [_prepared(Batch(*piece), network, radius, device, teacher) for piece in pieces]


def add_gradients(
    forward: Callable[[Tensor], Maps],
    shared: nn.Module,
    parts: list[Part],
    world: World,
    weights: LossWeights,
    focal_gamma: float,
    teacher_share: float,
    bf16: bool,
) -> dict[str, Tensor]:
    """Add the gradients of a batch to those that the parameters have.

    Every part's losses are divided by the cells of the whole batch of all processes, so their gradients add up to
    the batch's; batch norms with ``norm="trained"`` see one part at a time.

    Args:
        forward: ``shared``, or what `torch.compile` made of it.
        shared: the network as `World.shared` gives it; processes exchange gradients behind the last part.
        parts: of this process's share of the batch.
        world: the processes that share the batch.
        weights: of the loss terms.
        focal_gamma: see `losses`.
        teacher_share: how much the teacher's targets count in each loss term, where there is one; the labels count
            for the rest.
        bf16: use bfloat16 autocast.

    Returns:
        The loss terms of the whole batch of all processes, detached scalars.
    """
    counts = _counts([part.targets for part in parts], world)
    taught = [part.taught for part in parts if part.taught is not None]
    taught_counts = _counts(taught, world) if taught else None
    sums: dict[str, Tensor] = {}
    for number, part in enumerate(parts, start=1):
        alone = isinstance(shared, DistributedDataParallel) and number < len(parts)
        with shared.no_sync() if alone else nullcontext():  # type: ignore[operator]
            with torch.autocast(part.images.device.type, dtype=torch.bfloat16, enabled=bf16):
                maps = forward(part.images)
            terms = losses(maps, part.targets, focal_gamma, counts)
            if part.taught is not None:
                others = losses(maps, part.taught, focal_gamma, taught_counts)
                terms = {name: torch.lerp(term, others[name], teacher_share) for name, term in terms.items()}
            loss = total_loss(terms, weights)
            (loss * world.size).backward()  # the processes' gradients are averaged, their losses add up
        sums = {name: sums[name] + term.detach() if sums else term.detach() for name, term in terms.items()}
    return dict(zip(sums, world.total(torch.stack([*sums.values()])), strict=True))


def _counts(targets: list[Targets], world: World) -> Counts:
    return Counts(*world.total(torch.stack([torch.stack(count(part)) for part in targets]).sum(0)))


def _prepared(
    batch: Batch, network: NetworkConfig, radius: float, device: torch.device, teacher: Teacher | None
) -> Part:
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
    return Part(images, targets, teacher.targets(images) if teacher else None)
