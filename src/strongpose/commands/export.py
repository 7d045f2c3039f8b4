"""``strongpose export``: trained weights in, a model out that runs without torch; in float or, calibrated, in int8."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from strongpose._util.terminal import complain, say
from strongpose.training.recipe import TrainConfig

if TYPE_CHECKING:
    import numpy as np

    from strongpose.network import PoseNetwork

__all__ = ["export"]

_SIZE, _LICENCE = 481, "Apache-2.0"


class _WrongOptions(ValueError):
    """Options that do not go together; the message says which, why and what to do."""


def export(
    weights: Annotated[Positional[Path], arg(metavar="WEIGHTS.safetensors|MODEL.onnx")],
    /,
    out: Annotated[Path, arg(metavar="MODEL.onnx|MODEL.xml")],
    precision: Literal["float32", "float16", "int8"] = "float16",
    size: Annotated[
        int | None, arg(metavar="PIXELS", help_behavior_hint=f"(default: the model's own, or {_SIZE})")
    ] = None,
    radius: Annotated[
        float | None,
        arg(metavar="PIXELS", help_behavior_hint=f"(default: the model's own, or {TrainConfig.radius:g})"),
    ] = None,
    filter_sigma: Annotated[
        float | None, arg(metavar="CELLS", help_behavior_hint="(default: the model's own, or the decoder's)")
    ] = None,
    output_stride: Literal[0, 4, 8, 16, 32] = 0,
    licence: Annotated[
        str | None, arg(metavar="SPDX", help_behavior_hint=f"(default: the model's own, or {_LICENCE})")
    ] = None,
    card: Annotated[str | None, arg(metavar="TEXT|URL", help_behavior_hint="(default: the model's own)")] = None,
    calibrate: Annotated[
        tuple[Path, ...], arg(metavar="FOLDER ...", help_behavior_hint="(needed for int8, and only there)")
    ] = (),
    calibration_photos: Annotated[int, arg(metavar="COUNT")] = 150,
    evaluate: Annotated[
        Path | None, arg(metavar="ANNOTATIONS.json", help_behavior_hint="(default: do not measure)")
    ] = None,
    images: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="(goes with --evaluate)")] = None,
) -> int:
    """Make a model of trained weights that runs without torch.

    An .onnx file runs everywhere. An .xml file, with the .bin written beside it, is for OpenVINO, and the only
    kind that can be int8: several times as fast on CPUs with units for it, and a little less accurate.

    Args:
        weights: Weights that `strongpose train` wrote, or a model that this command wrote before.
        out: The file to write.
        precision: How weights are stored. float16 halves the file; in what it is computed, the runtime
            decides. int8 also computes in 8 bits, and needs --calibrate.
        size: Long side of photos in pixels that the model will recommend.
        radius: Radius of the heat map disks that it was trained with.
        filter_sigma: Width of the Gaussian that smooths the votes for keypoints; denser cells want more of them.
        output_stride: Pixels per cell of the backbone's features, less than in training (4 is for mobile); 0 keeps
            that.
        licence: What others may do with the model; as an SPDX identifier.
        card: What else users should know, or where it is written.
        calibrate: Folders of photos like those the model will see; int8's ranges are taken from them. Not
            those it is evaluated on.
        calibration_photos: How many of them to use, evenly spaced.
        evaluate: Annotations in COCO keypoint format; prints the AP of the model and what precision cost.
        images: Folder of their photos.
    """
    try:
        _check_options(out, precision, calibrate, evaluate, images)
        from strongpose.annotations import load_annotations, photo_paths
        from strongpose.export.onnx import describe, export_onnx
        from strongpose.export.openvino_ir import read_onnx, write_ir
        from strongpose.export.quantization import quantize
        from strongpose.network import at_output_stride
        from strongpose.network.weights import load_network
    except ImportError as error:
        return complain(f"exporting needs more packages ({error}): pip install 'strongpose[export]'")
    except _WrongOptions as error:
        return complain(error)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of packages that it does not need
    try:
        facts = _facts(weights, size, {"disk_radius": radius, "filter_sigma": filter_sigma}, licence, card)
        network = load_network(weights)
        network = at_output_stride(network, output_stride or network.config.output_stride)
        truth = load_annotations(evaluate, network.config.skeleton, say) if evaluate else None
        if truth and images:
            photo_paths(truth, images, str(evaluate), say)  # which sees whether they fit, before the work
        inputs, skipped = _calibration_inputs(calibrate, calibration_photos, facts["size"], network)
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            exact = Path(folder) / "float32.onnx"  # what int8 is made of, and what the model is compared with
            if precision == "int8" or (truth and precision != "float32"):
                export_onnx(network, exact, facts, "float32", fold_norms=True)
            if precision == "int8":
                calibration = {"photos": len(inputs), "size": facts["size"]}
                description = describe(network, {**facts, "calibration": calibration}, precision)
                write_ir(quantize(exact, inputs), out, description)
            elif out.suffix == ".xml":
                stored = Path(folder) / "stored.onnx"
                export_onnx(network, stored, facts, precision, fold_norms=True)
                write_ir(read_onnx(stored), out, describe(network, facts, precision))
            else:
                export_onnx(network, out, facts, precision)
            print(_summary(out, precision), flush=True)
            if truth and images:
                _measure(out, precision, exact, truth, images)
    except (ValueError, ImportError, FileNotFoundError) as error:  # weights, photos, annotations, missing packages
        return complain(error)
    except OSError as error:
        return complain(f"--out {out}: cannot be written ({error.strerror or error})")
    return 1 if skipped else 0


def _check_options(
    out: Path, precision: str, calibrate: tuple[Path, ...], evaluate: Path | None, images: Path | None
) -> None:
    """Raise `_WrongOptions` if they do not go together."""
    if out.suffix not in (".onnx", ".xml"):
        raise _WrongOptions(f"--out {out}: the name must end in .onnx or, for OpenVINO, in .xml")
    if precision == "int8" and out.suffix != ".xml":
        raise _WrongOptions(
            f"--out {out}: int8 is for OpenVINO and its name must end in .xml; as .onnx it loses several times as "
            f"much accuracy. Write {out.with_suffix('.xml')}, or an .onnx file with --precision float16"
        )
    if precision == "int8" and not calibrate:
        raise _WrongOptions("--precision int8 needs photos to calibrate with: --calibrate FOLDER, a hundred or more")
    if precision != "int8" and calibrate:
        raise _WrongOptions(f"--calibrate is for --precision int8, not for {precision}; leave one of them out")
    if (evaluate is None) != (images is None):
        raise _WrongOptions("--evaluate ANNOTATIONS.json and --images FOLDER go together; give both or neither")


def _facts(
    weights: Path, size: int | None, decode: dict[str, float | None], licence: str | None, card: str | None
) -> dict[str, Any]:
    """What the model will say about itself: an .onnx file's own facts, and what the options say instead."""
    from strongpose.decode import DecodeOptions
    from strongpose.export.onnx import OWN_KEYS
    from strongpose.runtime import OnnxRuntime

    facts: dict[str, Any] = {"size": _SIZE, "licence": _LICENCE, "decode": {"disk_radius": TrainConfig.radius}}
    if weights.suffix == ".onnx" and weights.is_file():
        info = OnnxRuntime(weights).info
        own = {key: value for key, value in info.about.items() if key not in OWN_KEYS}
        facts |= {**own, "size": info.size, "decode": info.decode}
    options = {"size": size, "licence": licence, "card": card}
    facts |= {key: value for key, value in options.items() if value is not None}
    facts["decode"] = {**facts["decode"], **{key: value for key, value in decode.items() if value is not None}}
    DecodeOptions(**facts["decode"])
    if facts["size"] < 1:
        raise ValueError(f"--size must be at least 1 pixel, got {facts['size']}")
    return facts


def _calibration_inputs(
    folders: tuple[Path, ...], count: int, size: int, network: PoseNetwork
) -> tuple[list[np.ndarray], int]:
    """The photos to calibrate with, as network inputs, and how many could not be opened; each is named."""
    from strongpose.export.quantization import calibration_inputs, calibration_photos
    from strongpose.images.folders import photos_in

    if not folders:
        return [], 0
    photos = calibration_photos(folders, count)
    for folder in folders:
        if left_out := photos_in(folder).left_out:
            print(f"{folder}: left out: {', '.join(left_out)}", flush=True)
    inputs = calibration_inputs(photos, size, network.config.coarse_stride, say)
    print(f"calibrating with {len(inputs)} photos of {size} pixels", flush=True)
    return inputs, len(photos) - len(inputs)


def _summary(out: Path, precision: str) -> str:
    from strongpose.runtime import open_runtime

    info = open_runtime(out, "openvino" if out.suffix == ".xml" else "onnx", threads=1).info
    files = [out, out.with_suffix(".bin")] if out.suffix == ".xml" else [out]
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    return (
        f"{out}: {megabytes:.1f} MB, {precision}, skeleton {info.skeleton.name}, "
        f"one cell per {info.stride} pixels, size {info.size}"
    )


def _measure(out: Path, precision: str, exact: Path, truth: dict[str, Any], images: Path) -> None:
    """Print the figures of the model and those of the same weights in float32, and what it lost."""
    from strongpose.evaluation import evaluate
    from strongpose.inference import StrongPose

    found = {}
    for name, path in {"float32": exact, precision: out}.items():  # one, if it is float32
        estimator = StrongPose.from_pretrained(path)
        found[name] = evaluate(estimator, truth, images)
        how = f"{estimator.runtime.name}, size {estimator.size}, {1000 * found[name].seconds:.0f} ms a photo"
        print(f"{name} weights by {how}\n{found[name].metrics}", flush=True)
    if precision != "float32":
        before, after = found["float32"].metrics.ap, found[precision].metrics.ap
        print(f"AP {before:.3f} with float32 weights, {after:.3f} with {precision}: lost {before - after:.3f}")
