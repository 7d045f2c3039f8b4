"""Validation while training: COCO figures of the averaged network, by the decoder and metrics that users get."""

from __future__ import annotations

from pathlib import Path

from strongpose.estimator import StrongPose
from strongpose.evaluation import Figures, evaluate
from strongpose.network import PoseNetwork
from strongpose.runtime.pytorch import TorchRuntime

__all__ = ["validate"]


def validate(
    network: PoseNetwork, annotations: Path, images: Path | None, size: int, radius: float, bf16: bool
) -> Figures:
    """COCO keypoint figures of a network.

    Args:
        network: on the device where it shall run; left in evaluation mode.
        annotations: COCO-format file.
        images: folder of its photos; None for the folder ``images`` beside the file.
        size: long side of the photos in pixels.
        radius: R in pixels, the radius of the disks that the network was trained with.
        bf16: use bfloat16 autocast.

    Raises:
        strongpose.evaluation.EvaluationError: if the annotations or photos cannot be used.
    """
    estimator = StrongPose(TorchRuntime(network, size, radius, bf16), size)
    return evaluate(estimator, annotations, images or annotations.parent / "images").figures
