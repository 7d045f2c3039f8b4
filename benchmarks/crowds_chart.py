"""Draw the figures of crowds.py as an SVG picture: time from file to poses over the number of people.

python benchmarks/crowds_chart.py crowds.csv --out docs/pictures/scaling.svg --names "StrongPose" "top-down"
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


class Curve(NamedTuple):
    """What was measured of one system: its name, numbers of people and milliseconds, one each."""

    name: str
    people: list[int]
    ms: list[float]


@dataclass(frozen=True)
class Arguments:
    """Draw what crowds.py --csv wrote."""

    csv: tyro.conf.Positional[Path]
    """The figures."""
    out: Path
    """The picture, .svg."""
    names: tuple[str, ...] = ()
    """What the systems are called in the legend, in the order of the file; left out, their names there."""
    leave_out: tuple[str, ...] = ()
    """Systems whose name in the file contains one of these are not drawn."""


def main(arguments: Arguments) -> None:
    curves = [c for c in read(arguments.csv) if not any(part in c.name for part in arguments.leave_out)]
    if arguments.names:
        if len(arguments.names) != len(curves):
            raise SystemExit(f"--names: expected {len(curves)}, got {len(arguments.names)}: {[c.name for c in curves]}")
        curves = [curve._replace(name=name) for curve, name in zip(curves, arguments.names, strict=True)]
    write_chart(chart(curves), arguments.out)


def read(path: Path) -> list[Curve]:
    """The curves in a file of crowds.py."""
    curves: dict[str, Curve] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            curve = curves.setdefault(row["system"], Curve(row["system"], [], []))
            curve.people.append(int(row["people"]))
            curve.ms.append(float(row["median_ms"]))
    if not curves:
        raise SystemExit(f"{path}: holds no figures; write it with crowds.py --csv")
    return list(curves.values())


@matplotlib.rc_context(LOOK)
def chart(curves: Sequence[Curve]) -> Figure:
    """A line for every curve, both axes from 0."""
    title = "Time from file to poses, by people in the picture"
    figure, axes = new_chart(title, "people in the picture", "milliseconds a picture (median)")
    for curve in curves:
        axes.plot(curve.people, curve.ms, label=curve.name)
    axes.set(xlim=0, ylim=0)
    axes.legend(loc="upper left")
    return figure


if __name__ == "__main__":
    main(tyro.cli(Arguments))
