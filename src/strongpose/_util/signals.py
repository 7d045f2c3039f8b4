"""Noticing that somebody asks the process to stop, at a moment that suits the work."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

__all__ = ["INTERRUPTED", "StopRequest", "ending_early", "leave_when_terminated"]

INTERRUPTED = 130
"""Exit status of a command that was interrupted."""


class StopRequest:
    """Notes signals while its context is open, instead of being interrupted by them anywhere.

    Args:
        signals: such as ``signal.SIGTERM``; the context must be entered in the main thread.

    Attributes:
        is_set: whether one of them has come.
    """

    def __init__(self, *signals: signal.Signals) -> None:
        self.is_set = False
        self._signals = signals

    def __enter__(self) -> StopRequest:
        self._before = {number: signal.signal(number, self._note) for number in self._signals}
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, *_: int | FrameType | None) -> None:
        self.is_set = True


@contextmanager
def ending_early() -> Iterator[list[signal.Signals]]:
    """In the context Ctrl-C and SIGTERM are noted in a list; the second one interrupts at once.

    The context must be entered in the main thread.
    """
    caught: list[signal.Signals] = []

    def note(number: int, _: FrameType | None) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(signal.Signals(number))

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def leave_when_terminated() -> Iterator[None]:
    """In the context SIGTERM ends the process at once, with a line; the context must be entered in the main thread.

    Nothing is raised where the process happens to be: an exception out of a half-imported library would end as
    another one, or be swallowed. Files are written whole or not at all, so that nothing is lost.
    """
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(*_: int | FrameType | None) -> None:
    os.write(2, b"strongpose: interrupted\n")
    os._exit(INTERRUPTED)
