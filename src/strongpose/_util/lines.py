"""Lines for people: made of whatever text there is, and handed to whoever shows them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

__all__ = ["Say", "one_line", "printable", "unheard"]

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
