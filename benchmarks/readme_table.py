"""Write the tables of models in README.md and docs/benchmark.md from ``strongpose benchmark --annotations … --csv``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from strongpose._util.atomic_write import write_atomically
from strongpose._util.tables import table
from strongpose.benchmarking import read_csv
from strongpose.benchmarking.rows import ALL
from strongpose.benchmarking.tables import fraction, load_note, sides
from strongpose.exceptions import BenchmarkError

BEGIN = "<!-- models: written by benchmarks/readme_table.py -->"
END = "<!-- /models -->"
CARDS = "src/strongpose/models"

ENTRY = ("model", "size_px", "flip", "runtime")
"""What a line of the table is about; of several measurements of the same, the last one counts."""
SHARED = ("annotations", "photos", "repeat", "threads", "cpu", "cores", "memory_gb", "os", "python", "numpy")
"""What must be the same of all lines, or they could not be compared."""
HEADER = ("model", "file", "size, px", "AP", "AP50", "AP medium", "AP large", "AR", "runtime")
TIMES = ("network, ms", "end-to-end, ms", "photos/s")
RUNTIMES = ("OpenVINO", "ONNX Runtime")
"""The columns of the README's table: a runtime's name starts with one of them."""


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


def summary(rows: Sequence[dict[str, str]], folder: Path) -> str:
    """The README's table in Markdown: a line for each model at a single size, with the latency of each runtime.

    Args:
        rows: what `chosen_rows` returned.
        folder: of the README; models are linked to their cards where there are any.
    """
    models: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
    for row in sorted(rows, key=lambda row: -float(row["ap"])):
        name = next((name for name in RUNTIMES if row["runtime"].startswith(name)), None)
        if name and row["size_px"].isdecimal() and row["flip"] == "no":
            models.setdefault((row["model"], row["size_px"]), {})[name] = row
    body = []
    for (model, size), by_runtime in models.items():
        measured = next(by_runtime[name] for name in RUNTIMES if name in by_runtime)
        times = [f"{float(by_runtime[n]['total_median_ms']):.0f}" if n in by_runtime else "–" for n in RUNTIMES]
        figures = (fraction(float(measured[name])) for name in ("ap", "ar"))
        body.append([_linked(model, folder, ""), f"{float(measured['file_mb']):.1f} MB", size, *figures, *times])
    header = ("model", "file", "size, px", "AP", "AR", *(f"{name}, ms" for name in RUNTIMES))
    first = rows[0]
    note = (
        f"{first['photos']} photos. AP and AR are COCO's, with OpenVINO where it was measured. Latency: median from "
        f"the photo's file to poses, {first['threads']} threads, {first['cpu']}."
    )
    return "\n\n".join((table(header, body, markdown=True), note))


def details(rows: Sequence[dict[str, str]], folder: Path) -> str:
    """The table with all figures and a note on how it was measured, in Markdown.

    Args:
        rows: what `chosen_rows` returned.
        folder: of the README, in whose folder docs/ the table's page lies.
    """
    body = []
    for row in rows:
        figures = (row[name] for name in ("ap", "ap50", "ap_medium", "ap_large", "ar"))
        body.append(
            [
                _linked(row["model"], folder, "../"),
                f"{float(row['file_mb']):.1f} MB",
                sides(row["size_px"], row["flip"]),
                *(fraction(float(value) if value else None) for value in figures),
                row["runtime"],
                f"{float(row['network_median_ms']):.0f}",
                f"{float(row['total_median_ms']):.0f}",
                f"{float(row['photos_per_s']):.1f}",
            ]
        )
    first = rows[0]
    packages = ", ".join(dict.fromkeys(row["runtime_version"] for row in rows))
    versions = ", ".join(dict.fromkeys(row["version"] for row in rows))
    commands = "\n".join(dict.fromkeys(row["command"] for row in rows))
    others = [float(row["other_load_cores"]) for row in rows if row["other_load_cores"]]
    load = load_note(others)
    looks = "" if first["repeat"] == "1" else f", each processed {first['repeat']} times"
    system = f"{first['cpu']}, {first['cores']} cores, {first['os']}, Python {first['python']}, {packages}; {versions}."
    note = (
        f"{first['photos']} photos one after the other{looks}; end-to-end is from the photo's file to poses; medians. "
        f"{system}{load} Written by `benchmarks/readme_table.py` from what this measured:"
    )
    return "\n\n".join((table((*HEADER, *TIMES), body, markdown=True), note, f"```\n{commands}\n```"))


def _linked(model: str, folder: Path, way: str) -> str:
    """A model's name, as a link to its card if it has one; ``way`` leads from the page to the README's folder."""
    card = f"{CARDS}/{model}.md"
    return f"[{model}]({way}{card})" if (folder / card).is_file() else model


def replaced(text: str, new: str) -> str:
    """A page with another text between its two marks.

    Raises:
        BenchmarkError: if the marks are not there once each, in order.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise BenchmarkError(f"expected the lines {BEGIN!r} and {END!r} once each, in this order")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{new}\n{END}{rest.split(END)[1]}"


PAGES = {"README.md": summary, "docs/benchmark.md": details}


@dataclass(frozen=True)
class Arguments:
    """Write the tables of models, between the two marks of each page, from a benchmark's CSV file."""

    csv: tyro.conf.Positional[Path]
    """What `strongpose benchmark --annotations ... --csv` wrote."""
    folder: Path = Path(__file__).parent.parent
    """Of README.md and docs/benchmark.md, which are changed."""


def main(arguments: Arguments) -> int:
    page = arguments.folder
    try:
        rows = chosen_rows(read_csv(arguments.csv))
        texts = {}
        for name, make in PAGES.items():
            page = arguments.folder / name
            texts[page] = replaced(page.read_text(encoding="utf-8"), make(rows, arguments.folder))
        for page, text in texts.items():
            write_atomically(page, text)
    except BenchmarkError as error:
        print(f"readme_table: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"readme_table: {page}: cannot be read or written ({error.strerror})", file=sys.stderr)
        return 1
    print(f"{len(rows)} measurements in {' and '.join(PAGES)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
