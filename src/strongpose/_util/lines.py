"""Lines for people: made of whatever text there is, and handed to whoever shows them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

__all__ = ["Say", "counted", "one_line", "pace", "printable", "unheard"]

Say = Callable[[str], None]
"""Called with a line about what was taken in another way than it is written."""


def unheard(line: str) -> None:
    """A `Say` that leaves the line unsaid."""


def one_line(error: Exception) -> str:
    """What an error of another library says, however it says it."""
    return printable(" ".join(str(error).split())[:200]) or type(error).__name__


def printable(text: str) -> str:
    """The text with line breaks, control signs and undecodable bytes escaped."""
    return "".join(repr(c)[1:-1] if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in text)


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun: "1 photo", "2 photos"; ``many`` where the plural takes more than an s."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def pace(count: int, seconds: float, one: str) -> str:
    """How fast something went: "12.3 photos/s", or "4.1 s/photo" where one took longer than a second."""
    if 0 < count < seconds:
        return f"{seconds / count:.1f} s/{one}"
    return f"{count / max(seconds, 1e-9):.1f} {one}s/s"
