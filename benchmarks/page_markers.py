"""Find the generated parts of a Markdown page, and write them anew."""

from __future__ import annotations

import re
from pathlib import Path

from model_tables import model_table
from result_tables import result_figure, result_table
from results_file import Results, read_results

from strongpose.exceptions import BenchmarkError

__all__ = ["rewritten", "without_code", "without_generated"]

CODE = re.compile(
    r"^ *(?P<ticks>`{3,})[^`\n]*\n(?:.*?^ *(?P=ticks)`* *$|.*\Z)"
    r"|^ *(?P<tildes>~{3,})[^\n]*\n(?:.*?^ *(?P=tildes)~* *$|.*\Z)"
    r"|(?<!`)(?P<inline>`+)(?!`)[^\n]+?(?<!`)(?P=inline)(?!`)",
    re.DOTALL | re.MULTILINE,
)
"""Fenced blocks, which end with a fence as long as the first one or with the page, and code within a line."""
GENERATED = re.compile(
    r"^<!-- results: (?P<table>[^\n]*?) -->\n(?P<old_table>.*?)^<!-- end -->"
    r"|<!-- result: (?P<figure>[^\n]*?) -->(?P<old_figure>[^\n]*?)<!-- end -->",
    re.DOTALL | re.MULTILINE,
)
STRAY = re.compile(r"<!-+\s*(?:results?|end)\b[^>\n]*", re.IGNORECASE)
SCRIPT = re.compile(r"\b(?:benchmarks|scripts)/[\w/]+\.py\b")
RIGHT = re.compile(r"<!-- (?:results?: |end --$)")


def rewritten(text: str, page: Path, folder: Path) -> str:
    """A page with every generated part written anew from its results file.

    Args:
        text: what the page holds.
        page: its path, for links and messages.
        folder: of the repository, with benchmarks/results/.

    Raises:
        BenchmarkError: if a part names something that there is not, or has no end; with page and line.
    """
    parts, end = [], 0
    masked = without_code(text)
    for match in GENERATED.finditer(masked):
        try:
            new = _table_of(match, page, folder) if match["table"] is not None else _figure_of(match, masked, folder)
        except BenchmarkError as error:
            raise BenchmarkError(f"{_place(masked, match.start(), page, folder)}: {error}") from error
        parts += [text[end : match.start()], new]
        end = match.end()
    stray = STRAY.search(without_generated(masked))
    if stray:
        where = _place(masked, stray.start(), page, folder)
        if not RIGHT.match(stray[0]):
            raise BenchmarkError(
                f"{where}: {stray[0] + '>'!r}: write '<!-- results: …', '<!-- result: …' or '<!-- end -->'"
            )
        raise BenchmarkError(f"{where}: {stray[0] + '>'!r} alone; a table starts and ends on lines of its own")
    return "".join(parts) + text[end:]


def without_code(text: str) -> str:
    """A page with blanks in the place of code; lines and places of characters stay."""
    return CODE.sub(_blank, text)


def without_generated(text: str) -> str:
    """A page with blanks in the place of generated parts; lines and places of characters stay."""
    return GENERATED.sub(_blank, text)


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def _table_of(match: re.Match[str], page: Path, folder: Path) -> str:
    if STRAY.search(match["old_table"]):
        raise BenchmarkError("the table has no line <!-- end --> before the next one starts")
    name, *options = match["table"].split(" | ")
    chosen: dict[str, list[str]] = {}
    kinds = []
    for option in options:
        key, colon, names = option.partition(": ")
        if colon and key in ("rows", "columns"):
            chosen[key] = names.split("; ")
        else:
            kinds.append(option)
    path = folder / "benchmarks" / "results" / name
    if path.suffix == ".csv":
        if len(kinds) != 1 or "columns" in chosen:
            raise BenchmarkError(f"write '{name} | summary' or '{name} | details', and '| rows: MODEL' to choose")
        table = model_table(path, kinds[0], chosen.get("rows", []), folder, page)
    elif kinds:
        raise BenchmarkError(f"{kinds[0]!r} is neither 'rows: A; B' nor 'columns: A; B'")
    else:
        table = result_table(_results(folder, name), **chosen)
    return f"<!-- results: {match['table']} -->\n\n{table}\n\n<!-- end -->"


def _figure_of(match: re.Match[str], masked: str, folder: Path) -> str:
    if masked[: match.start()].rpartition("\n")[2].lstrip()[:1] in ("", "|"):
        raise BenchmarkError("a single figure must neither start a line nor stand in a table, where Markdown breaks")
    words = match["figure"].split(" | ")
    if len(words) != 3:
        raise BenchmarkError("a single figure is written '<!-- result: NAME | ROW | COLUMN -->'")
    figure = result_figure(_results(folder, words[0]), *words[1:])
    return f"<!-- result: {match['figure']} -->{figure}<!-- end -->"


def _results(folder: Path, name: str) -> Results:
    results = folder / "benchmarks" / "results"
    path = results / f"{name}.json"
    if not path.is_file():
        names = "; ".join(sorted(p.stem for p in results.glob("*.json"))) or "none yet"
        raise BenchmarkError(f"no results {name!r} in benchmarks/results; there are {names}")
    measured = read_results(path)
    for script in SCRIPT.findall(measured.command) if measured.kept else ():
        if not (folder / script).is_file():
            raise BenchmarkError(f'{path.name}: no {script}; measure it anew, or add "kept": false')
    return measured


def _place(text: str, start: int, page: Path, folder: Path) -> str:
    return f"{page.relative_to(folder).as_posix()}, line {text.count(chr(10), 0, start) + 1}"
