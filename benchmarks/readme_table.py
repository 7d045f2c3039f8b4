"""Write the README's table of models from what ``strongpose benchmark --annotations … --csv`` measured."""

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
HEADER = ("model", "file", "long side", "AP", "AP50", "AP medium", "AP large", "AR", "runtime")
TIMES = ("network, ms", "total, ms", "photos/s")


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


def section(rows: Sequence[dict[str, str]], folder: Path) -> str:
    """The table and a note on how it was measured, in Markdown; models are linked to their cards where there are any.

    Args:
        rows: what `chosen_rows` returned.
        folder: of the README.
    """
    body = []
    for row in rows:
        card = f"{CARDS}/{row['model']}.md"
        figures = (row[name] for name in ("ap", "ap50", "ap_medium", "ap_large", "ar"))
        body.append(
            [
                f"[{row['model']}]({card})" if (folder / card).is_file() else row["model"],
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
    looks = "" if first["repeat"] == "1" else f", each looked at {first['repeat']} times"
    system = f"{first['cpu']}, {first['cores']} cores, {first['os']}, Python {first['python']}, {packages}; {versions}."
    note = (
        f"{first['photos']} photos one after the other{looks}; total is from the photo's file to poses; medians. "
        f"{system}{load} Written by `benchmarks/readme_table.py` from what this measured:"
    )
    return "\n\n".join((table((*HEADER, *TIMES), body, markdown=True), note, f"```\n{commands}\n```"))


def replaced(text: str, new: str) -> str:
    """A README with another text between its two marks.

    Raises:
        BenchmarkError: if the marks are not there once each, in order.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise BenchmarkError(f"expected the lines {BEGIN!r} and {END!r} once each, in this order")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{new}\n{END}{rest.split(END)[1]}"


@dataclass(frozen=True)
class Arguments:
    """Write the README's table of models, between its two marks, from a benchmark's CSV file."""

    csv: tyro.conf.Positional[Path]
    """What `strongpose benchmark --annotations ... --csv` wrote."""
    readme: Path = Path(__file__).parent.parent / "README.md"
    """The file to change."""


def main(arguments: Arguments) -> int:
    try:
        rows = chosen_rows(read_csv(arguments.csv))
        text = arguments.readme.read_text(encoding="utf-8")
        write_atomically(arguments.readme, replaced(text, section(rows, arguments.readme.parent)))
    except BenchmarkError as error:
        print(f"readme_table: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"readme_table: {arguments.readme}: cannot be read or written ({error.strerror})", file=sys.stderr)
        return 1
    print(f"{len(rows)} lines in {arguments.readme}")
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
