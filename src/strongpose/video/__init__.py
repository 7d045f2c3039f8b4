"""Videos: reading and writing them, and following the people in them from frame to frame."""

from strongpose.exceptions import VideoError
from strongpose.video.appearance import Appearances
from strongpose.video.camera_motion import CameraMotion
from strongpose.video.estimator import VideoEstimator, track_video
from strongpose.video.io import Frame, VideoReader, VideoWriter, open_video
from strongpose.video.smoothing import Smoother, SmoothOptions
from strongpose.video.track_options import TrackOptions
from strongpose.video.track_summary import TrackSummary
from strongpose.video.tracked_poses import TrackedPoses
from strongpose.video.tracking import Tracker

__all__ = [
    "Appearances",
    "CameraMotion",
    "Frame",
    "SmoothOptions",
    "Smoother",
    "TrackOptions",
    "TrackSummary",
    "TrackedPoses",
    "Tracker",
    "VideoError",
    "VideoEstimator",
    "VideoReader",
    "VideoWriter",
    "open_video",
    "track_video",
]
