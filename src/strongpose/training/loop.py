"""The training loop: batches in, averaged weights out; stoppable and exactly resumable at any step."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import torch
from tqdm import tqdm

from strongpose._util.atomic_write import write_atomically
from strongpose._util.lines import Say, counted, unheard
from strongpose._util.signals import StopRequest
from strongpose.data.augment import Augmentation
from strongpose.data.batches import Batch, BatchesByStep, batch_loader
from strongpose.data.coco import KeypointDataset
from strongpose.data.shards import ShardCache
from strongpose.exceptions import AnnotationError, CheckpointError, LoaderError, TrainingError
from strongpose.network import NetworkConfig
from strongpose.training.distributed import World, joined
from strongpose.training.progress import Progress
from strongpose.training.recipe import TrainConfig
from strongpose.training.run import TrainingRun
from strongpose.training.run_clock import RunClock
from strongpose.training.validation import check_validation

__all__ = ["open_batches", "train"]

_TRIES = (0.5, 0.9)  # shares of the time: trained networks find more people, whom validation takes longer for


def train(
    config: TrainConfig,
    say: Callable[[str], None] = print,
    stop: StopRequest | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Path:
    """Train, or resume the run that lies in ``config.out``.

    SIGTERM and Ctrl-C save a checkpoint and stop, at the end of a step. The averaged weights are written to
    ``weights.safetensors`` with every checkpoint. Processes that torchrun started share the work.

    Args:
        config: the recipe.
        say: where progress lines go.
        stop: where the signals are noted; None notes them from now on.
        clock: the time in seconds.

    Returns:
        The file of the averaged weights.

    Raises:
        TrainingError: if the loss is not finite, nothing can be written, or a data loader process died; the
            last checkpoint stays, and the message names it. If ``config.minutes`` are too few for a step.
        strongpose.exceptions.AnnotationError: if annotations, or the photos of the validation, cannot be used.
        strongpose.exceptions.CheckpointError: if the run in ``config.out`` cannot be resumed.
    """
    run_clock = RunClock(60 * config.minutes if config.minutes else None, clock)
    with ExitStack() as contexts:
        stop = stop or contexts.enter_context(StopRequest(signal.SIGTERM, signal.SIGINT))
        world = contexts.enter_context(joined(_device(config.device)))
        run = TrainingRun(config, world, say if world.rank == 0 else unheard, run_clock)
        contexts.callback(run.leave)
        if config.val:
            check_validation(config.val, config.val_images, run.network.config.skeleton, run.say)
        batches = None if world.any(stop.is_set) else open_batches(config, run.network.config, world, run.say)
        if batches is not None and config.body_only:
            _tell_segmentations(batches, run.say)
        try:
            _train(run, batches, stop)
        except (OSError, LoaderError, CheckpointError) as error:
            reason = str(error)
            if isinstance(error, OSError) and error.strerror is not None:
                reason = f"{error.filename or config.out}: {error.strerror}"
            raise TrainingError(f"{reason}; {run.kept}; fix this and run the same command to resume") from error
        if world.any(stop.is_set) and (run.passed < 1 or run.is_validation_due):
            run.say(f"stopped at step {run.done}; run the same command again to resume")
        return run.weights


def open_batches(config: TrainConfig, network: NetworkConfig, world: World, say: Say = unheard) -> BatchesByStep:
    """This process's share of the batches that a recipe asks for.

    Args:
        config: the recipe: which data sets, and how they are mixed, cut and augmented.
        network: gives the skeleton and the stride of the masks.
        world: the processes that share every batch.
        say: told what is left out or taken in another way than it is written.

    Raises:
        strongpose.exceptions.AnnotationError: if annotations cannot be used.
        strongpose.exceptions.RemoteError: if an address cannot be read.
    """
    images = config.images or (None,) * len(config.data)
    cache = ShardCache(config.cache or config.out / "cache", int(config.cache_gb * 1e9))
    return BatchesByStep(
        [
            KeypointDataset(path, folder, network.skeleton, config.exclude_sources, cache, say)
            for path, folder in zip(config.data, images, strict=True)
        ],
        config.sampling_weights or (1.0,) * len(config.data),
        config.batch_size,
        config.crop_size,
        network.stride,
        Augmentation(scale=config.scale),
        config.seed,
        (world.rank, world.size),
        config.negatives,
    )


def _tell_segmentations(batches: BatchesByStep, say: Say) -> None:
    """Say how many people have a segmentation, from which the body heat map learns.

    Raises:
        AnnotationError: if nobody has one.
    """
    known = [region is not None for d in batches.datasets for record in d.records for region in record.silhouettes]
    if not any(known):
        files = ", ".join(str(d.path) for d in batches.datasets)
        raise AnnotationError(f"{files}: nobody has a 'segmentation', so --body-only has nothing to learn from")
    say(f"{sum(known)} of {len(known)} people have a segmentation; bodies of the others are drawn from their keypoints")


def _train(run: TrainingRun, batches: BatchesByStep | None, stop: StopRequest) -> None:
    """All steps that are left, with everything that is written meanwhile; None for the batches saves only."""
    config, device = run.config, run.world.device
    log = config.out / "tensorboard" if run.world.rank == 0 else None
    if run.world.rank == 0:
        write_atomically(config.out / "config.json", json.dumps(config.to_dict(), indent=1))
    steps = None if config.minutes else config.steps
    with Progress(run.done, steps, config.batch_size, config.log_every, log, run.say) as progress:
        if batches is not None and not run.world.any(stop.is_set):
            trained = sum(parameter.numel() for parameter in run.network.parameters() if parameter.requires_grad)
            photos = sum(len(d) + (len(d.negatives) if config.negatives else 0) for d in batches.datasets)
            run.say(f"computing in {run.precision.reason}")
            run.say(f"training on {photos} photo{'s' * (photos != 1)}, {trained / 1e6:.2f} M parameters, on {device}")
            last = steps if steps is not None else sys.maxsize
            with batch_loader(batches, run.done, last, config.workers, device.type == "cuda") as loader:
                if config.minutes:
                    _look_ahead(run, stop)
                _loop(run, loader, progress, stop)
        run.save()
    if config.minutes:
        run.say(f"{counted(run.done, 'step')} in {_shown(run.clock.spent)} of {_shown(60 * config.minutes)}")


def _look_ahead(run: TrainingRun, stop: StopRequest) -> None:
    """Find out what the end of a run with a time limit will take, and say how its time will be used.

    Raises:
        TrainingError: if no time is left for a first step.
    """
    config, clock = run.config, run.clock
    _try_validation(run, stop)
    run.save()
    run.look_at_clock()
    end = f"{_shown(clock.kept_back())} for the last validation and checkpoints"
    if run.done == 0 and run.passed >= 1:
        raise TrainingError(
            f"--minutes {config.minutes:g}: {_shown(clock.spent)} are over and {end} are needed, so there is no time "
            "for a step; more minutes, or fewer or smaller validation photos (--val, --val-size)"
        )
    before = f", of which {_shown(clock.had)} are over," if clock.had else ""
    run.say(
        f"time limit {_shown(60 * config.minutes)}{before} less {end}; the learning rate falls to zero over the last "
        f"{config.learning_rate_decay:.0%} of it"
    )


def _try_validation(run: TrainingRun, stop: StopRequest) -> None:
    """Find out in the first process what a validation takes, if there will be one."""
    if run.config.val is not None and run.world.rank == 0:
        run.expect_validation(give_up=lambda: stop.is_set)


def _shown(seconds: float) -> str:
    return tqdm.format_interval(seconds)


def _loop(run: TrainingRun, loader: Iterator[Batch], progress: Progress, stop: StopRequest) -> None:
    """Train until all steps are done or somebody asks to stop."""
    saved = run.clock.spent
    _validate_if_due(run, progress, stop)
    tries, tried = [share for share in _TRIES if run.config.minutes and share > run.passed], run.done
    while run.passed < 1 and not run.world.any(stop.is_set):
        if tries and run.passed > tries[0]:
            tries.pop(0)
            if run.validated <= tried:
                with progress.paused():
                    _try_validation(run, stop)
            tried = run.done
        with progress.waiting():
            batch = next(loader)
        losses = run.step(batch)
        progress.add(run.done, losses, run.learning_rate, run.clock.left())
        if run.clock.spent - saved > 60 * run.config.checkpoint_minutes:
            run.save()
            saved = run.clock.spent
        run.look_at_clock()
        _validate_if_due(run, progress, stop)
        run.look_at_clock()


def _validate_if_due(run: TrainingRun, progress: Progress, stop: StopRequest) -> None:
    """Validate in the first process, if it is time to and nobody asks to stop meanwhile."""
    if run.world.rank > 0 or not run.is_validation_due:
        return
    with progress.paused():
        metrics = run.validate(give_up=lambda done, total: stop.is_set)
    if metrics is not None:
        progress.write(run.done, {"val/AP": metrics.ap})
        shown = f"AP {metrics.ap:.3f} AP50 {metrics.ap50:.3f} AR {metrics.ar:.3f}"
        run.say(f"step {run.done}: {run.config.val} {shown}")


def _device(choice: str) -> str:
    if choice == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return choice
