"""What can be wrong with annotations, and how it is told."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["AnnotationError", "Say", "unheard"]

Say = Callable[[str], None]
"""Called with a line about what was taken in another way than it is written."""


class AnnotationError(ValueError):
    """Annotations that cannot be used; the message names the file, the entry and the remedy."""


def unheard(line: str) -> None:
    """A `Say` that leaves the line unsaid."""
