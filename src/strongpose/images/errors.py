"""What is said about photos that cannot be used."""

from __future__ import annotations

import unicodedata

__all__ = ["ImageError", "one_line", "printable"]


class ImageError(ValueError):
    """A photo that cannot be used; the message names the file and the remedy."""


def one_line(error: Exception) -> str:
    """What an error of another library says, however it says it."""
    return printable(" ".join(str(error).split())[:200]) or type(error).__name__


def printable(text: str) -> str:
    """The text with line breaks, control signs and undecodable bytes escaped."""
    return "".join(repr(c)[1:-1] if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in text)
