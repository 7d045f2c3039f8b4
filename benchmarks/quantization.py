"""Ways to make `base` int8: AP, and how far heat maps and displacements move from the float ones."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["NNCF_CI"] = "1"  # no telemetry; read on import
import numpy as np
import tyro
from nncf import AdvancedQuantizationParameters as Advanced
from nncf import AdvancedSmoothQuantParameters, IgnoredScope, ModelType, OverflowFix

from strongpose import StrongPose
from strongpose.annotations import load_annotations
from strongpose.evaluation import evaluate
from strongpose.export.openvino_ir import write_ir
from strongpose.export.quantization import calibration_inputs, calibration_photos, quantize
from strongpose.runtime import OpenVinoRuntime, RawMaps, resolve_model

HEADS = [f"node_conv2d_{i}/WithoutBiases" for i in (60, 61, 62)]  # the fields, and the body's two convolutions
STEM = "node_conv2d/WithoutBiases"

GROUPS = ["GroupConvolution"]

WAYS: dict[str, dict[str, Any]] = {
    "as exported: half the range, depthwise convolutions in float": {},
    "full range": {"advanced_parameters": Advanced(overflow_fix=OverflowFix.DISABLE)},
    "full range but in the first layer": {"advanced_parameters": Advanced(overflow_fix=OverflowFix.FIRST_LAYER)},
    "depthwise convolutions rounded, too": {"ignored_scope": None},
    "heads in float": {"ignored_scope": IgnoredScope(names=HEADS, types=GROUPS)},
    "first convolution and heads in float": {"ignored_scope": IgnoredScope(names=[STEM, *HEADS], types=GROUPS)},
    "SmoothQuant on convolutions": {
        "model_type": ModelType.TRANSFORMER,
        "advanced_parameters": Advanced(
            overflow_fix=OverflowFix.ENABLE,
            smooth_quant_alphas=AdvancedSmoothQuantParameters(convolution=0.5, matmul=-1),
        ),
    },
}


def main(annotations: Path, /, images: Path, calibrate: tuple[Path, ...], size: int = 401, count: int = 100) -> None:
    """Print a table, a row for float and for every way.

    Args:
        annotations: in COCO keypoint format.
        images: folder of their photos.
        calibrate: folders of photos to calibrate with.
        size: long side in pixels, in calibration and evaluation.
        count: photos to calibrate with.
    """
    source = resolve_model("base")
    exact = OpenVinoRuntime(source, bf16=False)
    truth = load_annotations(annotations)
    model = StrongPose(exact, size)
    looks = [model.fit(images / image["file_name"]).pixels[None] for image in truth["images"][::4]]
    expected = [exact(look) for look in looks]
    inputs = calibration_inputs(calibration_photos(calibrate, count), size, exact.info.coarse_stride, print)
    print("| | AP | AP50 | heat moves by | displacements move by |\n|---|---|---|---|---|")

    def row(name: str, runtime: OpenVinoRuntime) -> None:
        figures = evaluate(StrongPose(runtime, size), truth, images).metrics
        moved = [np.concatenate(parts).mean() for parts in zip(*_moves(runtime, looks, expected), strict=True)]
        print(f"| {name} | {figures.ap:.3f} | {figures.ap50:.3f} | {moved[0]:.3f} | {moved[1]:.2f} px |", flush=True)

    row("float32", exact)
    row("bfloat16, where the CPU has it", OpenVinoRuntime(source))
    facts = {
        "skeleton": exact.info.skeleton.to_dict(),
        **{key: getattr(exact.info, key) for key in ("stride", "coarse_stride", "size", "decode")},
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, options in WAYS.items():
            write_ir(quantize(source, inputs, **options), Path(folder) / "int8.xml", facts)
            row(name, OpenVinoRuntime(Path(folder) / "int8.xml"))


def _moves(
    runtime: OpenVinoRuntime, looks: list[np.ndarray], expected: list[RawMaps]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of every photo: how far the heat moves where it is above 0.2, and displacements where a keypoint is near."""
    for look, before in zip(looks, expected, strict=True):
        after = runtime(look)
        hot = np.maximum(before.heatmaps, after.heatmaps) > 0.2
        near = (before.heatmaps[0] > 0.3).any(axis=0)
        heat = np.abs(after.heatmaps - before.heatmaps)[hot]
        yield heat, np.abs(after.displacements - before.displacements)[0][..., near].ravel()


if __name__ == "__main__":
    tyro.cli(main)
