"""Tables of models, in Markdown, from what ``strongpose benchmark --annotations … --csv`` wrote."""

from __future__ import annotations

import math
import os
import textwrap
from collections.abc import Sequence
from pathlib import Path

from strongpose._util.tables import table
from strongpose.benchmarking import read_csv
from strongpose.benchmarking.rows import ALL
from strongpose.benchmarking.tables import fraction, load_note, sides
from strongpose.exceptions import BenchmarkError

__all__ = ["chosen_rows", "details", "model_table", "summary"]

CARDS = "src/strongpose/models"

WIDTH = 110
"""Columns of code that the site shows without scrolling, and of GitHub nearly so."""

ENTRY = ("model", "size_px", "flip", "runtime")
"""What a line of the table is about; of several measurements of the same, the last one counts."""
SHARED = ("annotations", "photos", "repeat", "threads", "cpu", "cores", "memory_gb", "os", "python", "numpy")
"""What must be the same of all lines, or they could not be compared."""
HEADER = ("model", "file", "size, px", "AP", "AP50", "AP medium", "AP large", "AR", "runtime")
TIMES = ("network, ms", "end-to-end, ms", "photos/s")
RUNTIMES = ("OpenVINO", "ONNX Runtime")
"""The last columns of the short table: a runtime's name starts with one of them."""


def chosen_rows(rows: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """The last measurement with precision of every entry, in the order in which entries first came.

    Raises:
        BenchmarkError: if there is none, or they cannot be compared.
    """
    chosen = {tuple(row[c] for c in ENTRY): row for row in rows if row["people"] == ALL and row["ap"]}
    if not chosen:
        raise BenchmarkError("no measurement with AP; measure with --annotations and --images")
    for column in SHARED:
        values = sorted({row[column] for row in chosen.values()})
        if len(values) > 1:
            raise BenchmarkError(
                f"measurements differ in {column!r} ({'; '.join(values)}) and cannot be compared; "
                "keep a file for each machine and set of photos"
            )
    return list(chosen.values())


def summary(rows: Sequence[dict[str, str]], folder: Path, page: Path) -> str:
    """The short table: a line for each model and its sizes, without flip, with the latency of each runtime.

    Args:
        rows: what `chosen_rows` returned.
        folder: of the repository; models are linked to their cards where there are any.
        page: where the table stands.
    """
    models: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
    for row in sorted(rows, key=lambda row: -_number(row, "ap")):
        name = next((name for name in RUNTIMES if row["runtime"].startswith(name)), None)
        if name and row["flip"] == "no":
            models.setdefault((row["model"], row["size_px"]), {})[name] = row
    body = []
    for (model, size), by_runtime in models.items():
        measured = next(by_runtime[name] for name in RUNTIMES if name in by_runtime)
        times = [f"{_number(by_runtime[n], 'total_median_ms'):.0f}" if n in by_runtime else "–" for n in RUNTIMES]
        figures = (fraction(_number(measured, name)) for name in ("ap", "ar"))
        body.append(
            [
                _linked(model, folder, page),
                f"{_number(measured, 'file_mb'):.1f} MB",
                sides(size, "no"),
                *figures,
                *times,
            ]
        )
    header = ("model", "file", "size, px", "AP", "AR", *(f"{name}, ms" for name in RUNTIMES))
    first = rows[0]
    note = (
        f"{first['photos']} photos. AP and AR are COCO's, with OpenVINO where it was measured. Latency: median from "
        f"the photo's file to poses, {first['threads']} threads, {first['cpu']}."
    )
    return "\n\n".join((table(header, body, markdown=True), note))


def details(rows: Sequence[dict[str, str]], folder: Path, page: Path) -> str:
    """The table with all figures and a note on how it was measured.

    Args:
        rows: what `chosen_rows` returned.
        folder: of the repository; models are linked to their cards where there are any.
        page: where the table stands.
    """
    body = []
    for row in rows:
        names = ("ap", "ap50", "ap_medium", "ap_large", "ar")
        body.append(
            [
                _linked(row["model"], folder, page),
                f"{_number(row, 'file_mb'):.1f} MB",
                sides(row["size_px"], row["flip"]),
                *(fraction(_number(row, name) if row[name] else None) for name in names),
                row["runtime"],
                f"{_number(row, 'network_median_ms'):.0f}",
                f"{_number(row, 'total_median_ms'):.0f}",
                f"{_number(row, 'photos_per_s'):.1f}",
            ]
        )
    first = rows[0]
    packages = ", ".join(dict.fromkeys(row["runtime_version"] for row in rows))
    versions = ", ".join(dict.fromkeys(row["version"] for row in rows))
    commands = "\n".join(_broken(command) for command in dict.fromkeys(row["command"] for row in rows))
    others = [_number(row, "other_load_cores") for row in rows if row["other_load_cores"]]
    load = load_note(others)
    looks = "" if first["repeat"] == "1" else f", each processed {first['repeat']} times"
    system = f"{first['cpu']}, {first['cores']} cores, {first['os']}, Python {first['python']}, {packages}; {versions}."
    note = (
        f"{first['photos']} photos one after the other{looks}; end-to-end is from the photo's file to poses; medians. "
        f"{system}{load} Commands:"
    )
    return "\n\n".join((table((*HEADER, *TIMES), body, markdown=True), note, f"```\n{commands}\n```"))


def _broken(command: str) -> str:
    """A command on lines that need no scrolling, broken before options."""
    words = command.replace(" --", "\n--").replace(" ", "\0").replace("\n", " ")  # an option stays with its values
    lines = textwrap.wrap(words, WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    return " \\\n".join(lines).replace("\0", " ")


def _number(row: dict[str, str], column: str) -> float:
    try:
        number = float(row[column])
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BenchmarkError(f"{row['model']}: {column} is {row[column]!r}, not a number; measure it again")
    return number


def _linked(model: str, folder: Path, page: Path) -> str:
    """A model's name, as a link to its card if it has one and the page is another."""
    card = folder / CARDS / f"{model}.md"
    if not card.is_file() or card == page:
        return model
    return f"[{model}]({Path(os.path.relpath(card, page.parent)).as_posix()})"


TABLES = {"summary": summary, "details": details}


def model_table(csv: Path, kind: str, models: Sequence[str], folder: Path, page: Path) -> str:
    """A table of a benchmark's CSV file.

    Args:
        csv: the file.
        kind: ``"summary"`` or ``"details"``.
        models: names of those that are shown; none for all.
        folder: of the repository.
        page: where the table stands.

    Raises:
        BenchmarkError: if the file cannot be read, its lines cannot be compared, or there is no such table or model.
    """
    if kind not in TABLES:
        raise BenchmarkError(f"no table {kind!r} of {csv.name}; there are {'; '.join(TABLES)}")
    measured = read_csv(csv)
    try:
        rows = chosen_rows(measured)
        missing = set(models) - {row["model"] for row in rows}
        if missing:
            raise BenchmarkError(f"no model {', '.join(sorted(missing))}; measure it, or name another")
        return TABLES[kind]([row for row in rows if not models or row["model"] in models], folder, page)
    except BenchmarkError as error:
        raise BenchmarkError(f"{csv.name}: {error}") from error
