"""Draw the figures of crowds.py as an SVG picture: time from file to poses over the number of people.

python benchmarks/crowds_chart.py crowds.csv --out docs/pictures/scaling.svg --names "StrongPose" "top-down"
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

import tyro

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 84, 28, 58, 64  # around the plot
COLOURS = ("#0b63ce", "#d9480f", "#2b8a3e", "#862e9c", "#5f3dc4", "#087f5b")
INK, FAINT, GRID, PAPER = "#1f2933", "#52606d", "#e4e7eb", "#ffffff"
FONT = "font-family=\"system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\""


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
    arguments.out.write_text(picture(curves), encoding="utf-8")


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


def picture(curves: Sequence[Curve]) -> str:
    """The SVG text of a line for every curve, both axes from 0."""
    x_step, x_top = scale(max(n for curve in curves for n in curve.people), 6)
    y_step, y_top = scale(max(ms for curve in curves for ms in curve.ms), 5)

    def x(people: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * people / x_top

    def y(ms: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * ms / y_top

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label="Time from file to poses over the number of people" {FONT}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="{PAPER}"/>',
        text(LEFT, 32, "Time from file to poses, by people in the picture", INK, 17, weight=600),
    ]
    for ms in steps(y_step, y_top):
        parts.append(line(LEFT, y(ms), WIDTH - RIGHT, y(ms), FAINT if ms == 0 else GRID))
        parts.append(text(LEFT - 10, y(ms) + 4, f"{ms:,.0f}".replace(",", "\u202f"), FAINT, 13, "end"))
    for people in steps(x_step, x_top):
        parts.append(text(x(people), HEIGHT - BOTTOM + 20, f"{people:.0f}", FAINT, 13, "middle"))
    middle_x, middle_y = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
    parts.append(text(middle_x, HEIGHT - 16, "people in the picture", INK, 14, "middle"))
    parts.append(f'<g transform="rotate(-90 22 {middle_y:.1f})">')
    parts.append(text(22, middle_y, "milliseconds a picture (median)", INK, 14, "middle") + "</g>")
    for i, curve in enumerate(curves):
        colour = COLOURS[i % len(COLOURS)]
        points = [(x(n), y(ms)) for n, ms in zip(curve.people, curve.ms, strict=True)]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts += [marker(i, px, py, colour) for px, py in points]
        level = TOP + 18 + 24 * i  # of the legend
        parts.append(line(LEFT + 16, level, LEFT + 46, level, colour, 2.5) + marker(i, LEFT + 31, level, colour))
        parts.append(text(LEFT + 56, level + 5, curve.name, INK, 14))
    return "\n".join([*parts, "</svg>"]) + "\n"


def scale(largest: float, parts: int) -> tuple[float, float]:
    """A round step that divides 0 to ``largest`` into about so many parts, and the first multiple that reaches it."""
    rough = largest / parts
    power = 10 ** math.floor(math.log10(rough))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    return step, step * math.ceil(largest / step - 1e-9)


def steps(step: float, top: float) -> list[float]:
    """The multiples of a step from 0 to ``top``."""
    return [i * step for i in range(round(top / step) + 1)]


def text(x: float, y: float, words: str, colour: str, size: int, anchor: str = "start", weight: int = 400) -> str:
    """Some words at a point."""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{size}" font-weight="{weight}" fill="{colour}">{escape(words)}</text>'


def line(x0: float, y0: float, x1: float, y1: float, colour: str, width: float = 1) -> str:
    """A straight line."""
    ends = f'x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def marker(kind: int, x: float, y: float, colour: str) -> str:
    """A disk, a square, a triangle or a diamond, so that curves differ without colours, too."""
    look = f'fill="{colour}" stroke="{PAPER}" stroke-width="1.5"'
    if kind % 4 == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" {look}/>'
    if kind % 4 == 1:
        return f'<rect x="{x - 4.5:.1f}" y="{y - 4.5:.1f}" width="9" height="9" {look}/>'
    outline = "l5.6 10h-11.2z" if kind % 4 == 2 else "l6 6l-6 6l-6-6z"
    return f'<path d="M{x:.1f} {y - 6:.1f}{outline}" {look}/>'


if __name__ == "__main__":
    main(tyro.cli(Arguments))
