"""Tables and single figures of results files, in Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from results_file import Results, plain_cell, write_results

from strongpose._util.tables import table
from strongpose.exceptions import BenchmarkError

__all__ = ["result_figure", "result_table", "show_results"]


def show_results(columns: Sequence[str], rows: Sequence[Sequence[Any]], path: Path | None = None) -> None:
    """Print what a script measured as a Markdown table, and write it to a results file where one is named.

    Args:
        columns: C names, with units.
        rows: R rows of C cells, text or numbers; NaN, what is not known, becomes a dash.
        path: of the results file.
    """
    plain = [["–" if cell != cell else plain_cell(cell) for cell in row] for row in rows]
    print(table(columns, _as_text(plain), markdown=True), flush=True)
    if path is not None:
        write_results(path, columns, plain)


def result_table(results: Results, rows: Sequence[str] = (), columns: Sequence[str] = ()) -> str:
    """The table, and a line of command, machine, commit and date.

    Args:
        results: what a results file holds.
        rows: the names of those that are shown, in their order; none for all.
        columns: the names of those that are shown, in this order; none for all.

    Raises:
        BenchmarkError: if there is no such row or column.
    """
    shown = _shown(results)
    chosen = sorted({i for name in rows for i in _indices(results, name)}) if rows else range(len(shown))
    places = [_place(results, name) for name in columns or results.columns]
    body = [[_escaped(shown[i][place]) for place in places] for i in chosen]
    header = [_escaped(results.columns[place]) for place in places]
    when = f"commit {results.commit}, {results.date}" + (
        "" if results.kept else ", with a script that is no longer kept"
    )
    note = f"{_code(results.command)}; {_escaped(results.machine)}; {when}."
    return f"{table(header, body, markdown=True)}\n\n{note}"


def result_figure(results: Results, row: str, column: str) -> str:
    """One cell as the table shows it.

    Raises:
        BenchmarkError: if there is no such row or column, or the name fits several rows.
    """
    indices = _indices(results, row)
    if len(indices) > 1:
        raise BenchmarkError(f"{len(indices)} rows are named {row!r}; name one by its first cells, joined by ', '")
    return _escaped(_shown(results)[indices[0]][_place(results, column)])


def _escaped(text: str) -> str:
    """Text whose tags and comments are shown as they are."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _code(text: str) -> str:
    """Text as code, between more backticks than it has in a row."""
    ticks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{ticks} {text} {ticks}" if len(ticks) > 1 else f"`{text}`"


def _indices(results: Results, name: str) -> list[int]:
    """The rows whose first cell, or first cells joined by ``", "``, are a name."""
    found = []
    for i, row in enumerate(_shown(results)):
        if any(name == ", ".join(row[:length]) for length in range(1, len(row) + 1)):
            found.append(i)
    if not found:
        names = "; ".join(dict.fromkeys(row[0] for row in _shown(results)))
        raise BenchmarkError(f"no row {name!r}; there are {names}")
    return found


def _place(results: Results, column: str) -> int:
    if column not in results.columns:
        raise BenchmarkError(f"no column {column!r}; there are {'; '.join(results.columns)}")
    return results.columns.index(column)


def _shown(results: Results) -> list[list[str]]:
    """All cells as text."""
    return _as_text(results.rows)


def _as_text(rows: Sequence[Sequence[str | float]]) -> list[list[str]]:
    """The cells of R rows as text, alike in each column."""
    return [list(row) for row in zip(*map(_column, zip(*rows, strict=True)), strict=True)]


def _column(cells: Sequence[str | float]) -> list[str]:
    """A column as text: floats with equal decimals; where all are from -1 to 1, as papers write them: .440."""
    floats = [cell for cell in cells if isinstance(cell, float)]
    is_fraction = bool(floats) and all(abs(cell) <= 1 for cell in cells if not isinstance(cell, str))
    decimals = 3 if is_fraction else max((len(repr(cell).partition(".")[2]) for cell in floats), default=0)
    shown = []
    for cell in cells:
        text = f"{cell:.{decimals}f}" if isinstance(cell, float) else str(cell)
        shown.append(text.replace("0.", ".", 1) if is_fraction and text.lstrip("-").startswith("0.") else text)
    return shown
