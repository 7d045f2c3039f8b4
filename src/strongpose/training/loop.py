"""The training loop: batches in, averaged weights out; stoppable and exactly resumable at any step."""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import torch
from torch import Tensor, nn

from strongpose._util.atomic_write import write_atomically
from strongpose._util.lines import Say
from strongpose._util.signals import StopRequest
from strongpose.data.augment import Augmentation
from strongpose.data.batches import Batch, BatchesByStep, batch_loader
from strongpose.data.coco import KeypointDataset
from strongpose.data.shards import ShardCache
from strongpose.exceptions import CheckpointError, LoaderError, TrainingError
from strongpose.network import NetworkConfig, PoseNetwork, at_output_stride, build_network, load_backbone
from strongpose.network.weights import load_weights, save_weights
from strongpose.skeletons import load_skeleton
from strongpose.training.checkpoint import load_checkpoint, save_checkpoint
from strongpose.training.distributed import World, joined
from strongpose.training.losses import LossWeights, total_loss
from strongpose.training.progress import EventLog, Progress
from strongpose.training.recipe import TrainConfig
from strongpose.training.step import add_gradients, prepared
from strongpose.training.teacher import Teacher
from strongpose.training.validation import check_validation, validate

__all__ = ["train"]


def train(config: TrainConfig, say: Callable[[str], None] = print, stop: StopRequest | None = None) -> Path:
    """Train, or go on with the run that lies in ``config.out``.

    SIGTERM and Ctrl-C save a checkpoint and stop, at the end of a step. The averaged weights are written to
    ``weights.safetensors`` with every checkpoint. Processes that torchrun started share the work.

    Args:
        config: the recipe.
        say: where progress lines go.
        stop: where the signals are noted; None notes them from now on.

    Returns:
        The file of the averaged weights.

    Raises:
        TrainingError: if the loss is not finite, nothing can be written, or a process that reads photos ended; the
            last checkpoint stays, and the message names it.
        strongpose.exceptions.AnnotationError: if annotations, or the photos of the validation, cannot be used.
        strongpose.exceptions.CheckpointError: if the run in ``config.out`` cannot be resumed.
    """
    with ExitStack() as contexts:
        stop = stop or contexts.enter_context(StopRequest(signal.SIGTERM, signal.SIGINT))
        world = contexts.enter_context(joined(_device(config)))
        return _train(config, world, say if world.rank == 0 else lambda line: None, stop)


def _train(config: TrainConfig, world: World, say: Callable[[str], None], stop: StopRequest) -> Path:
    if config.batch_size < world.size:
        raise TrainingError(f"--batch-size: {config.batch_size} is less than the {world.size} processes that share it")
    if (share := config.batch_size // world.size) < config.accumulate:
        raise TrainingError(f"--accumulate: {config.accumulate} parts need as many samples a process, got {share}")
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
        config.backbone.startswith(("resnet", "lite"))
        and config.norm != "trained"
        and not (config.backbone_weights or config.init)
    ):
        say(
            f"careful: --norm {config.norm} keeps batch norms as they are, and this backbone starts from random weights"
        )
    teacher = Teacher(config.teacher, network.config, config.side, device, config.compile) if config.teacher else None
    network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=_polyak(config.averaging), use_buffers=True)
    averaged: PoseNetwork = average.module  # type: ignore[assignment]
    optimizer = _optimizer(network, config, device)

    checkpoint = config.out / "checkpoint.safetensors"
    first = validated = 0
    if checkpoint.exists():
        info = load_checkpoint(checkpoint, network, average, optimizer)
        first = info["step"]
        validated = info.get("validated", first)
        changed = config.changed_from(info["config"])
        say(f"resuming {checkpoint} at step {first}" + (f"; changed: {', '.join(changed)}" if changed else ""))
    if world.any(int(world.total(torch.tensor(first, device=device))) != first * world.size):
        raise TrainingError(f"{checkpoint}: not all processes see the same file; --out must be a folder that all share")
    if config.val:
        check_validation(config.val, config.val_images, network.config.skeleton, say)
    batches = None if world.any(stop.is_set) else _batches(config, network.config, world, say)
    weights = config.out / "weights.safetensors"
    shared = world.shared(network)
    forward = torch.compile(shared, dynamic=False) if config.compile else shared
    loss_weights = LossWeights(*config.loss_weights)
    evaluated = at_output_stride(averaged, config.eval_output_stride or config.output_stride)

    def save(done: int) -> None:
        if world.rank == 0:
            state = {"step": done, "validated": validated, "config": config.to_dict()}
            save_checkpoint(checkpoint, network, average, optimizer, state)
            save_weights(averaged, weights)

    def is_due(done: int) -> bool:
        """Whether the network after so many steps is still to be validated."""
        return (
            config.val is not None
            and done not in (0, validated)
            and (done % config.val_every == 0 or done == config.steps)
        )

    def look(done: int) -> None:
        """Validate, if it is due and nobody asks to stop meanwhile."""
        nonlocal validated
        if log is None or config.val is None or not is_due(done):
            return
        started = time.monotonic()
        figures = validate(
            evaluated,
            *(config.val, config.val_images, config.val_size, config.radius, config.bf16),
            give_up=lambda: stop.is_set,
        )
        progress.leave_out(time.monotonic() - started)
        if figures is not None:
            validated = done
            log.add(done, {"val/AP": figures.ap})
            say(f"step {done}: {config.val} AP {figures.ap:.3f} AP50 {figures.ap50:.3f} AR {figures.ar:.3f}")

    def run(loader: Iterator[Batch]) -> int:
        """Train until the batches end or somebody asks to stop; the number of steps done."""
        saved = time.monotonic()
        done = first
        look(done)
        while done < config.steps and not world.any(stop.is_set):
            asked = time.monotonic()
            step, batch = done, next(loader)
            progress.wait(time.monotonic() - asked)
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * config.learning_rate_factor(step)
            network.train()
            optimizer.zero_grad(set_to_none=True)
            parts = prepared(batch, network.config, config, device, teacher)
            terms = add_gradients(forward, shared, parts, config, world)
            loss = total_loss(terms, loss_weights)
            _check_finite(loss, terms, step, checkpoint)
            if config.clip:
                nn.utils.clip_grad_norm_(network.parameters(), config.clip)
            optimizer.step()
            average.update_parameters(network)
            done = step + 1
            progress.add(done, loss, terms, optimizer.param_groups[-1]["lr"])
            if time.monotonic() - saved > 60 * config.checkpoint_minutes:
                save(done)
                saved = time.monotonic()
            look(done)
        return done

    log = None
    done = first
    try:
        if world.rank == 0:
            write_atomically(config.out / "config.json", json.dumps(config.to_dict(), indent=1))
            log = EventLog(config.out / "tensorboard", first)
        progress = Progress(config, first, log, say)
        if batches is not None and not world.any(stop.is_set):
            trained = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
            photos = sum(len(d) + (len(d.negatives) if config.negatives else 0) for d in batches.datasets)
            say(f"training on {photos} photos, {trained / 1e6:.2f} M parameters, on {device}")
            with batch_loader(batches, first, config.steps, config.workers, device.type == "cuda") as loader:
                done = run(loader)
        save(done)
    except (OSError, LoaderError, CheckpointError) as error:
        reason = str(error)
        if isinstance(error, OSError) and error.strerror is not None:
            reason = f"{error.filename or config.out}: {error.strerror}"
        raise TrainingError(f"{reason}; {_kept(checkpoint)}; when that is mended, the same command goes on") from error
    finally:
        if log is not None:
            log.close()
    if world.any(stop.is_set) and (done < config.steps or is_due(done)):
        say(f"stopped at step {done}; run the same command again to go on")
    return weights


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
        neck_rank=config.neck_rank,
        fine_channels=config.fine_channels,
        second_look=config.second_look,
        freeze_stages=config.freeze_stages,
        middle_head=config.loss_weights[-1] > 0,
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
    """Running average that forgets faster at first, so that a short run is averaged too (SP §IV-B).

    The statistics of batch norms are averaged like the weights, so that they describe what averaged weights give.
    """

    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], count: Tensor) -> None:
        if not averaged[0].is_floating_point():  # timm's counters of batches
            torch._foreach_copy_(averaged, current)
            return
        n = float(count)
        torch._foreach_lerp_(averaged, current, 1 - min(keep, (1 + n) / (10 + n)))

    return update


def _batches(config: TrainConfig, network: NetworkConfig, world: World, say: Say) -> BatchesByStep:
    images = config.images or (None,) * len(config.data)
    cache = ShardCache(config.cache or config.out / "cache", int(config.cache_gb * 1e9))
    return BatchesByStep(
        [
            KeypointDataset(path, folder, network.skeleton, config.leave_out, cache, say)
            for path, folder in zip(config.data, images, strict=True)
        ],
        config.weights or (1.0,) * len(config.data),
        config.batch_size,
        config.side,
        network.stride,
        Augmentation(scale=config.scale),
        config.seed,
        (world.rank, world.size),
        config.negatives,
    )


def _check_finite(loss: Tensor, terms: dict[str, Tensor], step: int, checkpoint: Path) -> None:
    if not math.isfinite(loss.item()):
        shown = ", ".join(f"{name} {term.item():.3g}" for name, term in terms.items())
        raise TrainingError(
            f"step {step}: the loss is not finite ({shown}); {_kept(checkpoint)}; try a lower learning rate"
        )


def _kept(checkpoint: Path) -> str:
    return f"the last checkpoint is {checkpoint}" if checkpoint.exists() else "nothing was saved yet"
