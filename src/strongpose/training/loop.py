"""The training loop: batches in, averaged weights out; stoppable and exactly resumable at any step."""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from strongpose.data.augment import Augmentation
from strongpose.data.batches import Batch, BatchesByStep, batch_loader
from strongpose.data.coco import KeypointDataset
from strongpose.encode import Targets, encode
from strongpose.losses import Counts, LossWeights, count, losses, total_loss
from strongpose.network import NetworkConfig, PoseNetwork, at_output_stride, build_network, load_backbone
from strongpose.network.weights import load_weights, save_weights
from strongpose.skeletons import load_skeleton
from strongpose.training.checkpoint import load_checkpoint, save_checkpoint
from strongpose.training.distributed import World, joined
from strongpose.training.recipe import TrainConfig
from strongpose.training.validation import validate

__all__ = ["TrainingError", "train"]


class TrainingError(RuntimeError):
    """Training cannot go on; the message says why and what is kept."""


def train(config: TrainConfig, say: Callable[[str], None] = print) -> Path:
    """Train, or go on with the run that lies in ``config.out``.

    SIGTERM and Ctrl-C save a checkpoint and stop. The averaged weights are written to
    ``weights.safetensors`` with every checkpoint. Processes that torchrun started share the work.

    Args:
        config: the recipe.
        say: where progress lines go.

    Returns:
        The file of the averaged weights.

    Raises:
        TrainingError: if the loss is not finite; the last checkpoint stays.
        strongpose.data.coco.DatasetError: if an annotation file cannot be used.
        strongpose.training.checkpoint.CheckpointError: if the run in ``config.out`` cannot be resumed.
    """
    with joined(_device(config)) as world:
        return _train(config, world, say if world.rank == 0 else lambda line: None)


def _train(config: TrainConfig, world: World, say: Callable[[str], None]) -> Path:
    if config.batch_size < world.size:
        raise TrainingError(f"--batch-size: {config.batch_size} is less than the {world.size} processes that share it")
    if config.threads:
        torch.set_num_threads(config.threads)
    device = world.device
    torch.manual_seed(config.seed)
    network = build_network(network_config(config))
    if config.backbone_weights:
        load_backbone(network, config.backbone_weights)
    if config.init and not load_weights(network, config.init, other_skeleton=True):
        say(f"{config.init} is for another skeleton: only its backbone and neck are taken, the heads start anew")
    if (
        config.backbone.startswith("resnet")
        and config.norm != "trained"
        and not (config.backbone_weights or config.init)
    ):
        say(
            f"careful: --norm {config.norm} keeps batch norms as they are, and this backbone starts from random weights"
        )
    network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=_polyak(config.averaging))
    averaged: PoseNetwork = average.module  # type: ignore[assignment]
    optimizer = _optimizer(network, config, device)

    checkpoint = config.out / "checkpoint.safetensors"
    first = 0
    if checkpoint.exists():
        info = load_checkpoint(checkpoint, network, average, optimizer)
        first = info["step"]
        changed = config.changed_from(info["config"])
        say(f"resuming {checkpoint} at step {first}" + (f"; changed: {', '.join(changed)}" if changed else ""))
    if world.any(int(world.total(torch.tensor(first, device=device))) != first * world.size):
        raise TrainingError(f"{checkpoint}: not all processes see the same file; --out must be a folder that all share")
    batches = _batches(config, network.config, world)
    say(
        f"training on {sum(len(d) for d in batches.datasets)} photos, "
        f"{sum(p.numel() for p in network.parameters() if p.requires_grad) / 1e6:.2f} M parameters, on {device}"
    )
    weights = config.out / "weights.safetensors"
    if world.rank == 0:
        config.out.mkdir(parents=True, exist_ok=True)
        (config.out / "config.json").write_text(json.dumps(config.to_dict(), indent=1))

    def save(step: int) -> Path:
        if world.rank > 0:
            return weights
        save_checkpoint(checkpoint, network, average, optimizer, {"step": step, "config": config.to_dict()})
        save_weights(averaged, weights)
        return weights

    stopped = _StopFlag()
    writer = SummaryWriter(str(config.out / "tensorboard")) if world.rank == 0 else None
    progress = _Progress(config, first, writer, say)
    shared = world.shared(network)
    forward = torch.compile(shared, dynamic=False) if config.compile else shared
    loss_weights = LossWeights(*config.loss_weights)
    evaluated = at_output_stride(averaged, config.eval_output_stride or config.output_stride)
    saved = time.monotonic()
    step = first
    with batch_loader(batches, first, config.steps, config.workers, pin_memory=device.type == "cuda") as loader:
        for step, batch in enumerate(loader, start=first):
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * config.learning_rate_factor(step)
            images, targets = _prepare(batch, network.config, config.radius, device)
            network.train()
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=config.bf16):
                maps = forward(images)
            counts = Counts(*world.total(torch.stack(count(targets))))
            terms = losses(maps, targets, config.hardness, counts)
            loss = total_loss(terms, loss_weights)
            optimizer.zero_grad(set_to_none=True)
            (loss * world.size).backward()  # the processes' gradients are averaged, their losses add up
            terms = dict(zip(terms, world.total(torch.stack([term.detach() for term in terms.values()])), strict=True))
            loss = total_loss(terms, loss_weights)
            _check_finite(loss, terms, step, checkpoint)
            if config.clip:
                nn.utils.clip_grad_norm_(network.parameters(), config.clip)
            optimizer.step()
            average.update_parameters(network)
            progress.add(step, loss, terms, optimizer.param_groups[-1]["lr"])

            done = step + 1
            stop = world.any(stopped.is_set)
            if stop or time.monotonic() - saved > 60 * config.checkpoint_minutes:
                save(done)
                saved = time.monotonic()
            if stop:
                say(f"stopped at step {done}; run the same command again to go on")
                break
            if writer is not None and config.val and (done % config.val_every == 0 or done == config.steps):
                started = time.monotonic()
                figures = validate(
                    evaluated, config.val, config.val_images, config.val_size, config.radius, config.bf16
                )
                writer.add_scalar("val/AP", figures.ap, done)
                progress.leave_out(time.monotonic() - started)
                say(f"step {done}: {config.val} AP {figures.ap:.3f} AP50 {figures.ap50:.3f} AR {figures.ar:.3f}")
    if writer is not None:
        writer.close()
    stopped.restore()
    return save(min(step + 1, config.steps)) if first < config.steps else weights


def _device(config: TrainConfig) -> str:
    if config.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return config.device


def network_config(config: TrainConfig) -> NetworkConfig:
    return NetworkConfig(
        skeleton=load_skeleton(config.skeleton or config.graph),
        backbone=config.backbone,
        output_stride=config.output_stride,
        last_stage=config.last_stage,
        norm=config.norm,
        upsample=config.upsample,
        neck_channels=config.neck_channels,
        fine_channels=config.fine_channels,
        freeze_stages=config.freeze_stages,
    )


def _optimizer(network: PoseNetwork, config: TrainConfig, device: torch.device) -> torch.optim.Optimizer:
    backbone = [p for p in network.backbone.parameters() if p.requires_grad]
    known = {id(p) for p in network.backbone.parameters()}
    rest = [p for p in network.parameters() if id(p) not in known]
    groups = [
        {"params": backbone, "peak": config.learning_rate * config.backbone_rate},
        {"params": rest, "peak": config.learning_rate},
    ]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, momentum=0.9, weight_decay=config.weight_decay)
    return torch.optim.AdamW(
        groups, lr=config.learning_rate, weight_decay=config.weight_decay, fused=device.type == "cuda"
    )


def _polyak(keep: float) -> Callable[..., None]:
    """Running average that forgets faster at first, so that a short run is averaged too (SP §IV-B)."""

    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], count: Tensor) -> None:
        n = float(count)
        torch._foreach_lerp_(averaged, current, 1 - min(keep, (1 + n) / (10 + n)))

    return update


def _batches(config: TrainConfig, network: NetworkConfig, world: World) -> BatchesByStep:
    images = config.images or (None,) * len(config.data)
    return BatchesByStep(
        [
            KeypointDataset(path, folder, network.skeleton, config.leave_out)
            for path, folder in zip(config.data, images, strict=True)
        ],
        config.weights or (1.0,) * len(config.data),
        config.batch_size,
        config.side,
        network.stride,
        Augmentation(scale=config.scale),
        config.seed,
        (world.rank, world.size),
    )


def _prepare(batch: Batch, network: NetworkConfig, radius: float, device: torch.device) -> tuple[Tensor, Targets]:
    """Images (B, 3, S, S) float RGB 0-1 and their targets, on the device."""
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


def _check_finite(loss: Tensor, terms: dict[str, Tensor], step: int, checkpoint: Path) -> None:
    if not math.isfinite(loss.item()):
        shown = ", ".join(f"{name} {term.item():.3g}" for name, term in terms.items())
        kept = f"the last checkpoint is {checkpoint}" if checkpoint.exists() else "nothing was saved yet"
        raise TrainingError(f"step {step}: the loss is not finite ({shown}); {kept}; try a lower learning rate")


class _StopFlag:
    """Set by SIGTERM or Ctrl-C, so that the loop can finish its step."""

    def __init__(self) -> None:
        self.is_set = False
        self._before = {s: signal.signal(s, self._set) for s in (signal.SIGTERM, signal.SIGINT)}

    def _set(self, *_: object) -> None:
        self.is_set = True

    def restore(self) -> None:
        """Give the signals back to whoever handled them before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)


class _Progress:
    """Means of the loss terms and the speed since the last line, for the console and TensorBoard."""

    def __init__(
        self, config: TrainConfig, first: int, writer: SummaryWriter | None, say: Callable[[str], None]
    ) -> None:
        self.config, self.writer, self.say = config, writer, say
        self.since, self.last_step = time.monotonic(), first
        self.sums: dict[str, float] = {}

    def leave_out(self, seconds: float) -> None:
        """Do not count time that was not spent training, such as on validation."""
        self.since += seconds

    def add(self, step: int, loss: Tensor, terms: dict[str, Tensor], rate: float) -> None:
        """Count a step; every ``log_every`` steps write a line."""
        for name, term in {"loss": loss, **terms}.items():
            self.sums[name] = self.sums.get(name, 0.0) + term.item()
        done = step + 1
        if done % self.config.log_every:
            return
        count, seconds = done - self.last_step, time.monotonic() - self.since
        means = {name: value / count for name, value in self.sums.items()}
        speed = count * self.config.batch_size / seconds
        left = (self.config.steps - done) * seconds / count / 60
        shown = " ".join(f"{name} {value:.3f}" for name, value in means.items())
        self.say(
            f"step {done}/{self.config.steps} | {speed:.1f} images/s | {shown} | lr {rate:.2e} | {left:.0f} min left"
        )
        for name, value in {**means, "images_per_second": speed, "learning_rate": rate}.items():
            if self.writer is not None:
                self.writer.add_scalar(f"train/{name}", value, done)
        self.since, self.last_step, self.sums = time.monotonic(), done, {}
