"""A training run: the network, its running average and the optimizer; a step of them, validating and saving."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from strongpose._util.lines import Say
from strongpose.data.batches import Batch
from strongpose.evaluation import Metrics
from strongpose.exceptions import CheckpointError, TrainingError
from strongpose.network import PoseNetwork, at_output_stride
from strongpose.network.weights import TrainingFacts, save_weights
from strongpose.runtime import resolve_weights
from strongpose.training.checkpoint import load_checkpoint, save_checkpoint
from strongpose.training.distributed import World
from strongpose.training.losses import LossWeights, total_loss
from strongpose.training.optimizer import build_optimizer, running_average
from strongpose.training.precision import Precision, bf16_units, choose_precision
from strongpose.training.recipe import TrainConfig
from strongpose.training.run_clock import RunClock
from strongpose.training.start import starting_network
from strongpose.training.step import add_gradients, prepared
from strongpose.training.teacher import Teacher
from strongpose.training.validation import validate

__all__ = ["TrainingRun"]

_TRIED_PHOTOS, _VALIDATION_MARGIN = 16, 1.2
_BODY_ONLY = (0.0, 0.0, 0.0, 1.0, 0.0)  # weights of the losses


class TrainingRun:
    """What a run consists of, in each of the processes that share it; a run found in ``config.out`` is resumed.

    Args:
        config: the recipe.
        world: the processes.
        say: where lines for people go.
        clock: counts the time that the run takes, and knows the limit, if there is one.

    Attributes:
        network: in training, on the device.
        precision: what it computes in, and why.
        done: steps done.
        passed: share of the run that is over, by steps or by the clock; 1 when no step is left.
        validated: steps after which it was last validated.
        checkpoint: file of the whole state.
        weights: file of the averaged weights.

    Raises:
        TrainingError: if there are fewer samples in a batch than processes, or parts of it.
        strongpose.exceptions.CheckpointError: if the run in ``config.out`` cannot be resumed.
        FileNotFoundError, ValueError: if a file of weights is missing or does not fit.
    """

    def __init__(self, config: TrainConfig, world: World, say: Say, clock: RunClock) -> None:
        _check_batch_size(config.batch_size, config.accumulate, world.size)
        if config.threads:
            torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        self.config, self.world, self.say, self.clock = config, world, say, clock
        self.checkpoint, self.weights = (config.out / f"{name}.safetensors" for name in ("checkpoint", "weights"))
        self.done = self.validated = 0
        self._step_seconds: float | None = None  # of the shortest
        self.network, self._body_weight = starting_network(config, say)
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
        self.look_at_clock()

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
        if self.config.val is None or self.done in (0, self.validated):
            return False
        return self.passed >= 1 or (self.done % self.config.val_every == 0 and self.clock.has_time_for("validation"))

    def look_at_clock(self) -> None:
        """See what share of the run is over; the processes agree on it."""
        if self.config.minutes:
            self.passed = self.world.first(self.clock.passed(self._step_seconds or 0.0))
        else:
            self.passed = min(1.0, self.done / self.config.steps)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Train with this process's share of a batch.

        Returns:
            ``loss`` and the terms of which it consists, of the whole batch of all processes; scalars.

        Raises:
            TrainingError: if the loss is not finite.
        """
        config, network, started = self.config, self.network, self.clock.read()
        for group in self._optimizer.param_groups:
            group["lr"] = group["peak"] * config.learning_rate_factor(self.done, self.passed)
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
        taken = self.clock.read() - started
        self._step_seconds = taken if self._step_seconds is None else min(self._step_seconds, taken)
        return losses

    def validate(self, give_up: Callable[[int, int], bool]) -> Metrics | None:
        """COCO's metrics of the averaged weights on ``config.val``; None once ``give_up`` says yes (`validate`).

        Raises:
            strongpose.exceptions.AnnotationError: if the annotations or photos cannot be used.
        """
        started = self.clock.read()
        metrics = self._validate(give_up)
        if metrics is not None:
            self.validated = self.done
            self.clock.expect("validation", self.clock.read() - started)
        return metrics

    def _validate(self, give_up: Callable[[int, int], bool]) -> Metrics | None:
        config = self.config
        assert config.val is not None
        return validate(
            self._validated,
            config.val,
            config.val_images,
            config.val_size,
            config.disk_radius,
            self.precision.bf16,
            give_up,
        )

    def expect_validation(self, give_up: Callable[[], bool]) -> None:
        """Tell the clock what a validation will take, by trying a few photos, unless ``give_up`` says yes."""
        started, times = self.clock.read(), list[float]()
        whole = 0.0

        def enough(done: int, total: int) -> bool:
            nonlocal whole
            times.append(self.clock.read())
            whole = times[0] - started + (total - 1) * (times[-1] - times[0]) / max(1, done - 1)
            return done == _TRIED_PHOTOS or give_up()

        if self._validate(enough) is not None:  # these were all
            whole = self.clock.read() - started
        self.clock.expect("validation", _VALIDATION_MARGIN * whole)

    def save(self) -> None:
        """Write the checkpoint and the averaged weights, if this process is the first one.

        Raises:
            OSError: if they cannot be written.
            strongpose.exceptions.CheckpointError: if the state holds values that are not finite.
        """
        if self.world.rank == 0:
            started = self.clock.read()
            precision = {"bf16": self.precision.bf16, "teacher_bf16": self._teacher and self._teacher.bf16}
            done = {"step": self.done, "validated": self.validated, "seconds": self.clock.spent if self.done else 0.0}
            state = {**done, "config": self.config.to_dict(), **precision}
            save_checkpoint(self.checkpoint, self.network, self._average, self._optimizer, state)
            facts = TrainingFacts(self.config.disk_radius, self.config.val_size, self._body_weight)
            save_weights(self._averaged, self.weights, facts)
            self.clock.expect("checkpoint", self.clock.read() - started)

    def leave(self) -> None:
        """Let go of what the processes share, before their group ends; no step can follow.

        Else PyTorch's reducer of gradients outlives the group, and may wait for ever for a thread that waits for it.
        """
        del self._forward, self._shared

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
            self.done, self.clock.had = info["step"], info.get("seconds", 0.0)
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
        precision = choose_precision(config.bf16, began.get("bf16"), device.type, units)
        if config.teacher is None:
            return precision, None
        taught = choose_precision(config.teacher_bf16, began.get("teacher_bf16"), device.type, units)
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
