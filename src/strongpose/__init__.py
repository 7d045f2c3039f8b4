"""StrongPose: bottom-up multi-person pose estimation by a fully convolutional network."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from strongpose.exceptions import (
    AnnotationError,
    BatchError,
    BenchmarkError,
    CheckpointError,
    ConversionError,
    DownloadError,
    EvaluationError,
    ExportError,
    ImageError,
    JsonError,
    LoaderError,
    ModelError,
    OutputError,
    RefusedError,
    RemoteError,
    StrongPoseError,
    TrainingError,
    UnpackError,
    VideoError,
)
from strongpose.poses import Pose, Poses
from strongpose.skeleton import COCO, Skeleton

if TYPE_CHECKING:
    from strongpose.decode import DecodeOptions
    from strongpose.draw import draw_poses
    from strongpose.images import open_image
    from strongpose.inference import StrongPose
    from strongpose.video import VideoEstimator

__all__ = [
    "COCO",
    "AnnotationError",
    "BatchError",
    "BenchmarkError",
    "CheckpointError",
    "ConversionError",
    "DecodeOptions",
    "DownloadError",
    "EvaluationError",
    "ExportError",
    "ImageError",
    "JsonError",
    "LoaderError",
    "ModelError",
    "OutputError",
    "Pose",
    "Poses",
    "RefusedError",
    "RemoteError",
    "Skeleton",
    "StrongPose",
    "StrongPoseError",
    "TrainingError",
    "UnpackError",
    "VideoError",
    "VideoEstimator",
    "__version__",
    "draw_poses",
    "open_image",
]

__version__ = "0.1.0"

_LATER = {
    "DecodeOptions": "strongpose.decode",
    "StrongPose": "strongpose.inference",
    "VideoEstimator": "strongpose.video",
    "draw_poses": "strongpose.draw",
    "open_image": "strongpose.images",
}
"""Names that take time to import, and where they are: they are imported when they are first asked for."""


def __getattr__(name: str) -> object:
    """Import what is in `_LATER` when it is first asked for."""
    if name not in _LATER:
        raise AttributeError(f"module 'strongpose' has no attribute {name!r}")
    found = getattr(importlib.import_module(_LATER[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """All public names, those as well that were not asked for yet."""
    return sorted(__all__)
