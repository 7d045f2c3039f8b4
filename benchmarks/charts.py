"""What the charts of measured figures share: how they look, and how they are written."""

from __future__ import annotations

from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["LOOK", "new_chart", "write_chart"]

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
    "legend.frameon": False,
    "lines.linewidth": 2,
    "lines.markeredgecolor": "white",
    "lines.markersize": 8.5,
    "savefig.facecolor": "white",  # legible on dark pages
    "svg.fonttype": "none",  # words stay words
    "svg.hashsalt": "strongpose",  # the same figures make the same file
}
"""For ``matplotlib.rc_context``, around whatever draws."""


@matplotlib.rc_context(LOOK)
def new_chart(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    """An empty chart; what is plotted takes its colours and markers in turn.

    Args:
        title: above it.
        x: what is along x, with its unit.
        y: what is along y, with its unit.
    """
    figure = Figure(layout="constrained")
    return figure, figure.add_subplot(title=title, xlabel=x, ylabel=y)


@matplotlib.rc_context(LOOK)
def write_chart(figure: Figure, path: Path) -> None:
    """Write a chart as SVG."""
    figure.savefig(path, format="svg", metadata={"Date": None})
