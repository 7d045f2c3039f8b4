"""Video: frames with time stamps in from files, cameras and streams, pictures with time stamps out."""

from strongpose.video.frame import Frame, VideoError
from strongpose.video.opening import open_video
from strongpose.video.reader import VideoReader
from strongpose.video.writer import VideoWriter

__all__ = ["Frame", "VideoError", "VideoReader", "VideoWriter", "open_video"]
