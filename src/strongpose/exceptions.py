"""Every error that StrongPose raises on purpose: each is a `StrongPoseError`, with one line for people."""

from __future__ import annotations

__all__ = [
    "AnnotationError",
    "BatchError",
    "BenchmarkError",
    "CheckpointError",
    "ConversionError",
    "DownloadError",
    "EvaluationError",
    "ExportError",
    "ImageError",
    "JsonError",
    "LoaderError",
    "ModelError",
    "OutputError",
    "RefusedError",
    "RemoteError",
    "StrongPoseError",
    "TrainingError",
    "UnpackError",
    "VideoError",
]


class StrongPoseError(Exception):
    """Something that cannot be done; the message is one line that names the reason and the remedy."""


class AnnotationError(StrongPoseError, ValueError):
    """Annotations that cannot be used; the message names the file, the entry and the remedy."""


class BatchError(StrongPoseError, ValueError):
    """A job that cannot be done; the message names the file, the reason and the remedy."""


class BenchmarkError(StrongPoseError, ValueError):
    """A measurement that cannot be made or kept; the message names the reason and the remedy."""


class CheckpointError(StrongPoseError, ValueError):
    """A checkpoint that cannot be resumed, or should not be written; the message names the file and the reason."""


class ConversionError(StrongPoseError, ValueError):
    """Data that cannot be converted; the message names the file and the entry or line."""


class DownloadError(StrongPoseError, ValueError):
    """A file that could not be downloaded; the message names it, the reason and the remedy."""


class EvaluationError(StrongPoseError, ValueError):
    """Results that cannot be evaluated; the message names the file, the entry and the remedy."""


class ExportError(StrongPoseError, ValueError):
    """A model that cannot be written; the message names the file, the reason and the remedy."""


class ImageError(StrongPoseError, ValueError):
    """A photo that cannot be used; the message names the file and the remedy."""


class JsonError(StrongPoseError, ValueError):
    """A file that is missing or holds no JSON; the message names the file and, where it breaks off, the line."""


class LoaderError(StrongPoseError, RuntimeError):
    """A process that reads photos has ended, such as one that was killed for its memory."""


class ModelError(StrongPoseError, ValueError):
    """A model that cannot be used; the message names the file, the reason and the remedy."""


class OutputError(StrongPoseError, OSError):
    """A file that cannot be written; the message names it, the reason and the remedy."""


class RefusedError(StrongPoseError):
    """A request that is not served.

    Args:
        status: of HTTP.
        line: one line for the client: what was expected and what came.
        retry_after: seconds after which it is worth trying again.
    """

    def __init__(self, status: int, line: str, retry_after: int | None = None) -> None:
        super().__init__(line)
        self.status = status
        self.line = line
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[type[RefusedError], tuple[int, str, int | None]]:
        return RefusedError, (self.status, self.line, self.retry_after)


class RemoteError(StrongPoseError, ValueError):
    """Something at an address that cannot be had; the message names the address and the remedy."""


class TrainingError(StrongPoseError, RuntimeError):
    """Training cannot go on; the message says why and what is kept."""


class UnpackError(StrongPoseError, ValueError):
    """An archive that cannot or must not be unpacked; the message names it, the entry and the remedy."""


class VideoError(StrongPoseError, ValueError):
    """A video that cannot be read or written; the message names it, the reason and the remedy."""
