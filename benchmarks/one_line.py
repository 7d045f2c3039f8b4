"""Errors of benchmark scripts in one line, as the program's own commands show them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strongpose.exceptions import StrongPoseError

__all__ = ["errors_in_one_line"]


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """In the context what cannot be done, such as reading a file, ends the script with one line and status 1."""
    try:
        yield
    except (StrongPoseError, OSError) as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")
