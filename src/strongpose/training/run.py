"""A training run: the network, its running average and the optimizer; a step of them, validating and saving."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from strongpose._util.lines import Say
from strongpose.data.batches import Batch
from strongpose.evaluation import Metrics
from strongpose.exceptions import CheckpointError, TrainingError
from strongpose.network import NetworkConfig, PoseNetwork, at_output_stride, build_network, load_backbone
from strongpose.network.weights import TrainingFacts, load_network, load_weights, save_weights, training_facts
from strongpose.runtime import resolve_weights
from strongpose.training.checkpoint import load_checkpoint, save_checkpoint
from strongpose.training.distributed import World
from strongpose.training.losses import LossWeights, total_loss
from strongpose.training.optimizer import build_optimizer, running_average
from strongpose.training.precision import Precision, bf16_units, choose_precision
from strongpose.training.recipe import TrainConfig
from strongpose.training.step import add_gradients, prepared
from strongpose.training.teacher import Teacher
from strongpose.training.validation import validate

__all__ = ["TrainingRun"]

_BODY_ONLY = (0.0, 0.0, 0.0, 1.0, 0.0)  # weights of the losses


class TrainingRun:
    """What a run consists of, in each of the processes that share it; a run found in ``config.out`` is resumed.

    Args:
        config: the recipe.
        world: the processes.
        say: where lines for people go.

    Attributes:
        network: in training, on the device.
        precision: what it computes in, and why.
        done: steps done.
        validated: steps after which it was last validated.
        checkpoint: file of the whole state.
        weights: file of the averaged weights.

    Raises:
        TrainingError: if there are fewer samples in a batch than processes, or parts of it.
        strongpose.exceptions.CheckpointError: if the run in ``config.out`` cannot be resumed.
        FileNotFoundError, ValueError: if a file of weights is missing or does not fit.
    """

    def __init__(self, config: TrainConfig, world: World, say: Say) -> None:
        _check_batch_size(config.batch_size, config.accumulate, world.size)
        if config.threads:
            torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        self.config, self.world, self.say = config, world, say
        self.checkpoint, self.weights = (config.out / f"{name}.safetensors" for name in ("checkpoint", "weights"))
        self.done = self.validated = 0
        self.network, self._body_weight = _starting_network(config, say)
        self.network.to(device=world.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._average = running_average(self.network, config.ema_decay)
        self._optimizer = build_optimizer(
            self.network,
            config.optimizer,
            config.learning_rate,
            config.backbone_lr_factor,
            0.0 if config.body_only else config.weight_decay,
        )
        self.precision, self._teacher = self._with_precision(self._resume())
        self._validated = at_output_stride(self._averaged, config.eval_output_stride or config.output_stride)
        self._shared = world.shared(self.network)
        self._forward = torch.compile(self._shared, dynamic=False) if config.compile else self._shared
        self._loss_weights = LossWeights(*(_BODY_ONLY if config.body_only else config.loss_weights))

    @property
    def kept(self) -> str:
        """What there is to resume from, for people."""
        return f"the last checkpoint is {self.checkpoint}" if self.checkpoint.exists() else "nothing was saved yet"

    @property
    def learning_rate(self) -> float:
        """Of neck and heads, in the last step."""
        return self._optimizer.param_groups[-1]["lr"]

    @property
    def is_validation_due(self) -> bool:
        """Whether the network is still to be validated after so many steps."""
        due = self.done % self.config.val_every == 0 or self.done == self.config.steps
        return self.config.val is not None and due and self.done not in (0, self.validated)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Train with this process's share of a batch.

        Returns:
            ``loss`` and the terms of which it consists, of the whole batch of all processes; scalars.

        Raises:
            TrainingError: if the loss is not finite.
        """
        config, network = self.config, self.network
        for group in self._optimizer.param_groups:
            group["lr"] = group["peak"] * config.learning_rate_factor(self.done)
        network.train(not config.body_only)  # batch norms keep their statistics then
        self._optimizer.zero_grad(set_to_none=True)
        parts = prepared(batch, config.accumulate, network.config, config.disk_radius, self.world.device, self._teacher)
        terms = add_gradients(
            self._forward,
            self._shared,
            parts,
            self.world,
            self._loss_weights,
            config.focal_gamma,
            config.distillation_weight,
            self.precision.bf16,
        )
        losses = {"loss": total_loss(terms, self._loss_weights), **terms}
        self._check_finite(losses)
        if config.gradient_clip:
            nn.utils.clip_grad_norm_(network.parameters(), config.gradient_clip)
        self._optimizer.step()
        self._average.update_parameters(network)
        self.done += 1
        return losses

    def validate(self, give_up: Callable[[], bool]) -> Metrics | None:
        """COCO's metrics of the averaged weights on ``config.val``; None once ``give_up`` says yes.

        Raises:
            strongpose.exceptions.AnnotationError: if the annotations or photos cannot be used.
        """
        config = self.config
        assert config.val is not None
        metrics = validate(
            self._validated,
            config.val,
            config.val_images,
            config.val_size,
            config.disk_radius,
            self.precision.bf16,
            give_up,
        )
        if metrics is not None:
            self.validated = self.done
        return metrics

    def save(self) -> None:
        """Write the checkpoint and the averaged weights, if this process is the first one.

        Raises:
            OSError: if they cannot be written.
            strongpose.exceptions.CheckpointError: if the state holds values that are not finite.
        """
        if self.world.rank == 0:
            precision = {"bf16": self.precision.bf16, "teacher_bf16": self._teacher and self._teacher.bf16}
            state = {"step": self.done, "validated": self.validated, "config": self.config.to_dict(), **precision}
            save_checkpoint(self.checkpoint, self.network, self._average, self._optimizer, state)
            facts = TrainingFacts(self.config.disk_radius, self.config.val_size, self._body_weight)
            save_weights(self._averaged, self.weights, facts)

    @property
    def _averaged(self) -> PoseNetwork:
        return self._average.module  # type: ignore[return-value]

    def _resume(self) -> dict[str, Any]:
        """Go on with a checkpoint, if there is one; what it says, else nothing."""
        info: dict[str, Any] = {}
        if self.checkpoint.exists():
            info = load_checkpoint(self.checkpoint, self.network, self._average, self._optimizer)
            if unknown := sorted(info["config"].keys() - self.config.to_dict().keys()):
                raise CheckpointError(
                    f"{self.checkpoint}: is of another version, with other options ({', '.join(unknown[:3])}, …); "
                    f"start in another folder, with --init {self.weights}"
                )
            radius = info["config"].get("disk_radius", self.config.disk_radius)
            if radius != self.config.disk_radius:
                raise CheckpointError(
                    f"{self.checkpoint}: its network learnt disks of {radius:g} pixels, not "
                    f"{self.config.disk_radius:g}; resume with --disk-radius {radius:g}, or start in another folder"
                )
            self.done = info["step"]
            self.validated = info.get("validated", self.done)
            changed = self.config.changed_from(info["config"])
            more = f"; changed: {', '.join(changed)}" if changed else ""
            self.say(f"resuming {self.checkpoint} at step {self.done}{more}")
        steps = self.world.total(torch.tensor(self.done, device=self.world.device))
        if self.world.any(int(steps) != self.done * self.world.size):
            raise TrainingError(
                f"{self.checkpoint}: not all processes see the same file; --out must be a folder that all share"
            )
        return info

    def _with_precision(self, began: dict[str, Any]) -> tuple[Precision, Teacher | None]:
        """What to compute in, and the teacher, which computes in its own; ``began`` is what a checkpoint says."""
        config, device = self.config, self.world.device
        units = bf16_units(device)
        if self.world.any(not units):  # all processes compute in the same
            units = frozenset()
        precision = choose_precision(config.bf16, began.get("bf16"), device.type, units, config.backbone)
        if config.teacher is None:
            return precision, None
        taught = choose_precision(config.teacher_bf16, began.get("teacher_bf16"), device.type, units, "")
        teacher = resolve_weights(config.teacher)
        student = self.network.config
        return precision, Teacher(
            teacher, student, config.disk_radius, config.crop_size, device, taught.bf16, config.compile
        )

    def _check_finite(self, losses: dict[str, Tensor]) -> None:
        if not math.isfinite(losses["loss"].item()):
            shown = ", ".join(f"{name} {term.item():.3g}" for name, term in losses.items() if name != "loss")
            raise TrainingError(
                f"step {self.done}: the loss is not finite ({shown}); {self.kept}; try a lower learning rate"
            )


def _check_batch_size(batch_size: int, accumulate: int, processes: int) -> None:
    if batch_size < processes:
        raise TrainingError(f"--batch-size: {batch_size} is less than the {processes} processes that share it")
    if (share := batch_size // processes) < accumulate:
        raise TrainingError(f"--accumulate: {accumulate} parts need as many samples a process, got {share}")


def _starting_network(config: TrainConfig, say: Say) -> tuple[PoseNetwork, float | None]:
    """The network on the CPU, with the weights that a new run starts from, and their weight of the body heat map."""
    network = build_network(config.network_config())
    if config.backbone_weights:
        load_backbone(network, config.backbone_weights)
    body_weight = _load_init(network, config, say) if config.init else None
    if config.body_only:
        network.train_body_only()
    if (
        config.backbone.startswith(("resnet", "lite"))
        and config.norm != "trained"
        and not (config.backbone_weights or config.init)
    ):
        say(f"careful: --norm {config.norm} keeps the batch norms fixed, and this backbone is initialised randomly")
    return network, body_weight


def _load_init(network: PoseNetwork, config: TrainConfig, say: Say) -> float | None:
    """Fill the network with the weights that it starts from; tells what does not fit, returns their ``body_weight``."""
    assert config.init is not None
    path = resolve_weights(config.init)
    if config.body_only:
        _check_same_network(network.config, load_network(path).config, config.init)
    if not load_weights(network, path, other_skeleton=True):
        say(
            f"{config.init} is for another skeleton: only its backbone and neck are taken, "
            "the heads are initialised randomly"
        )
        return None
    facts = training_facts(path)
    if facts.disk_radius is not None and facts.disk_radius != config.disk_radius:
        say(
            f"{config.init} was trained with disks of {facts.disk_radius:g} pixels, this run's have "
            f"{config.disk_radius:g}; --disk-radius {facts.disk_radius:g} keeps them"
        )
    return facts.body_weight


def _check_same_network(asked: NetworkConfig, found: NetworkConfig, init: str | Path) -> None:
    """Raise `ValueError` if other fields than the body heat map would differ from those of ``init``."""
    parts = [
        replace(c, output_stride=c.output_stride * c.dilation, dilation=1, freeze_stages=0, middle_head=False).to_dict()
        for c in (asked, found)
    ]
    if other := [name for name, value in parts[0].items() if value != parts[1][name]]:
        raise ValueError(
            f"--body-only: the network of {init} is another one ({', '.join(other)}); --finetune {init}, in place of "
            "--init and the options of the network, takes its own"
        )
