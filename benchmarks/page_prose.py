"""Find measured figures that a page's author wrote by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from page_markers import without_code, without_generated

__all__ = ["figures_by_hand"]

FIGURE = re.compile(r"(?<![\w.,/])(?:0?\.(?!001)\d{3}(?!\d|\.\d)|\d[\d.,]* ms\b)")
"""Fractions of three decimals (AP, AR, IoU: .441, 0.441; .001 is how something is rounded) and milliseconds (34 ms)."""


def figures_by_hand(text: str) -> Iterator[tuple[int, str]]:
    """Line number, from 1, and text of each figure that stands neither in code nor in a generated part of a page."""
    for number, line in enumerate(without_generated(without_code(text)).splitlines(), start=1):
        for figure in FIGURE.findall(line):
            yield number, figure
