"""Find measured figures that a page's author wrote by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from page_markers import without_code, without_generated

__all__ = ["figures_by_hand"]

SPACES = r"(?:\s|&nbsp;)*"
FIGURE = re.compile(
    r"(?<![\w.,/])0?\.(?!001)\d{3,}(?!\.?\d)"
    rf"|(?<=\|)[\s*+±–-]*0?\.\d{{2,}}[\s*]*(?=\|)"
    rf"|\b(?:AP|AR|IoU)\d*\b[^|\n]{{0,30}}?(?<![\w.,/])(?:0?\.\d{{2,}}|\d+\.\d+{SPACES}%)"
    rf"|(?<![\w.,/])\d[\d.,]*{SPACES}(?:ms|milliseconds?)\b"
)
"""What looks measured. Settings such as ``from .25 on`` do not; .001 is how something is rounded.

Fractions of three decimals or more (.441, 0.4413); others that are alone in a cell of a table (| .44 |) or that follow
AP, AR or IoU in the line (AP of .44); percentages with decimals there (AP 44.1 %); milliseconds (34 ms).
"""


def figures_by_hand(text: str) -> Iterator[tuple[int, str]]:
    """Line number, from 1, and text of each figure that stands neither in code nor in a generated part of a page."""
    for number, line in enumerate(without_generated(without_code(text)).splitlines(), start=1):
        for figure in FIGURE.findall(line):
            yield number, figure.strip()
