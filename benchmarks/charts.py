"""Draw the pictures of measured figures in docs/pictures: AP by latency, latency by people, AP over crops seen.

python benchmarks/charts.py
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import tyro
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from one_line import errors_in_one_line
from peers import END_TO_END
from results_file import Results, read_results

from strongpose.runtime import packaged_models

REPOSITORY = Path(__file__).parent.parent
COLOURS = ("#0b63ce", "#d9480f", "#2b8a3e", "#862e9c", "#5f3dc4", "#087f5b")
MARKERS = ("o", "s", "^", "D", "v", "p")  # so that curves differ without colours, too
LOOK = {
    "axes.edgecolor": "#52606d",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS, marker=MARKERS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "figure.constrained_layout.h_pad": 0.15,
    "figure.constrained_layout.w_pad": 0.15,  # inches
    "figure.figsize": (8, 4.8),  # inches of 72 pixels
    "font.family": "sans-serif",
    "grid.color": "#e4e7eb",
    "legend.edgecolor": "none",
    "legend.framealpha": 1,  # no lines behind words
    "lines.linewidth": 2,
    "lines.markeredgecolor": "white",
    "lines.markersize": 8.5,
    "savefig.facecolor": "white",  # legible on dark pages
    "svg.fonttype": "none",  # words stay words
    "svg.hashsalt": "strongpose",  # the same figures make the same file
}


@dataclass(frozen=True)
class Arguments:
    """Draw tradeoff.svg, scaling.svg and learning.svg."""

    results: Path = REPOSITORY / "benchmarks" / "results"
    """The folder of peers.json and crowds.json, as peers.py writes them, and of learning-curves.json."""
    out: Path = REPOSITORY / "docs" / "pictures"
    """The folder of the pictures."""


def main(arguments: Arguments) -> None:
    with matplotlib.rc_context(LOOK):
        for name, figure in (
            ("tradeoff", tradeoff(read_results(arguments.results / "peers.json"))),
            ("scaling", scaling(read_results(arguments.results / "crowds.json"))),
            ("learning", learning(read_results(arguments.results / "learning-curves.json"))),
        ):
            figure.savefig(arguments.out / f"{name}.svg", format="svg", metadata={"Date": None})


def tradeoff(results: Results) -> Figure:
    """AP by latency: a line for every released model through its sizes, and for every peer through its settings."""
    released = packaged_models()
    models: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for row in results.rows:
        cells = dict(zip(results.columns, row, strict=True))
        name, _, rest = str(cells["system"]).partition(", ")
        sizes = re.match(r"[\d +]+(?= px)", rest)
        if name in released or not sizes:
            models[name].append((float(cells[END_TO_END]), float(cells["AP"]), sizes[0] if sizes else ""))
    figure, axes = _empty("AP by latency: better is up and left", f"{END_TO_END} (median)", "AP")
    for name, points in models.items():
        ms, ap, sizes_px = zip(*sorted(points), strict=True)
        axes.plot(ms, ap, label=name)
        for place, text in zip(zip(ms, ap, strict=True), sizes_px, strict=True):
            axes.annotate(f"{text} px" if text else "", place, (7, -12), textcoords="offset points", fontsize=9)
    axes.set_xlim(0, 1.15 * axes.get_xlim()[1])  # room for the sizes beside the last points
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def scaling(results: Results) -> Figure:
    """Latency by number of people: a line for every system, both axes from 0."""
    figure, axes = _empty("Latency by number of people", "people in the picture", f"{END_TO_END} (median)")
    for system, what, *ms in results.rows:
        if what == END_TO_END:
            name = re.sub(r", (boxes|OpenVINO|ONNX) .*", "", str(system))
            axes.plot([int(people) for people in results.columns[2:]], ms, label=name)
    axes.set(xlim=0, ylim=0)
    axes.legend(loc="upper left")
    return figure


def learning(results: Results) -> Figure:
    """AP over crops seen: a line for every network, and for what it learns from."""
    figure, axes = _empty("AP over crops seen", "crops seen (thousands)", "AP on coco-tune")
    curves: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for network, crops, ap in results.rows:
        curves[str(network)].append((int(crops) / 1000, float(ap)))
    for network, points in curves.items():
        axes.plot(*zip(*points, strict=True), label=network)
    axes.set(xlim=0, ylim=0)
    axes.legend(loc="lower right")
    return figure


def _empty(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(layout="constrained")
    return figure, figure.add_subplot(title=title, xlabel=x, ylabel=y)


if __name__ == "__main__":
    with errors_in_one_line():
        main(tyro.cli(Arguments))
