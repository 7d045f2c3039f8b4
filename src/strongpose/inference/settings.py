"""The settings of an estimator, checked, and those that a model recommends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import index
from os import PathLike

from strongpose.decode import DecodeOptions
from strongpose.exceptions import ModelError
from strongpose.inference.multi_scale import SMALLEST
from strongpose.runtime import ModelInfo, Runtime

__all__ = ["checked_sizes", "checked_threshold", "default_sizes", "recommended", "require_runtime"]


def require_runtime(runtime: Runtime) -> Runtime:
    """The runtime.

    Raises:
        TypeError: if it is a model's name or path.
    """
    if isinstance(runtime, str | PathLike):
        raise TypeError(
            f"expected a runtime; StrongPose.from_pretrained({str(runtime)!r}) opens a model by name or path"
        )
    return runtime


def recommended(info: ModelInfo) -> DecodeOptions:
    """The decoder options that a model recommends.

    Raises:
        ModelError: if there are no such options.
    """
    try:
        return DecodeOptions(**info.decode)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise ModelError(f"the model's metadata recommends decoder options that do not fit: {error}") from error


def checked_threshold(threshold: float) -> float:
    """The threshold.

    Raises:
        ValueError: if it is not in 0-1.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold must lie in 0-1, got {threshold}")
    return threshold


def default_sizes(size: int) -> tuple[int, ...]:
    """The long sides in pixels at which photos are looked at, where nothing is said: the model's, and half of it.

    At half the size, with a quarter of the pixels, people who fill the photo are found. Where that would be too small
    for anybody (`strongpose.inference.multi_scale`), it is left out.
    """
    half = size // 2 + 1
    return (half, size) if half >= SMALLEST else (size,)


def checked_sizes(size: int | Sequence[int]) -> tuple[int, ...]:
    """One or several sizes in pixels, the smallest first.

    Raises:
        ValueError: if a size is not positive or given twice, or there is none.
    """
    try:
        sizes = tuple(sorted(map(index, size if isinstance(size, Iterable) else [size])))
    except TypeError as error:
        raise ValueError(f"size must be a whole number of pixels, or several, got {size!r:.40}") from error
    if not sizes or sizes[0] < 1:
        raise ValueError(f"size must be at least 1 pixel, got {size}")
    if len(set(sizes)) < len(sizes):
        raise ValueError(f"sizes must differ, got {size}")
    return sizes
