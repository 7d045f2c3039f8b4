"""Frames with time stamps in from files, cameras and streams, pictures with time stamps out."""

from strongpose.exceptions import VideoError
from strongpose.video.io.frame import Frame
from strongpose.video.io.opening import open_video
from strongpose.video.io.reader import VideoReader
from strongpose.video.io.writer import VideoWriter

__all__ = ["Frame", "VideoError", "VideoReader", "VideoWriter", "open_video"]
