"""What the parts of the stress test share: their options, and how each tells what it tried and what was wrong."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import tyro

__all__ = ["Arguments", "Clock", "run_part", "tell"]


@dataclass(frozen=True)
class Arguments:
    """Try to break one part of StrongPose for some time; exit status 1 if something broke."""

    seconds: float = 60.0
    """How long."""
    seed: int = 0
    """Of what is chosen at random; another seed tries other things."""


class Clock:
    """Tells when a part's time is over."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds; negative once the time is over."""
        return self._end - time.monotonic()


def run_part(main: Callable[[Arguments], int]) -> int:
    """Run a part by its command line; SIGTERM ends it as Ctrl-C does, so that it removes its folders.

    Returns:
        The exit status; 130 if it was ended.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return main(tyro.cli(Arguments))
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        return 130


def tell(tried: str, wrong: Sequence[str]) -> int:
    """Print what was wrong and, on the last line, what was tried.

    Args:
        tried: one line.
        wrong: one line each; the first twenty are printed.

    Returns:
        The exit status: 0 if nothing was wrong.
    """
    for line in wrong[:20]:
        print(f"WRONG: {line}")
    print(tried, flush=True)
    return 1 if wrong else 0
