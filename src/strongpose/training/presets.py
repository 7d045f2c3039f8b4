"""Presets: recipes for COCO's full training set, as values of `TrainConfig` (imports no torch)."""

from __future__ import annotations

from typing import Any, Literal, get_args

__all__ = ["PRESETS", "PresetName", "preset_named"]

PresetName = Literal["paper-resnet101", "paper-resnet152", "best-resnet50", "best-resnet101", "lite0", "lite2"]

_EPOCHS_100 = dict(batch_size=64, steps=90_000)  # about so often over the photos of train2017 that have keypoints
_LARGE_RUN = dict(val_size=801, val_every=5000, workers=8, log_every=100, checkpoint_minutes=15.0)

_PAPER = dict(
    **_EPOCHS_100,
    **_LARGE_RUN,
    output_stride=16,
    eval_output_stride=8,
    neck_channels=0,
    norm="fixed",
    graph="coco-tree",
    crop_size=401,
    disk_radius=16.0,
    optimizer="sgd",
    learning_rate=1e-3,
    backbone_lr_factor=1.0,
    weight_decay=0.0,
    warmup_steps=0,
    learning_rate_decay=0.0,
    ema_decay=0.9998,
    focal_gamma=0.0,
    gradient_clip=0.0,
)

_BEST = dict(
    **_EPOCHS_100,
    **_LARGE_RUN,
    output_stride=16,
    upsample=4,
    norm="fixed",
    graph="coco",
    crop_size=513,
    disk_radius=12.0,
    optimizer="adamw",
    learning_rate=1e-3,
    backbone_lr_factor=0.3,
    weight_decay=0.01,
    warmup_steps=1000,
    learning_rate_decay=0.4,
    ema_decay=0.9998,
    focal_gamma=1.0,
    gradient_clip=5.0,
)

_LITE = dict(
    **_LARGE_RUN,
    batch_size=128,
    steps=45_000,
    output_stride=8,
    neck_channels=128,
    norm="trained",
    crop_size=321,
    scale=(0.6, 2.0),
    disk_radius=12.0,
    optimizer="adamw",
    learning_rate=2e-3,
    backbone_lr_factor=0.5,
    weight_decay=0.01,
    warmup_steps=300,
    learning_rate_decay=0.6,
    ema_decay=0.9995,
    loss_weights=(1.0, 1.0, 1.0, 1.0, 0.0),
)

PRESETS: dict[PresetName, dict[str, Any]] = {
    "paper-resnet101": {"backbone": "resnet101", **_PAPER},
    "paper-resnet152": {"backbone": "resnet152", **_PAPER},
    "best-resnet50": {"backbone": "resnet50", **_BEST},
    "best-resnet101": {"backbone": "resnet101", **_BEST},
    "lite0": {"backbone": "lite0", **_LITE},
    "lite2": {"backbone": "lite2", **_LITE},
}
"""What each preset sets; everything else keeps `TrainConfig`'s default.

``paper-*``: SP §III-B and §IV-B: 401×401 crops, SGD with momentum 0.9 at a constant 1e-3, batch-norm statistics
fixed to ImageNet's, an exponential moving average of the weights (Polyak averaging), output stride 16 in training and 8
in evaluation, heads directly on the last features, intermediate supervision of a layer in the middle, R = 16, the plain
logistic loss, the tree of 16 edges. Batch size, number of steps, loss weights, augmentation, the width of the average
and the number type are this project's.

``best-*``: what this project would train. Measured: the 34 edges (docs/reports/decoder.md), and in short runs on small
data the radius, the focal gamma and AdamW before SGD (docs/reports/recipe.md). Not measured, for nobody has trained
them here: AdamW against SGD in the end, fine fields on a ResNet, 513×513 crops, the output stride of 16 with fourfold
up-sampling in place of 8, the learning rates, the length.

``lite*``: networks with a pyramid, for CPUs. Measured: their time (docs/reports/speed.md), and that this recipe learns,
in 1,688 steps at crops of 385 px (docs/reports/recipe.md). Not measured: everything else, above all the length.
"""


def preset_named(name: str) -> dict[str, Any]:
    """The values of a preset; none for any other name."""
    return next((PRESETS[known] for known in get_args(PresetName) if known == name), {})
