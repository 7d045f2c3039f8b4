"""What the charts of measured figures share: a frame with two axes, text, lines and markers, as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

__all__ = ["COLOURS", "INK", "LEFT", "TOP", "Frame", "line", "marker", "scale", "text"]

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 84, 28, 58, 64  # around the plot
COLOURS = ("#0b63ce", "#d9480f", "#2b8a3e", "#862e9c", "#5f3dc4", "#087f5b")
INK, FAINT, GRID, PAPER = "#1f2933", "#52606d", "#e4e7eb", "#ffffff"
FONT = "font-family=\"system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\""


@dataclass(frozen=True)
class Frame:
    """A chart's title, axes and grid; both axes end at the first round number that reaches the most; x begins at 0.

    Attributes:
        title: above the plot.
        axes: what is along x and y.
        most_x: the greatest value along x.
        most_y: the same along y.
        least_y: y begins at the last round number below it.
        y_format: how numbers along y are written.
    """

    title: str
    axes: tuple[str, str]
    most_x: float
    most_y: float
    least_y: float = 0
    y_format: str = ",.0f"

    def x(self, value: float) -> float:
        """Where a value lies across the picture."""
        return LEFT + (WIDTH - LEFT - RIGHT) * value / scale(self.most_x, 6)[1]

    def y(self, value: float) -> float:
        """Where a value lies down the picture."""
        ticks = self._y_ticks()
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - ticks[0]) / (ticks[-1] - ticks[0])

    def _y_ticks(self) -> list[float]:
        step = scale(self.most_y - self.least_y or self.most_y, 5)[0]
        first, last = math.floor(self.least_y / step + 1e-9), math.ceil(self.most_y / step - 1e-9)
        return [i * step for i in range(min(first, last - 1), last + 1)]

    def picture(self, parts: Sequence[str]) -> str:
        """The SVG text of the frame with ``parts`` drawn over it."""
        all_parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'height="{HEIGHT}" role="img" aria-label="{escape(self.title)}" {FONT}>',
            f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="{PAPER}"/>',
            text(LEFT, 32, self.title, INK, 17, weight=600),
        ]
        for value in self._y_ticks():
            level = self.y(value)
            all_parts.append(line(LEFT, level, WIDTH - RIGHT, level, FAINT if value == self._y_ticks()[0] else GRID))
            words = format(value, self.y_format).replace(",", "\u202f")
            all_parts.append(text(LEFT - 10, level + 4, words, FAINT, 13, "end"))
        for value in steps(*scale(self.most_x, 6)):
            all_parts.append(text(self.x(value), HEIGHT - BOTTOM + 20, f"{value:.0f}", FAINT, 13, "middle"))
        middle_x, middle_y = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
        all_parts.append(text(middle_x, HEIGHT - 16, self.axes[0], INK, 14, "middle"))
        all_parts.append(f'<g transform="rotate(-90 22 {middle_y:.1f})">')
        all_parts.append(text(22, middle_y, self.axes[1], INK, 14, "middle") + "</g>")
        return "\n".join([*all_parts, *parts, "</svg>"]) + "\n"


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
