"""Writing files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from strongpose.exceptions import OutputError

__all__ = ["write_atomically", "write_output"]


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write a file so that a crash at any moment leaves the old file or the new one, never a part.

    Args:
        path: where to; its folder is made if need be.
        content: bytes, or text that is written as UTF-8.

    Raises:
        OSError: if it cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_output(path: Path, make: Callable[[], bytes | str]) -> None:
    """Write a file that a caller of the package named, as `write_atomically` does.

    Args:
        path: where to; its folder is made if need be.
        make: gives the content.

    Raises:
        OutputError: if it cannot be made or written; in one line.
    """
    try:
        write_atomically(path, make())
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}); name another place") from error
