"""Checks that a model file's inputs and outputs are those that its description promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from strongpose.exceptions import ModelError
from strongpose.fields import cell_count
from strongpose.runtime.model import ModelInfo, RawMaps

__all__ = ["REMEDY", "check_interface", "check_maps", "read_info", "reason"]

REMEDY = "export it with `strongpose export`"


def reason(error: Exception, line: int = 0) -> str:
    """What a runtime's error says in one of its lines, however it says it."""
    lines = str(error).strip().splitlines()
    return lines[line].strip()[:300] if lines else type(error).__name__


def read_info(path: Path, text: str | None) -> ModelInfo:
    """The facts in the entry ``strongpose`` of a model file; ``text`` is None where it has none.

    Raises:
        ModelError: if there is no entry, or a fact is missing or does not fit.
    """
    if text is None:
        raise ModelError(f"{path}: not a StrongPose model (no metadata 'strongpose'); {REMEDY}")
    try:
        return ModelInfo.from_json(text)
    except (ValueError, TypeError) as error:
        raise ModelError(f"{path}: its metadata does not fit: {error}; {REMEDY}") from error


def check_interface(
    path: Path,
    info: ModelInfo,
    inputs: Mapping[str, tuple[str, int]],
    outputs: Mapping[str, Sequence[object]],
) -> None:
    """Refuse a model whose inputs or outputs are not those that its metadata promises.

    Args:
        path: of the model file, for the message.
        info: what the file says about itself.
        inputs: element type (``uint8``) and number of axes of every input.
        outputs: shape of every output; a length that is not fixed is anything but an int.

    Raises:
        ModelError: naming the first input or output that does not fit.
    """
    if dict(inputs) != {"images": ("uint8", 4)}:
        got = ", ".join(f"{name} of {kind}, {axes} axes" for name, (kind, axes) in inputs.items()) or "none"
        raise ModelError(f"{path}: expected one input images (B, H, W, 3) of uint8, got {got}; {REMEDY}")
    skeleton = info.skeleton
    k, e = skeleton.num_keypoints, len(skeleton.edges)
    for name, expected in (
        ("heatmaps", (None, k, None, None)),
        ("offsets", (None, k, 2, None, None)),
        ("displacements", (None, 2 * e, 2, None, None)),
        ("body", (None, None, None)),
    ):
        if name not in outputs:
            raise ModelError(f"{path}: has no output {name!r}, only {sorted(outputs)}; {REMEDY}")
        shape = outputs[name]
        if len(shape) != len(expected) or any(
            want is not None and isinstance(got, int) and got != want for got, want in zip(shape, expected, strict=True)
        ):
            wanted = tuple("any" if n is None else n for n in expected)
            raise ModelError(
                f"{path}: its metadata names skeleton {skeleton.name!r}, for which the output {name!r} "
                f"must have shape {wanted}, got {tuple(shape)}; {REMEDY}"
            )


def check_maps(path: Path, info: ModelInfo, images: np.ndarray, maps: RawMaps) -> RawMaps:
    """The maps that a network returned, if they are what the model's metadata promises.

    Args:
        path: of the model file, for the message.
        info: what the file says about itself.
        images: (B, H, W, 3), what it was given.
        maps: what it returned.

    Raises:
        ModelError: if a shape does not fit, or values are not finite, as weights that are not numbers make them.
    """
    batch, height, width = images.shape[:3]
    cells = cell_count(height, info.stride), cell_count(width, info.stride)
    k, e = info.skeleton.num_keypoints, len(info.skeleton.edges)
    shapes = ((k, *cells), (k, 2, *cells), (2 * e, 2, *cells), cells)
    for name, part, shape in zip(RawMaps._fields, maps, shapes, strict=True):
        if part.shape != (batch, *shape):
            raise ModelError(
                f"{path}: its metadata says stride {info.stride}, which gives {cells} cells for images of "
                f"{(height, width)} pixels: its output {name!r} must have shape {(batch, *shape)}, got {part.shape}; "
                f"{REMEDY}"
            )
        if not np.isfinite(part.sum()):  # a sum of finite maps is finite; faster than looking at each value
            raise ModelError(f"{path}: its output {name!r} holds values that are not finite; its weights are damaged")
    return maps
