"""Write the measured tables and figures of all pages from benchmarks/results/, or check that they are as written.

python benchmarks/pages.py
python benchmarks/pages.py --check
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import tyro
from page_markers import rewritten
from page_prose import figures_by_hand

from strongpose._util.atomic_write import write_atomically
from strongpose.exceptions import BenchmarkError

PAGES = (
    "README.md",
    "docs/**/*.md",
    "src/strongpose/models/*.md",
    "benchmarks/README.md",
    "examples/README.md",
    "scripts/README.md",
    "stress/README.md",
)


@dataclass(frozen=True)
class Arguments:
    """Write the generated parts of all pages from the files in benchmarks/results/."""

    check: bool = False
    """Write nothing; name the pages that are not as they would be written, and exit with status 1 if there are any."""
    folder: Path = Path(__file__).parent.parent
    """Of the repository."""


def main(arguments: Arguments) -> int:
    folder = arguments.folder.resolve()
    texts, errors = {}, []
    for page in sorted(page for pattern in PAGES for page in folder.glob(pattern)):
        old = page.read_text(encoding="utf-8")
        try:
            new = rewritten(old, page, folder)
        except BenchmarkError as error:
            errors.append(str(error))
            continue
        if new != old:
            texts[page] = new
        name = page.relative_to(folder).as_posix()
        if arguments.check:
            errors += [
                f"{name}, line {line}: {figure!r} is written by hand; show it from benchmarks/results, or leave it out"
                for line, figure in figures_by_hand(old)
            ]
    for page, text in texts.items():
        name = page.relative_to(folder).as_posix()
        if arguments.check:
            errors.append(f"{name}: not as benchmarks/results has it; run `python benchmarks/pages.py`")
        elif not errors:
            write_atomically(page, text)
            print(f"{name}: written")
    for error in errors:
        print(f"pages: {error}", file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
