"""Ending quietly when whoever reads the output has gone, as ``head`` does after some lines."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import NoReturn, TextIO

__all__ = ["CLOSED_PIPE", "end_with_closed_pipes"]

CLOSED_PIPE = 141
"""Exit status of a command whose output nobody reads any more: that of a program ended by SIGPIPE."""


class _Stream(io.TextIOWrapper):
    """Standard output or error that ends the program where it cannot be written, as nobody reads it or a disk is full.

    `SystemExit` is no `OSError`: no verb takes it for trouble with its results, and files that are open are completed.
    """

    def write(self, text: str) -> int:
        """Write text."""
        try:
            return super().write(text)
        except OSError as error:
            self._end(error)

    def flush(self) -> None:
        """Write out what is in the buffer."""
        try:
            super().flush()
        except OSError as error:
            self._end(error)

    def _end(self, error: OSError) -> NoReturn:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())  # for what is still in the buffer
        os.close(nowhere)
        if isinstance(error, BrokenPipeError):
            raise SystemExit(CLOSED_PIPE) from error
        with suppress(OSError):
            os.write(2, f"strongpose: the output cannot be written ({error.strerror})\n".encode())
        raise SystemExit(1) from error


def end_with_closed_pipes() -> None:
    """From now on the program ends quietly where standard output or error is a pipe that nobody reads any more.

    What cannot be encoded, such as names of files that are no text, is escaped. Streams that another program has put
    in their place, as tests do, stay what they are.
    """
    if sys.stdout is sys.__stdout__ and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = _reopened(sys.stdout)
    if sys.stderr is sys.__stderr__ and isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = _reopened(sys.stderr)


def _reopened(stream: io.TextIOWrapper) -> TextIO:
    raw = open(stream.fileno(), "wb", closefd=False)
    return _Stream(raw, stream.encoding, "backslashreplace", line_buffering=stream.line_buffering)
