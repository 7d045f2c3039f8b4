"""``strongpose train``: train a network, or go on with a run."""

from __future__ import annotations

import sys

from strongpose.training.recipe import TrainConfig

__all__ = ["train"]


def train(config: TrainConfig) -> int:
    """Train a network on COCO-format keypoint data sets; a run found in the output folder goes on.

    Args:
        config: The recipe.
    """
    try:
        from strongpose.training.loop import TrainingError
        from strongpose.training.loop import train as run
    except ImportError as error:
        print(f"strongpose: training needs more packages ({error}): pip install 'strongpose[train]'", file=sys.stderr)
        return 1
    try:
        weights = run(config)
    except (ValueError, FileNotFoundError, TrainingError) as error:  # data sets, checkpoints, weights, divergence
        print(f"strongpose: {error}", file=sys.stderr)
        return 1
    print(f"averaged weights in {weights}; `strongpose export {weights} --out MODEL.onnx` makes a model of them")
    return 0
