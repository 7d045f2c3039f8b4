"""``strongpose export``: trained weights in, an .onnx model out that runs without torch."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from strongpose.training.recipe import TrainConfig

__all__ = ["export"]


def export(
    weights: Annotated[Positional[Path], arg(metavar="WEIGHTS.safetensors")],
    /,
    out: Annotated[Path, arg(metavar="MODEL.onnx")],
    size: Annotated[int, arg(metavar="PIXELS")] = 481,
    radius: Annotated[float, arg(metavar="PIXELS")] = TrainConfig.radius,
    output_stride: Literal[0, 8, 16, 32] = 0,
    licence: Annotated[str, arg(metavar="SPDX")] = "Apache-2.0",
) -> int:
    """Make an .onnx model of trained weights; it runs without torch.

    Args:
        weights: Weights that `strongpose train` wrote.
        out: The .onnx file to write.
        size: Long side of photos in pixels that the model will recommend.
        radius: Radius of the heat map disks that it was trained with.
        output_stride: Pixels per cell of the backbone's features, less than in training; 0 keeps that.
        licence: What others may do with the model; as an SPDX identifier.
    """
    try:
        from strongpose.network import at_output_stride
        from strongpose.network.export import export_onnx
        from strongpose.network.weights import load_network
        from strongpose.runtime import OnnxRuntime
    except ImportError as error:
        print(f"strongpose: exporting needs more packages ({error}): pip install 'strongpose[export]'", file=sys.stderr)
        return 1
    if out.suffix != ".onnx":
        print(f"strongpose: --out {out}: the name must end in .onnx", file=sys.stderr)
        return 1
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of packages that it does not need
    try:
        network = load_network(weights)
        network = at_output_stride(network, output_stride or network.config.output_stride)
        out.parent.mkdir(parents=True, exist_ok=True)
        export_onnx(network, out, {"size": size, "licence": licence, "decode": {"disk_radius": radius}})
        info = OnnxRuntime(out).info
    except (ValueError, ImportError, FileNotFoundError) as error:  # the weights, or a missing package
        print(f"strongpose: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"strongpose: --out {out}: cannot be written ({error.strerror})", file=sys.stderr)
        return 1
    megabytes = out.stat().st_size / 1e6
    print(
        f"{out}: {megabytes:.1f} MB, skeleton {info.skeleton.name}, one cell per {info.stride} pixels, size {info.size}"
    )
    return 0
