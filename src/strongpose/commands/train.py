"""``strongpose train``: train a network, fine-tune a model, or resume a run."""

from __future__ import annotations

import os
import re
import signal
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, get_args

import tyro
from tyro.conf import arg

from strongpose._util.installing import install_command
from strongpose._util.signals import StopRequest
from strongpose._util.terminal import complain
from strongpose.commands.outputs import unwritable_folder
from strongpose.training.presets import PresetName, preset_named
from strongpose.training.recipe import TrainConfig

__all__ = ["train", "train_with_defaults"]


def train(
    config: TrainConfig,
    *,
    finetune: Annotated[str | None, arg(metavar="NAME|FILE", help_behavior_hint="(default: none)")] = None,
    preset: Annotated[
        PresetName | None, arg(metavar="|".join(get_args(PresetName)), help_behavior_hint="(default: none)")
    ] = None,
) -> int:
    """Train a network on COCO-format keypoint data sets.

    A run found in the output folder is resumed.

    Examples:
        strongpose train --finetune base --data ANNOTATIONS.json --out RUN
        strongpose train --data ANNOTATIONS.json --out RUN --val ANNOTATIONS.json

    Args:
        config: The recipe.
        finetune: Fine-tune this model with a small data set: start from its weights, its backbone frozen, for as many
            steps as the data want; the other options change it. A name such as base, .onnx or .safetensors.
        preset: A recipe for COCO's full training set; the other options change it. With --help, shows its values.
    """
    if wrong := unwritable_folder("--out", config.out):
        return complain(wrong)
    with StopRequest(signal.SIGTERM, signal.SIGINT) as stop:  # from now on, as the imports take seconds
        try:
            from strongpose.data.batches import warn_in_one_line
            from strongpose.exceptions import TrainingError
            from strongpose.training.finetuning import finetune_values
            from strongpose.training.loop import train as run
        except ImportError as error:
            return complain(f"training needs more packages ({error}): {install_command('train')}")
        warn_in_one_line()
        try:
            if finetune is not None and str(config.init) != finetune:
                finetune_values(finetune, 0, config.skeleton)  # says why it gave no defaults
                return complain("--finetune says where to start from; leave --init and --preset out")
            weights = run(config, partial(print, flush=True), stop)
        except (ValueError, ImportError, FileNotFoundError, TrainingError) as error:  # data, checkpoints, divergence
            *_, cause = str(error).strip().splitlines()  # a process that reads photos reports all its calls first
            cause = re.sub(r"^strongpose(\.\w+)+: ", "", cause)
            return complain(cause)
    if os.environ.get("RANK", "0") == "0":  # of several processes, the first one speaks
        print(f"averaged weights in {weights}; `strongpose export {weights} --out MODEL.onnx` makes a model of them")
    return 0


def train_with_defaults(arguments: Sequence[str]) -> Callable[..., int]:
    """`train`, whose options have the defaults of the preset or of the fine-tuning that a command line asks for."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--preset", default="")
    parser.add_argument("--finetune")
    parser.add_argument("--data", nargs="*", default=[])
    for name in ("--skeleton", "--graph"):
        parser.add_argument(name, dest="skeleton")
    given = parser.parse_known_args(arguments)[0]
    values = preset_named(given.preset) or _finetune_values(given.finetune, given.data, given.skeleton)
    return partial(train, config=TrainConfig(data=tyro.MISSING, **values)) if values else train


def _finetune_values(model: str | None, data: Sequence[str], skeleton: str | None) -> dict[str, Any]:
    """The defaults of fine-tuning; none if there are none, and `train` tells why."""
    if model is None:
        return {}
    try:
        from strongpose.training.finetuning import annotated_photos, finetune_values

        return finetune_values(model, annotated_photos(data), skeleton)
    except (ValueError, ImportError, FileNotFoundError):
        return {}
