"""Results files, benchmarks/results/NAME.json: a measured table and the command, machine and commit behind it."""

from __future__ import annotations

import datetime
import json
import math
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from strongpose._util.atomic_write import write_output
from strongpose.benchmarking import this_machine
from strongpose.exceptions import BenchmarkError

__all__ = ["Results", "plain_cell", "read_results", "write_results"]

REPOSITORY = Path(__file__).parent.parent
DATA = Path(os.environ.get("STRONGPOSE_DATA", REPOSITORY.parent / "shared" / "data"))
TEXTS = ("command", "machine", "commit", "date")


@dataclass(frozen=True)
class Results:
    """A measured table.

    Attributes:
        command: what measures it, as one would type it in the repository; DATA stands for the folder of the data sets.
        machine: processor, with the units that matter to networks, and number of cores.
        commit: of the code that measured.
        date: of the measurement, YYYY-MM-DD.
        columns: C names, units included (``"network, ms"``).
        rows: R rows of C cells, text or numbers.
        kept: whether the command's script is still there; if not, it is that of the commit.
    """

    command: str
    machine: str
    commit: str
    date: str
    columns: list[str]
    rows: list[list[str | float]]
    kept: bool = True


def write_results(
    path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]], command: str | None = None
) -> None:
    """Write a results file; machine, commit and date are those of this process.

    Args:
        path: where to, as a rule ``benchmarks/results/NAME.json``.
        columns: C names, with units.
        rows: R rows of C cells: text, or finite numbers, which are rounded to three decimals at most.
        command: what measured; None takes this process's command line.

    Raises:
        BenchmarkError: if a row has another number of cells, or a cell is something else.
        OutputError: if the file cannot be written.
    """
    plain = [[plain_cell(cell) for cell in row] for row in rows]
    machine = this_machine()
    facts = {
        "command": _this_command() if command is None else command,
        "machine": f"{machine.cpu}, {machine.cores} cores",
        "commit": machine.version.removeprefix("commit "),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "columns": list(columns),
    }
    _checked(path, {**facts, "rows": plain})
    heads = [f"  {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in facts.items()]
    lines = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in plain)
    write_output(path, lambda: "{\n" + ",\n".join([*heads, f'  "rows": [\n{lines}\n  ]']) + "\n}\n")


def read_results(path: Path) -> Results:
    """Read a results file.

    Raises:
        BenchmarkError: if it cannot be read, or is no results file; one line with the remedy.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BenchmarkError(
            f"{path}: cannot be read ({error.strerror}); measure it with the benchmark's --json"
        ) from error
    except ValueError as error:
        raise BenchmarkError(f"{path}: no JSON ({error}); measure it again with the benchmark's --json") from error
    return _checked(path, content)


def _checked(path: Path, content: Any) -> Results:
    remedy = "write it with results_file.write_results"
    names = [*TEXTS, "columns", "rows"]
    if not isinstance(content, dict) or sorted(content.keys() - {"kept"}) != sorted(names):
        raise BenchmarkError(f"{path}: expected an object of {', '.join(names)}; {remedy}")
    if not isinstance(content.get("kept", True), bool):
        raise BenchmarkError(f"{path}: 'kept' must be true or false; false says that the command's script is gone")
    for name in TEXTS:
        if not isinstance(content[name], str) or not content[name] or "\n" in content[name]:
            raise BenchmarkError(f"{path}: {name!r} must be one line of text; {remedy}")
    columns, rows = content["columns"], content["rows"]
    if not _is_list_of(columns, str) or not columns or len(set(columns)) < len(columns) or "\n" in "".join(columns):
        raise BenchmarkError(f"{path}: 'columns' must be a list of different names, a line each; {remedy}")
    if not _is_list_of(rows, list) or not rows:
        raise BenchmarkError(f"{path}: 'rows' must be a list of rows; {remedy}")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(columns):
            raise BenchmarkError(f"{path}: row {number} has {len(row)} cells for {len(columns)} columns; {remedy}")
        for cell in row:
            is_number = isinstance(cell, int | float) and not isinstance(cell, bool) and math.isfinite(cell)
            if not is_number and not (isinstance(cell, str) and "\n" not in cell):
                raise BenchmarkError(
                    f"{path}: row {number}: {cell!r} is neither a line of text nor a finite number; {remedy}"
                )
    return Results(**content)


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def plain_cell(cell: Any) -> Any:
    """A cell as a results file has it: text, or a number of three decimals at most."""
    if isinstance(cell, np.generic):
        cell = cell.item()
    return round(cell, 3) if isinstance(cell, float) and math.isfinite(cell) else cell


def _this_command() -> str:
    """This process's command line, without this machine's folders."""
    return shlex.join(["python", *(_without_folders(argument) for argument in sys.argv)])


def _without_folders(argument: str) -> str:
    path = Path(argument)
    if not path.exists() and not path.is_absolute():
        return argument
    path = Path(os.path.abspath(path))
    for folder, shown in ((DATA, "DATA"), (REPOSITORY, ".")):
        if path.is_relative_to(folder):
            return (Path(shown) / path.relative_to(folder)).as_posix()
    return argument
