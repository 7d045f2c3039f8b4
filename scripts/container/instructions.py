"""Reading a Containerfile: its instructions, without those for building in stages."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Instruction", "command_of", "read_instructions"]


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        word: as RUN, in capitals.
        text: all behind it, on one line.
    """

    word: str
    text: str


def read_instructions(path: Path) -> list[Instruction]:
    """The instructions of a Containerfile, in order.

    Raises:
        ValueError: if a line is none.
    """
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    instructions = []
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if not line.strip():
            continue
        word, _, text = line.partition(" ")
        if not (word.isupper() and text.strip()):
            raise ValueError(f"{path}: expected an instruction, got {line!r}")
        instructions.append(Instruction(word, text.strip()))
    return instructions


def command_of(text: str) -> list[str]:
    """The words of a command in a JSON list, behind whatever options there are.

    Raises:
        ValueError: if there is no such list.
    """
    command = json.loads(text[text.index("[") :])
    if not (isinstance(command, list) and all(isinstance(word, str) for word in command)):
        raise ValueError(f"expected a list of words, got {text}")
    return command
