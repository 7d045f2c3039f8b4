"""Weights or a model in, a model out that runs without torch: .onnx or OpenVINO's .xml, in float or int8."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from strongpose._util.lines import Say, unheard
from strongpose.decode import DecodeOptions
from strongpose.exceptions import ExportError, ImageError, StrongPoseError
from strongpose.export.facts import LICENCE, ModelFacts
from strongpose.export.onnx import OWN_KEYS, describe, export_onnx
from strongpose.export.openvino_ir import read_onnx, write_ir
from strongpose.export.quantization import calibration_inputs, calibration_photos, quantize
from strongpose.fields import DISK_RADIUS
from strongpose.images.folders import photos_in
from strongpose.network import at_output_stride
from strongpose.network.weights import load_network, training_facts
from strongpose.runtime import ModelInfo, resolve_weights
from strongpose.runtime.model import SIZE, model_files
from strongpose.runtime.pytorch import read_model_info

__all__ = ["ExportedModel", "Precision", "export_model"]

Precision: TypeAlias = Literal["float32", "float16", "int8"]
"""How weights are stored; int8 also computes in 8 bits."""


@dataclass(frozen=True)
class ExportedModel:
    """What was written.

    Attributes:
        files: the .onnx, or the .xml and its .bin.
        info: what the model says about itself.
        skipped: photos to calibrate with that could not be opened.
    """

    files: tuple[Path, ...]
    info: ModelInfo
    skipped: int


def export_model(
    source: str | Path,
    out: str | Path,
    precision: Precision = "float16",
    facts: ModelFacts | None = None,
    output_stride: int | None = None,
    calibrate: Sequence[Path] = (),
    photos: int = 150,
    say: Say = unheard,
    complain: Callable[[ImageError], object] = lambda error: None,
) -> ExportedModel:
    """Write a model that runs without torch.

    Args:
        source: weights that `strongpose.network.weights.save_weights` wrote, an .onnx file that this function did, or
            the name of a model that comes with the package.
        out: an .onnx file, which runs everywhere, or an .xml file for OpenVINO, which its .bin is written beside; the
            folder is made if need be.
        precision: of the weights; int8 is for .xml and needs ``calibrate``.
        facts: what the model shall say about itself; None changes nothing.
        output_stride: pixels per cell of the backbone's features, at most the network's own; None keeps that.
        calibrate: folders of photos like those the model will see, for int8's ranges. Not those it is evaluated on.
        photos: how many of them to use, evenly spaced.
        say: told what is assumed of weights that do not say it, which photos are left out, and how many are used.
        complain: called with the error of every photo that cannot be opened; it is skipped.

    Raises:
        ExportError: if the arguments do not go together, a file cannot be read or written, or a package is missing.
        strongpose.exceptions.ModelError: if there is no such ``source``, or it is damaged or says nothing about itself.
    """
    source, out = resolve_weights(source), Path(out)
    _check(out, precision, calibrate)
    with _as_export_errors(out):
        metadata = _metadata(source, facts or ModelFacts(), say)
        network = load_network(source)
        network = at_output_stride(network, output_stride or network.config.output_stride)
        inputs: list[np.ndarray] = []
        skipped = 0
        if calibrate:
            size = metadata["size"]
            inputs, skipped = _calibration(calibrate, photos, size, network.config.coarse_stride, say, complain)
            metadata |= {"calibration": {"photos": len(inputs), "size": size}}
        description = describe(network, metadata, precision)
        info = ModelInfo.from_json(json.dumps(description))  # a file that nobody could open takes no good one's place
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix == ".onnx" and precision != "int8":
            export_onnx(network, out, metadata, precision)
        else:
            with tempfile.TemporaryDirectory() as folder:
                folded = Path(folder) / "model.onnx"
                stored = "float32" if precision == "int8" else precision
                export_onnx(network, folded, metadata, stored, fold_norms=True)
                write_ir(quantize(folded, inputs) if precision == "int8" else read_onnx(folded), out, description)
    return ExportedModel(tuple(model_files(out)), info, skipped)


def _check(out: Path, precision: Precision, calibrate: Sequence[Path]) -> None:
    if precision not in get_args(Precision):
        raise ExportError(f"{out}: precision must be {', '.join(get_args(Precision))}, got {precision!r}")
    if out.suffix not in (".onnx", ".xml"):
        raise ExportError(f"{out}: the name of a model must end in .onnx or, for OpenVINO, in .xml")
    if precision == "int8" and out.suffix != ".xml":
        raise ExportError(
            f"{out}: int8 is for OpenVINO and its name must end in .xml; as .onnx it loses several times as "
            f"much accuracy. Write {out.with_suffix('.xml')}, or an .onnx file in float16"
        )
    if precision == "int8" and not calibrate:
        raise ExportError(f"{out}: int8 needs photos to calibrate with: --calibrate FOLDER, a hundred or more")
    if precision != "int8" and calibrate:
        raise ExportError(f"{out}: photos to calibrate with are for int8, not for {precision}; leave --calibrate out")


@contextmanager
def _as_export_errors(out: Path) -> Iterator[None]:
    try:
        yield
    except StrongPoseError:
        raise
    except (ValueError, ImportError, FileNotFoundError) as error:  # weights, photos, missing packages
        raise ExportError(str(error)) from error
    except OSError as error:
        raise ExportError(f"{out}: cannot be written ({error.strerror or error})") from error


def _metadata(source: Path, facts: ModelFacts, say: Say) -> dict[str, Any]:
    """What the model will say about itself, beside what the network states."""
    stated: dict[str, Any] = {"size": SIZE, "licence": LICENCE, "decode": {}}
    if source.suffix == ".onnx":
        info = read_model_info(source)
        own = {key: value for key, value in info.about.items() if key not in OWN_KEYS}
        stated |= {**own, "size": info.size, "decode": info.decode, "threshold": info.threshold}
    else:
        stated |= training_facts(source).to_dict()
    chosen = {"size": facts.size, "threshold": facts.threshold, "licence": facts.licence, "card": facts.card}
    stated |= {key: value for key, value in chosen.items() if value is not None}
    decode: dict[str, Any] = {name: getattr(facts, name) for name in ("disk_radius", "filter_sigma", "body_weight")}
    decode = stated["decode"] | {key: value for key, value in decode.items() if value is not None}
    if "disk_radius" not in decode:
        decode["disk_radius"] = DISK_RADIUS
        say(
            f"{source}: does not say the radius of the disks that it was trained with; {DISK_RADIUS:g} pixels are "
            "assumed, --disk-radius states another"
        )
    try:
        DecodeOptions(**decode)
    except TypeError as error:  # an option that there is not
        raise ExportError(f"{source}: recommends decoder options that do not fit: {error}") from error
    if not 0 <= stated.get("threshold", 0) <= 1:
        raise ExportError(f"the threshold must be 0 to 1, got {stated['threshold']}")
    if stated["size"] < 1:
        raise ExportError(f"the size must be at least 1 pixel, got {stated['size']}")
    return {**stated, "decode": decode}


def _calibration(
    folders: Sequence[Path],
    count: int,
    size: int,
    coarse_stride: int,
    say: Say,
    complain: Callable[[ImageError], object],
) -> tuple[list[np.ndarray], int]:
    """The photos to calibrate with, as network inputs, and how many could not be opened."""
    photos = calibration_photos(folders, count)
    for folder in folders:
        if left_out := photos_in(folder).left_out:
            say(f"{folder}: left out: {', '.join(left_out)}")
    inputs = calibration_inputs(photos, size, coarse_stride, complain)
    say(f"calibrating with {len(inputs)} photos of {size} pixels")
    return inputs, len(photos) - len(inputs)
