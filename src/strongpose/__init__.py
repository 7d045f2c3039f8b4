"""StrongPose: bottom-up multi-person pose estimation in one fully convolutional pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongpose.exceptions import StrongPoseError
from strongpose.poses import Pose, Poses
from strongpose.skeleton import COCO, Skeleton

if TYPE_CHECKING:
    from strongpose.inference import StrongPose

__all__ = ["COCO", "Pose", "Poses", "Skeleton", "StrongPose", "StrongPoseError", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import the estimator, with OpenCV and ONNX Runtime, when it is first asked for."""
    if name == "StrongPose":
        from strongpose.inference import StrongPose

        return StrongPose
    raise AttributeError(f"module 'strongpose' has no attribute {name!r}")
