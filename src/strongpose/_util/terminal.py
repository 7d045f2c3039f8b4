"""What commands tell people on standard error: messages, and how far the work has come."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from strongpose._util.lines import printable

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["Progress", "complain", "say", "time_left"]

_COUNTS = "{n_fmt}/{total_fmt}{unit}, {rate_noinv_fmt}, {remaining} left"
_OPEN_END = "{n_fmt}{unit}, {rate_noinv_fmt}"  # the total is not known
_BAR_COLUMNS = 70  # of a terminal that has room for a bar and the counts
_LOG_SECONDS = 10.0  # between lines where standard error is no terminal


def say(message: object) -> None:
    """Print a message in one line on standard error."""
    print(f"strongpose: {printable(str(message))}", file=sys.stderr, flush=True)


def complain(message: object) -> int:
    """Print an error in one line on standard error; returns the exit status for it, 1."""
    say(message)
    return 1


def time_left(done: int, total: int, seconds: float) -> str:
    """What a verb that prints a line for every part adds: "; 01:20 left", or nothing in the first ten seconds.

    Nor does it add anything at the end.

    Args:
        done: of ``total``, at least 1.
        total: how much there is in all.
        seconds: that it took.
    """
    if done >= total or seconds < _LOG_SECONDS:
        return ""
    from tqdm import tqdm

    return f"; {tqdm.format_interval(seconds / done * (total - done))} left"


class Progress:
    """How far the work has come, on standard error: a bar on a terminal, elsewhere a line every ten seconds at most.

    Called with what is done and, where it is known, how much there is in all. Nothing is shown before the first call.
    The context ends the bar, and so does the call in which all is done.

    Args:
        unit: what is counted, such as "photos"; "B" are bytes, which are shown in kB, MB or GB.
        title: what is done, if need be.
    """

    def __init__(self, unit: str, title: str = "") -> None:
        self._scaled = unit == "B"
        self._unit = unit if self._scaled else f" {unit}"
        self._start = f"{title}: " if title else ""
        self._bar: tqdm | None = None
        self._first: tuple[int, float] | None = None
        self._told = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, done: int, total: int | None = None) -> None:
        """Show that ``done`` of ``total`` are done; None if it is not known how many there are."""
        if not sys.stderr.isatty():
            self._log(done, total)
            return
        if self._bar is None:
            self._bar = self._opened(done, total)
        self._bar.update(done - self._bar.n)
        if done == total:
            self._bar.close()

    def _opened(self, done: int, total: int | None) -> tqdm:
        from tqdm import tqdm

        columns, rows = shutil.get_terminal_size()  # never 0, as tqdm's own look may find
        bar = "{bar:20} " if columns >= _BAR_COLUMNS else ""
        return tqdm(
            total=total,
            initial=done,
            unit=self._unit,
            unit_scale=self._scaled,
            bar_format=self._start + (_OPEN_END if total is None else bar + _COUNTS),
            ncols=columns,
            nrows=rows,
            file=sys.stderr,
        )

    def _log(self, done: int, total: int | None) -> None:
        now = time.monotonic()
        first, start = self._first = self._first or (done, now)
        if now - self._told < _LOG_SECONDS:
            return
        from tqdm import tqdm

        self._told = now
        line = tqdm.format_meter(
            done,
            total,
            now - start,
            unit=self._unit,
            unit_scale=self._scaled,
            bar_format=self._start + (_OPEN_END if total is None else _COUNTS),
            initial=first,
        )
        print(line, file=sys.stderr, flush=True)
