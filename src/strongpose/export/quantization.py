"""int8 by calibration: a float model and some photos in, an OpenVINO model with 8-bit convolutions out."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from strongpose._util.installing import install_command
from strongpose._util.own_thread import in_own_thread
from strongpose._util.telemetry import without_telemetry
from strongpose.exceptions import ImageError
from strongpose.images import SUFFIXES, fit_image, open_image
from strongpose.images.folders import photos_in

if TYPE_CHECKING:
    import openvino

__all__ = ["calibration_inputs", "calibration_photos", "quantize"]


def calibration_photos(folders: Iterable[str | Path], count: int) -> list[Path]:
    """Photos evenly spaced among all of some folders, in order of their names.

    Args:
        folders: of photos; the folders in them are not looked at.
        count: how many photos at most.

    Raises:
        ValueError: if a folder is missing or holds no photo, or ``count`` is not positive.
    """
    if count < 1:
        raise ValueError(f"calibration needs at least one photo, got a count of {count}")
    photos: list[Path] = []
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise ValueError(f"{folder}: no such folder of photos to calibrate with; check the path")
        found = photos_in(folder)
        if not found.photos:
            why = f"; left out: {', '.join(found.left_out)}" if found.left_out else ""
            raise ValueError(
                f"{folder}: holds no photo to calibrate with ({', '.join(SUFFIXES)}){why}; name a folder with some"
            )
        photos += found.photos
    chosen = np.linspace(0, len(photos) - 1, min(count, len(photos))).round().astype(int)
    return [photos[i] for i in chosen]


def calibration_inputs(
    photos: Iterable[Path],
    size: int,
    coarse_stride: int,
    complain: Callable[[ImageError], object],
) -> list[np.ndarray]:
    """The network's input of each photo, as in use.

    Args:
        photos: paths.
        size: long side in pixels.
        coarse_stride: see `strongpose.images.fit_image`.
        complain: called with the error of every photo that cannot be opened; the photo is skipped.

    Returns:
        (1, H, W, 3) uint8 RGB arrays of different H and W.

    Raises:
        ValueError: if no photo can be opened.
    """
    inputs = []
    for photo in photos:
        try:
            inputs.append(fit_image(open_image(photo), size, coarse_stride).pixels[None])
        except ImageError as error:
            complain(error)
    if not inputs:
        raise ValueError("none of the photos to calibrate with can be opened; name a folder of whole photos")
    return inputs


def quantize(path: str | Path, inputs: Sequence[np.ndarray]) -> openvino.Model:
    """The model with 8-bit weights (one scale a channel) and activations (one a tensor, by calibration).

    Weights take half the range, within ±64, so that sums are exact on CPUs without VNNI, too
    (`strongpose.runtime.saturation`). Convolutions in groups stay in float: OpenVINO computes them in float anyway,
    and NNCF does not halve the range of depthwise ones.

    Post-training quantisation by NNCF: ranges of activations from the inputs, then biases corrected for the
    mean error that rounding makes. Input and outputs stay as they are.

    Args:
        path: an .onnx file of `strongpose.export.onnx.export_onnx`, best with ``precision="float32"``; with
            ``fold_norms``, for else activations are rounded before the norms.
        inputs: (1, H, W, 3) uint8 RGB, what `calibration_inputs` gave.

    Raises:
        ImportError: if NNCF or OpenVINO is missing.
    """
    try:
        with without_telemetry():
            import openvino

            nncf = _import_nncf()
    except ImportError as error:
        raise ImportError(f"int8 needs NNCF and OpenVINO ({error}): {install_command('export')}") from error

    def run() -> openvino.Model:  # compiles and deletes models
        return nncf.quantize(
            openvino.Core().read_model(path),
            nncf.Dataset(inputs),
            subset_size=len(inputs),
            preset=nncf.QuantizationPreset.MIXED,
            fast_bias_correction=True,
            advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE),
            ignored_scope=nncf.IgnoredScope(types=["GroupConvolution"], validate=False),  # there may be none
        )

    with _silence():
        return in_own_thread(run)


def _import_nncf() -> ModuleType:
    """NNCF, which neither prints nor reports its use to its makers."""
    before = os.environ.get("NNCF_CI")
    os.environ["NNCF_CI"] = "1"  # read on import; switches its telemetry off
    try:
        with _silence():
            import nncf
    finally:
        if before is None:
            del os.environ["NNCF_CI"]
        else:
            os.environ["NNCF_CI"] = before
    nncf.set_log_level(logging.ERROR)
    return nncf


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep progress bars and notes off the standard streams."""
    with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing), contextlib.redirect_stderr(nothing):
        yield
