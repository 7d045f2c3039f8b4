"""Time networks alone, without reading photos and decoding, side by side: every round runs each of them once.

python benchmarks/network_times.py --untrained lite0 lite2 --yolo YOLO.xml --json times.json

Every round has another order, so that a machine that slows down, and whatever ran before, hit all alike. Ours are timed
from uint8 pixels to float32 maps, normalised and checked in between; YOLO from normalised pixels.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from timeit import timeit
from typing import Any

import numpy as np
import tyro
from one_line import errors_in_one_line
from peer_models import Network, letterbox
from result_tables import show_results

from strongpose.images import fit_image
from strongpose.runtime import OnnxRuntime, OpenVinoRuntime, resolve_model
from strongpose.training.presets import PRESETS, PresetName
from strongpose.training.recipe import TrainConfig

RUNTIMES = ONNX, FLOAT32, BFLOAT16 = "ONNX Runtime in float32", "OpenVINO in float32", "OpenVINO in bfloat16"
PHOTO = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
PAUSE = 0.02  # seconds, in which threads of the run before come to rest


@dataclass
class Entry:
    """A network on a runtime at a size; ``run`` returns a run's seconds."""

    model: str
    runtime: str
    size: int
    run: Callable[[], float]
    seconds: list[float] = field(default_factory=list)


def main(
    models: tuple[str, ...] = ("base", "accurate", "fast"),
    untrained: tuple[PresetName, ...] = (),
    yolo: Path | None = None,
    sizes: tuple[int, ...] = (417, 561, 641),
    threads: int = 2,
    rounds: int = 20,
    warm_up: int = 3,
    json: Path | None = None,
) -> None:
    """Print the median milliseconds of networks on each runtime at several sizes.

    Args:
        models: Released models' names, or paths of .onnx files, or of the .xml files of int8 models (OpenVINO only).
        untrained: Presets whose networks are timed with random weights: times do not depend on weights.
        yolo: A YOLOv8-pose model, 640 pixels, .xml or .onnx, on OpenVINO; in the column of ours at 641 pixels.
        sizes: Long sides in pixels of the photo, 4:3, which is padded as each model needs it.
        threads: CPU threads of every network.
        rounds: Timed rounds.
        warm_up: Rounds before them that are not.
        json: Also write the table to this results file.
    """
    runtimes = RUNTIMES if "bfloat16" in OpenVinoRuntime(resolve_model("fast")).name else RUNTIMES[:-1]
    with tempfile.TemporaryDirectory() as folder:
        paths = [(Path(name).stem, resolve_model(name)) for name in models]
        paths += [(f"{name}, untrained", export_untrained(name, Path(folder) / f"{name}.onnx")) for name in untrained]
        if len(dict(paths)) < len(paths):
            raise SystemExit("two of the models have the same name; rename a file")
        entries = [entry for name, path in paths for entry in ours(name, path, runtimes, sizes, threads)]
    entries += yolo_entries(yolo, runtimes, threads) if yolo is not None else []
    measure(entries, rounds, warm_up)
    show_results(*medians(entries), json)


def ours(model: str, path: Path, runtimes: Sequence[str], sizes: Sequence[int], threads: int) -> Iterator[Entry]:
    """A model on each runtime at each size; opened for each, so that no run pays for another size before it."""
    for runtime, size in product(runtimes, sizes):
        if runtime == ONNX and path.suffix == ".xml":
            continue
        network = OnnxRuntime(path, threads) if runtime == ONNX else OpenVinoRuntime(path, threads, runtime == BFLOAT16)
        images = fit_image(PHOTO, size, network.info.coarse_stride).pixels[None]
        yield Entry(model, runtime, size, partial(timeit, partial(network, images), number=1))


def yolo_entries(path: Path, runtimes: Sequence[str], threads: int) -> Iterator[Entry]:
    """YOLO in each of OpenVINO's precisions."""
    for runtime in [runtime for runtime in runtimes if runtime != ONNX]:
        network = Network(path, threads, ((1, 56, 8400),), bf16=runtime == BFLOAT16)
        (h, w), run = network.size, partial(network.timed, letterbox(PHOTO, network.size)[0])
        yield Entry(f"{path.stem}, {w}×{h} px", runtime, w + 1, run)


def measure(entries: Sequence[Entry], rounds: int, warm_up: int) -> None:
    """Add the seconds of every timed round to every entry."""
    for turn in range(warm_up + rounds):
        for i in np.random.default_rng(turn).permutation(len(entries)):
            time.sleep(PAUSE)
            seconds = entries[i].run()
            entries[i].seconds += [seconds] if turn >= warm_up else []


def medians(entries: Sequence[Entry]) -> tuple[list[str], list[list[Any]]]:
    """Columns, and a row for each model and size, of the median milliseconds on each runtime."""
    runtimes = [runtime for runtime in RUNTIMES if any(e.runtime == runtime for e in entries)]
    ms = {(e.model, e.size, e.runtime): round(1e3 * statistics.median(e.seconds), 1) for e in entries}
    keys = dict.fromkeys((e.model, e.size) for e in entries)
    rows = [[*key, *(ms.get((*key, runtime), "–") for runtime in runtimes)] for key in keys]
    return ["network", "long side, px", *(f"{runtime}, ms" for runtime in runtimes)], rows


def export_untrained(preset: PresetName, path: Path) -> Path:
    """Write the network of a preset, with random weights and the stride at which it would be used, to an .onnx file."""
    from strongpose.export.onnx import export_onnx
    from strongpose.network import at_output_stride, build_network

    config = TrainConfig(data=(Path("none"),), **PRESETS[preset])
    network = build_network(config.network_config())
    network = at_output_stride(network, config.eval_output_stride or config.output_stride)
    export_onnx(network, path, {"size": 561, "licence": "Apache-2.0"})
    return path


if __name__ == "__main__":
    with errors_in_one_line():
        tyro.cli(main)
