"""Draw the figures of peers.py as an SVG picture: AP over the time a photo takes, a line for each model.

python benchmarks/tradeoff_chart.py peers.csv --out docs/pictures/tradeoff.svg
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import tyro
from charts import COLOURS, INK, Frame, line, marker, text

LEGEND = (330, 74)
"""Where the legend begins: in the upper right, where slow and precise models would be."""


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
    models = read(arguments.csv, arguments.leave_out)
    arguments.out.write_text(picture(models), encoding="utf-8")


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


def picture(models: dict[str, list[Point]]) -> str:
    """The SVG text; better is up and left."""
    every = [point for points in models.values() for point in points]
    most = max(point.ms for point in every), max(point.ap for point in every)
    least = min(point.ap for point in every)
    axes = ("milliseconds a photo, from file to poses (median)", "AP")
    frame, parts = Frame("Precision over time: better is up and left", axes, *most, least, ".2f"), []
    for i, (name, points) in enumerate(models.items()):
        colour = COLOURS[i % len(COLOURS)]
        places = [(frame.x(point.ms), frame.y(point.ap)) for point in sorted(points, key=lambda point: point.ms)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [marker(i, x, y, colour) for x, y in places]
        for point in points:
            parts.append(text(frame.x(point.ms) + 8, frame.y(point.ap) + 14, point.label, colour, 11))
        left, level = LEGEND[0], LEGEND[1] + 20 * i
        parts.append(line(left, level, left + 30, level, colour, 2) + marker(i, left + 15, level, colour))
        parts.append(text(left + 40, level + 5, name, INK, 13))
    return frame.picture(parts)


if __name__ == "__main__":
    main(tyro.cli(Arguments))
