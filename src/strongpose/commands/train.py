"""``strongpose train``: train a network, or go on with a run."""

from __future__ import annotations

import os
import re
import signal
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from functools import partial

import tyro

from strongpose._util.installing import install_command
from strongpose._util.signals import StopRequest
from strongpose._util.terminal import complain
from strongpose.commands.outputs import unwritable_folder
from strongpose.training.presets import PresetName, preset_named
from strongpose.training.recipe import TrainConfig

__all__ = ["train", "train_with_preset"]


def train(config: TrainConfig, *, preset: PresetName | None = None) -> int:
    """Train a network on COCO-format keypoint data sets.

    A run found in the output folder goes on.

    Examples:
        strongpose train --data ANNOTATIONS.json --out RUN
        strongpose train --data ANNOTATIONS.json --out RUN --val ANNOTATIONS.json

    Args:
        config: The recipe.
        preset: A recipe for COCO's full training set; the other options change it. With --help, shows its values.
    """
    if wrong := unwritable_folder("--out", config.out):
        return complain(wrong)
    with StopRequest(signal.SIGTERM, signal.SIGINT) as stop:  # from now on, as the imports take seconds
        try:
            from strongpose.data.batches import warn_in_one_line
            from strongpose.exceptions import TrainingError
            from strongpose.training.loop import train as run
        except ImportError as error:
            return complain(f"training needs more packages ({error}): {install_command('train')}")
        warn_in_one_line()
        try:
            weights = run(config, stop=stop)
        except (ValueError, FileNotFoundError, TrainingError) as error:  # data sets, checkpoints, weights, divergence
            *_, cause = str(error).strip().splitlines()  # a process that reads photos reports all its calls first
            cause = re.sub(r"^strongpose(\.\w+)+: ", "", cause)
            return complain(cause)
    if os.environ.get("RANK", "0") == "0":  # of several processes, the first one speaks
        print(f"averaged weights in {weights}; `strongpose export {weights} --out MODEL.onnx` makes a model of them")
    return 0


def train_with_preset(arguments: Sequence[str]) -> Callable[..., int]:
    """`train`, whose options have the defaults of the preset that a command line names, if it does."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--preset", default="")
    values = preset_named(parser.parse_known_args(arguments)[0].preset)
    return partial(train, config=TrainConfig(data=tyro.MISSING, **values)) if values else train
