"""``strongpose export``: trained weights in, a model out that runs without torch; in float or, calibrated, in int8."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from strongpose._util.installing import install_command
from strongpose._util.terminal import Progress, complain, say
from strongpose.commands.help_texts import BESIDE
from strongpose.commands.outputs import unwritable_file
from strongpose.export.facts import LICENCE, ModelFacts
from strongpose.fields import DISK_RADIUS
from strongpose.runtime.model import DEFAULT_THRESHOLD, SIZE

if TYPE_CHECKING:
    from strongpose.export.model import ExportedModel, Precision

__all__ = ["export"]


def export(
    weights: Annotated[Positional[str], arg(metavar="WEIGHTS.safetensors|MODEL.onnx|NAME")],
    /,
    out: Annotated[Path, arg(metavar="MODEL.onnx|MODEL.xml")],
    precision: Literal["float32", "float16", "int8"] = "float16",
    size: Annotated[
        int | None, arg(metavar="PIXELS", help_behavior_hint=f"(default: what the weights say, or {SIZE})")
    ] = None,
    disk_radius: Annotated[
        float | None,
        arg(metavar="PIXELS", help_behavior_hint=f"(default: what the weights say, or {DISK_RADIUS:g})"),
    ] = None,
    filter_sigma: Annotated[
        float | None, arg(metavar="CELLS", help_behavior_hint="(default: the model's own, or the decoder's)")
    ] = None,
    body_weight: Annotated[
        float | None, arg(metavar="WEIGHT", help_behavior_hint="(default: the model's own, or the decoder's)")
    ] = None,
    threshold: Annotated[
        float | None,
        arg(metavar="SCORE", help_behavior_hint=f"(default: the model's own, or {DEFAULT_THRESHOLD:g})"),
    ] = None,
    output_stride: Literal[0, 4, 8, 16, 32] = 0,
    licence: Annotated[
        str | None, arg(metavar="SPDX", help_behavior_hint=f"(default: the model's own, or {LICENCE})")
    ] = None,
    card: Annotated[str | None, arg(metavar="TEXT|URL", help_behavior_hint="(default: the model's own)")] = None,
    calibrate: Annotated[
        tuple[Path, ...], arg(metavar="FOLDER ...", help_behavior_hint="(needed for int8, and only there)")
    ] = (),
    calibration_photos: Annotated[int, arg(metavar="COUNT")] = 150,
    evaluate: Annotated[
        Path | None, arg(metavar="ANNOTATIONS.json", help_behavior_hint="(default: do not measure)")
    ] = None,
    images: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint=BESIDE)] = None,
) -> int:
    """Make a model of trained weights that runs without torch.

    An .onnx file runs everywhere. An .xml file, with the .bin written beside it, is for OpenVINO, and the only
    kind that can be int8: several times as fast on CPUs with int8 instructions (VNNI), and a little less accurate.

    Examples:
        strongpose export WEIGHTS.safetensors --out MODEL.onnx
        strongpose export WEIGHTS --out OUT.xml --precision int8 --calibrate FOLDER

    Args:
        weights: Weights that `strongpose train` wrote, a model that this command wrote before, or the name of one that
            comes with the package.
        out: The file to write.
        precision: How weights are stored. float16 halves the file; the runtime chooses the precision of
            computation. int8 also computes in 8 bits, and needs --calibrate.
        size: Long side of photos in pixels that the model will recommend.
        disk_radius: Radius of the heat-map disks in training.
        filter_sigma: Standard deviation in cells of the Gaussian that smooths the Hough votes; finer grids need a
            larger one.
        body_weight: How much the body heat map counts in the scores of keypoints; 0 where it was learnt without
            segmentations.
        threshold: Recommended score threshold: people with a lower score are left out.
        output_stride: Pixels per cell of the backbone's features, less than in training (4 is for mobile); 0 keeps
            that.
        licence: Licence of the model, as an SPDX identifier.
        card: What else users should know, or where it is written.
        calibrate: Folders of photos like those the model will see, used to calibrate the int8 quantisation ranges. Not
            those it is evaluated on.
        calibration_photos: How many of them to use, evenly spaced.
        evaluate: Annotations in COCO keypoint format; prints the AP of the model and the AP lost to quantisation.
        images: Folder of their photos.
    """
    if wrong := unwritable_file("--out", out):
        return complain(wrong)
    if evaluate is None and images is not None:
        return complain("--images is the folder of the photos of --evaluate ANNOTATIONS.json; give both or neither")
    try:
        from strongpose.annotations import photo_folder
        from strongpose.export.model import export_model
    except ImportError as error:
        return complain(f"exporting needs more packages ({error}): {install_command('export')}")
    facts = ModelFacts(size, disk_radius, filter_sigma, body_weight, threshold, licence, card)
    write = partial(export_model, weights, facts=facts, output_stride=output_stride or None)
    try:
        images = photo_folder(evaluate, images) if evaluate else None
        truth = _truth(weights, evaluate, images) if evaluate and images else None
        model = write(
            out,
            precision,
            calibrate=calibrate,
            photos=calibration_photos,
            say=partial(print, flush=True),
            complain=complain,
        )
        print(_summary(model, precision), flush=True)
        if truth and images:
            with tempfile.TemporaryDirectory() as folder:
                exact = out if precision == "float32" else write(Path(folder) / "float32.onnx", "float32").files[0]
                _measure(out, precision, exact, truth, images)
    except (ValueError, ImportError, FileNotFoundError) as error:  # of exporting, annotations, photos
        return complain(error)
    return 1 if model.skipped else 0


def _truth(weights: str, annotations: Path, images: Path) -> dict[str, Any]:
    """The annotations, if they fit the weights and the photos; seen before the work."""
    from strongpose.annotations import load_annotations, photo_paths
    from strongpose.network.weights import load_network
    from strongpose.runtime import resolve_weights

    truth = load_annotations(annotations, load_network(resolve_weights(weights)).config.skeleton, say)
    photo_paths(truth, images, str(annotations), say)
    return truth


def _summary(model: ExportedModel, precision: Precision) -> str:
    megabytes = sum(file.stat().st_size for file in model.files) / 1e6
    return (
        f"{model.files[0]}: {megabytes:.1f} MB, {precision}, skeleton {model.info.skeleton.name}, "
        f"one cell per {model.info.stride} pixels, size {model.info.size}"
    )


def _measure(out: Path, precision: Precision, exact: Path, truth: dict[str, Any], images: Path) -> None:
    """Print the figures of the model and those of the same weights in float32, and what it lost."""
    from strongpose.evaluation import evaluate
    from strongpose.inference import StrongPose

    found = {}
    for name, path in {"float32": exact, precision: out}.items():  # one, if it is float32
        estimator = StrongPose.from_pretrained(path)
        with Progress("photos", f"evaluating {name}") as progress:
            found[name] = evaluate(estimator, truth, images, progress)
        how = f"{estimator.runtime.name}, size {estimator.size}, {1000 * found[name].seconds:.0f} ms a photo"
        print(f"{name} weights by {how}\n{found[name].metrics}", flush=True)
    if precision != "float32":
        before, after = found["float32"].metrics.ap, found[precision].metrics.ap
        print(f"AP {before:.3f} with float32 weights, {after:.3f} with {precision}: lost {before - after:.3f}")
