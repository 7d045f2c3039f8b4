"""Poses, the result of pose estimation, and the files they are written to and read from."""

from strongpose.poses.pose import Pose
from strongpose.poses.poses import KEYPOINT_THRESHOLD, Poses

__all__ = ["KEYPOINT_THRESHOLD", "Pose", "Poses"]
