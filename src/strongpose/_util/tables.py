"""Tables for people, as text in columns or in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["table"]


def table(header: Sequence[str], rows: Sequence[Sequence[str]], markdown: bool = False) -> str:
    """A table whose columns are aligned.

    Args:
        header: a cell for each column.
        rows: as many cells each.
        markdown: GitHub's Markdown in the place of plain columns.

    Returns:
        Lines, without a break at the end.
    """
    lines = [header, *rows]
    if markdown:
        lines = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    if markdown:
        widths = [max(width, 3) for width in widths]
        lines.insert(1, ["-" * width for width in widths])
    aligned = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    if markdown:
        return "\n".join("| " + " | ".join(line) + " |" for line in aligned)
    return "\n".join("  ".join(line).rstrip() for line in aligned)
