"""Fine-tuning: the recipe that trains a model on with a small data set, as values of `TrainConfig`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from strongpose._util.json_files import read_json
from strongpose.exceptions import JsonError
from strongpose.network.weights import load_network, training_facts
from strongpose.runtime import resolve_weights
from strongpose.skeleton import Skeleton
from strongpose.skeletons import load_skeleton

__all__ = ["annotated_photos", "finetune_values", "steps_for"]

_GRAPHS = ("coco", "coco-19", "coco-tree")
_BATCH_SIZE = 16


def finetune_values(model: str | Path, photos: int, skeleton: str | None = None) -> dict[str, Any]:
    """What fine-tuning sets in `TrainConfig`; everything else keeps its default.

    The network is the model's, its backbone frozen, without intermediate supervision. Heads that keep their skeleton
    are trained at a low learning rate; those for another one start anew, at a high one (docs/reports/recipe.md).

    Args:
        model: weights to start from: the name of a model that comes with the package, or an .onnx or .safetensors file.
        photos: how many photos with people there are, which sets the number of steps; see `annotated_photos`.
        skeleton: of the data, as in `TrainConfig`; None for the model's own.

    Raises:
        strongpose.exceptions.ModelError: if there is no such model, or it cannot be trained on.
        ImportError: if the file is an .onnx and the onnx package is missing.
        ValueError: if it cannot be read, or there is no such skeleton.
    """
    path = resolve_weights(model)
    network, facts = load_network(path), training_facts(path)
    config = network.config
    kept = skeleton is None or load_skeleton(skeleton) == config.skeleton
    steps = steps_for(photos)
    values = dict(
        init=model,
        backbone=config.backbone,
        output_stride=config.output_stride * config.dilation,  # of the weights; an exported model may be denser
        last_stage=config.last_stage,
        norm=config.norm,
        upsample=config.upsample,
        neck_channels=config.neck_channels,
        half_scale=config.half_scale,
        freeze_stages=network.backbone.num_stages,
        loss_weights=(1.0, 1.0, 1.0, 1.0, 0.0),
        batch_size=_BATCH_SIZE,
        steps=steps,
        warmup_steps=min(100, steps // 10),
        learning_rate=2e-4 if kept else 2e-3,
        log_every=10,
    )
    values |= {} if facts.disk_radius is None else {"disk_radius": facts.disk_radius}
    values |= {} if facts.size is None else {"val_size": facts.size}
    return values | ({} if skeleton is not None else _own_skeleton(config.skeleton, path))


def steps_for(photos: int) -> int:
    """Steps of batches of 16: thirty times over the photos, but 150 at least and 3,000 at most."""
    return min(max(30 * photos // _BATCH_SIZE, 150), 3000)


def annotated_photos(files: Iterable[str | Path]) -> int:
    """How many photos with people some annotation files have; those that cannot be read here count as none."""
    photos = 0
    for file in files:
        try:
            photos += len({person["image_id"] for person in read_json(Path(file))["annotations"]})
        except (JsonError, KeyError, TypeError):  # training tells what is wrong; addresses are not read twice
            continue
    return photos


def _own_skeleton(skeleton: Skeleton, path: Path) -> dict[str, str]:
    for graph in _GRAPHS:
        if load_skeleton(graph) == skeleton:
            return {"graph": graph}
    return {"skeleton": str(path)}
