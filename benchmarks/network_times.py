"""Time networks alone, without reading photos and decoding, side by side: every round runs each of them once.

    python benchmarks/network_times.py --untrained lite0 lite2 --yolo YOLO.xml --csv times.csv

Every round has another order, so that a machine that slows down, and whatever ran before, hit all alike. Ours are timed
from uint8 pixels to float32 maps, normalised and checked in between; YOLO from normalised pixels.
"""

from __future__ import annotations

import csv
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from itertools import product
from pathlib import Path
from timeit import timeit

import numpy as np
import tyro
from peer_models import Network, letterbox

from strongpose._util.tables import table
from strongpose.benchmarking import this_machine
from strongpose.images import fit_image
from strongpose.runtime import OnnxRuntime, OpenVinoRuntime, resolve_model
from strongpose.training.presets import PresetName

RUNTIMES = ONNX, FLOAT32, BFLOAT16 = "ONNX Runtime float32", "OpenVINO float32", "OpenVINO bfloat16"
PHOTO = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
COLUMNS = "model,runtime,column_px,height,width,median_ms,p95_ms,threads,rounds,cpu,version,packages"
PAUSE = 0.02  # seconds, in which threads of the run before come to rest


@dataclass(frozen=True)
class Arguments:
    """Print the median milliseconds of networks on runtimes at several sizes, and how many times the first model's."""

    models: tuple[str, ...] = ("base", "accurate", "fast")
    """Released models' names, or paths of .onnx files, or of the .xml files of int8 models (OpenVINO only)."""
    untrained: tuple[PresetName, ...] = ()
    """Presets whose networks are timed with random weights: times do not depend on weights."""
    yolo: Path | None = None
    """A YOLOv8-pose model, 640 pixels, .xml or .onnx, on OpenVINO; it stands in the column of ours at 641 pixels."""
    sizes: tuple[int, ...] = (417, 561, 641)
    """Long sides in pixels of the photo, 4:3, which is padded as each model needs it."""
    threads: int = 2
    """CPU threads of every network."""
    rounds: int = 20
    """Timed rounds."""
    warm_up: int = 3
    """Rounds before them that are not."""
    csv: Path | None = None
    """Also write the figures to this file."""


@dataclass
class Entry:
    """A cell of the table; ``kind`` is what the runtime says that it computes in, ``run`` returns a run's seconds."""

    model: str
    runtime: str
    size: int
    sides: tuple[int, ...]  # height and width of what the network is given
    kind: str
    run: Callable[[], float]
    seconds: list[float] = field(default_factory=list)


def ours(model: str, path: Path, runtimes: Sequence[str], sizes: Sequence[int], threads: int) -> Iterator[Entry]:
    """A model on each runtime at each size; opened for each, so that no run pays for another size before it."""
    for runtime, size in product(runtimes, sizes):
        if runtime == ONNX and path.suffix == ".xml":
            continue
        network = OnnxRuntime(path, threads) if runtime == ONNX else OpenVinoRuntime(path, threads, runtime == BFLOAT16)
        images = fit_image(PHOTO, size, network.info.coarse_stride).pixels[None]
        run = partial(timeit, partial(network, images), number=1)
        yield Entry(model, runtime, size, images.shape[1:3], network.name, run)


def yolo(path: Path, runtimes: Sequence[str], threads: int) -> Iterator[Entry]:
    """YOLO in each of OpenVINO's precisions."""
    for runtime in [runtime for runtime in runtimes if runtime != ONNX]:
        network = Network(path, threads, ((1, 56, 8400),), bf16=runtime == BFLOAT16)
        (h, w), run = network.size, partial(network.timed, letterbox(PHOTO, network.size)[0])
        yield Entry(f"{path.stem}, {w}×{h} px", runtime, w + 1, (h, w), network.runtime, run)


def measure(entries: Sequence[Entry], rounds: int, warm_up: int) -> None:
    """Add the seconds of every timed round to every entry."""
    for turn in range(warm_up + rounds):
        for i in np.random.default_rng(turn).permutation(len(entries)):
            time.sleep(PAUSE)
            seconds = entries[i].run()
            entries[i].seconds += [seconds] if turn >= warm_up else []


def medians(entries: Sequence[Entry]) -> str:
    """Markdown, a row for each model: medians and, in brackets, the median of the rounds' ratios to the first model."""
    columns = sorted({(e.runtime, e.size) for e in entries}, key=lambda column: (RUNTIMES.index(column[0]), column[1]))
    first = {(e.runtime, e.size): e.seconds for e in entries if e.model == entries[0].model}
    cells: dict[str, dict[tuple[str, int], str]] = {}
    for e in entries:
        column, told = (e.runtime, e.size), f"{1e3 * statistics.median(e.seconds):.1f}"
        if column in first:
            told += f" ({statistics.median(np.divide(e.seconds, first[column])):.2f})"
        cells.setdefault(e.model, {})[column] = told
    body = [[model, *(row.get(column, "–") for column in columns)] for model, row in cells.items()]
    return table(["ms", *(f"{runtime}, {size} px" for runtime, size in columns)], body, markdown=True)


def main(a: Arguments) -> None:
    machine, packages = this_machine(), ", ".join(f"{name} {version(name)}" for name in ("onnxruntime", "openvino"))
    runtimes = RUNTIMES if "bfloat16" in OpenVinoRuntime(resolve_model("fast")).name else RUNTIMES[:-1]
    with tempfile.TemporaryDirectory() as folder:
        models = [(Path(name).stem, resolve_model(name)) for name in a.models]
        for name in a.untrained:
            from presets import export_untrained  # which needs torch

            models.append((f"{name}, untrained", export_untrained(name, Path(folder) / f"{name}.onnx")))
        if len(dict(models)) < len(models):
            raise SystemExit("two of the models have the same name; rename a file")
        entries = [entry for name, path in models for entry in ours(name, path, runtimes, a.sizes, a.threads)]
    entries += yolo(a.yolo, runtimes, a.threads) if a.yolo is not None else []
    measure(entries, a.rounds, a.warm_up)
    print(f"{machine.cpu}, {a.threads} threads, {machine.version}, {packages}; medians of {a.rounds} rounds,")
    print(f"in brackets: times {entries[0].model} in the same column\n\n{medians(entries)}")
    if a.csv is not None:
        about = (a.threads, a.rounds, machine.cpu, machine.version, packages)
        with a.csv.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(COLUMNS.split(","))
            for e in entries:
                times = (f"{ms:.2f}" for ms in 1e3 * np.percentile(e.seconds, (50, 95)))
                rows.writerow([e.model, e.kind, e.size, *e.sides, *times, *about])


if __name__ == "__main__":
    main(tyro.cli(Arguments))
