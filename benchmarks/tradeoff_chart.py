"""Draw the figures of peers.py as an SVG picture: AP by latency, a line for each model.

python benchmarks/tradeoff_chart.py peers.csv --out docs/pictures/tradeoff.svg
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import matplotlib
import tyro
from charts import LOOK, new_chart, write_chart
from matplotlib.figure import Figure


class Point(NamedTuple):
    """A model at one size.

    Attributes:
        label: the size.
        ms: a photo, median.
        ap: COCO's.
    """

    label: str
    ms: float
    ap: float


@dataclass(frozen=True)
class Arguments:
    """Draw what peers.py --csv wrote."""

    csv: tyro.conf.Positional[Path]
    """The figures."""
    out: Path
    """The picture, .svg."""
    leave_out: tuple[str, ...] = ()
    """Systems whose name in the file contains one of these are not drawn."""


def main(arguments: Arguments) -> None:
    write_chart(chart(read(arguments.csv, arguments.leave_out)), arguments.out)


def read(path: Path, leave_out: Sequence[str] = ()) -> dict[str, list[Point]]:
    """The points of every model in a file of peers.py, by the name in front of its size."""
    models: dict[str, list[Point]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if any(part in row["system"] for part in leave_out):
                continue
            name, _, rest = row["system"].partition(", ")
            label = rest.split(" px")[0] if " px" in rest else ""
            models.setdefault(name, []).append(Point(label, float(row["median_ms"]), float(row["ap"])))
    if not models:
        raise SystemExit(f"{path}: holds no figures to draw; write it with peers.py --csv")
    return models


@matplotlib.rc_context(LOOK)
def chart(models: dict[str, list[Point]]) -> Figure:
    """A line for every model; better is up and left."""
    title = "Precision over time: better is up and left"
    figure, axes = new_chart(title, "milliseconds a photo, from file to poses (median)", "AP")
    for name, points in models.items():
        points = sorted(points, key=lambda point: point.ms)
        [line] = axes.plot([point.ms for point in points], [point.ap for point in points], label=name)
        for point in points:
            axes.annotate(
                point.label,
                (point.ms, point.ap),
                **{"xytext": (6, -12), "textcoords": "offset points", "color": line.get_color(), "fontsize": "small"},
            )
    axes.set_xlim(0)
    axes.legend(loc="upper right")  # where slow and precise models would be
    return figure


if __name__ == "__main__":
    main(tyro.cli(Arguments))
