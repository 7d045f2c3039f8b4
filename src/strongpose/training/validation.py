"""Validation while training: COCO figures of the averaged network, by the decoder and metrics that users get."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from strongpose._util.lines import Say
from strongpose.annotations import load_annotations, photo_folder, photo_paths
from strongpose.evaluation import Metrics, evaluate
from strongpose.inference import StrongPose
from strongpose.network import PoseNetwork
from strongpose.runtime.pytorch import TorchRuntime
from strongpose.skeleton import Skeleton

__all__ = ["check_validation", "validate"]


class _GivenUp(Exception):
    """Ends an evaluation between two photos."""


def check_validation(annotations: Path, images: Path | None, skeleton: Skeleton, say: Say) -> None:
    """Look whether `validate` will find what it needs, see there; tells ``say`` what is left out or filled in."""
    data = load_annotations(annotations, skeleton, say)
    photo_paths(data, photo_folder(annotations, images, "--val-images"), annotations, say)


def validate(
    network: PoseNetwork,
    annotations: Path,
    images: Path | None,
    size: int,
    radius: float,
    bf16: bool,
    give_up: Callable[[int, int], bool] = lambda done, total: False,
) -> Metrics | None:
    """COCO keypoint figures of a network.

    Args:
        network: on the device where it shall run; left in evaluation mode.
        annotations: COCO-format file.
        images: folder of its photos; None for the one beside the file.
        size: long side of the photos in pixels.
        radius: R in pixels, the radius of the disks that the network was trained with.
        bf16: use bfloat16 autocast.
        give_up: asked after every photo but the last, with the numbers of those done and of all; the answer is None
            once it says yes.

    Raises:
        strongpose.exceptions.AnnotationError: if the annotations or photos cannot be used.
    """

    def look(done: int, total: int) -> None:
        if done < total and give_up(done, total):
            raise _GivenUp

    estimator = StrongPose(TorchRuntime(network, size, radius, bf16), size)
    try:
        return evaluate(estimator, annotations, photo_folder(annotations, images, "--val-images"), look).metrics
    except _GivenUp:
        return None
