"""Blocks of code in Markdown pages, run as a reader would run them.

Blocks marked python run, in order and in one namespace; of blocks marked bash the lines that start with `strongpose`
run, and lines that install or test the package are passed over; anything else in them is refused. Blocks marked
otherwise (console: needs data, a camera or a GPU) or not at all are shown only.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parent.parent
RUN = ("python", "bash")
PASSED_OVER = ("pip install ", "python -m pytest")

_BLOCK = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; `line` is the number of its fence."""

    language: str
    code: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [Block(m[1].strip(), m[2], text.count("\n", 0, m.start()) + 1) for m in _BLOCK.finditer(text)]


def commands(block: Block) -> Iterator[str]:
    """The commands of a bash block that a test runs."""
    joined = block.code.replace("\\\n", " ")
    for line in joined.splitlines():
        for command in line.split(" && "):
            command = command.strip()
            if command.startswith("strongpose "):
                yield command
            else:
                known = not command or command.startswith(("#", *PASSED_OVER))
                assert known, f"line {block.line}: mark the block console, or let {command!r} start with strongpose"


def run_page(page: Path, folder: Path) -> str:
    """Run a page's blocks in a folder that becomes like a clone; returns what its commands printed."""
    for name in ("src", "tests", "docs"):
        (folder / name).symlink_to(REPOSITORY / name)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    printed = []
    for block in blocks(page):
        if block.language == "python":
            run_python(block.code, f"{page}, block of line {block.line}", namespace)
        elif block.language == "bash":
            printed += [run_command(command, folder) for command in commands(block)]
    return "".join(printed)


def run_python(code: str, where: str, namespace: dict[str, Any]) -> None:
    exec(compile(code, where, "exec", dont_inherit=True), namespace)


def run_command(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout
