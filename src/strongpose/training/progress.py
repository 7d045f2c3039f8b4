"""What is told about a run while it trains: plain progress lines, also without a terminal, and TensorBoard's files."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from strongpose._util.lines import Say

__all__ = ["Progress"]

_LONGEST = 60.0  # seconds without a line


class Progress:
    """Means of the loss terms, speed, and share of time spent waiting for data since the last line.

    A context, at whose end TensorBoard's file is closed.

    Args:
        first: steps done before; what an interrupted run told TensorBoard about later ones does not count.
        steps: in all; None if the clock says when the run ends.
        batch_size: samples per step, of all processes together.
        every: steps between lines; after a minute without one, there is one sooner.
        folder: of TensorBoard's files of all parts of the run, made if need be; None writes none.
        say: where the lines go.

    Raises:
        OSError: if TensorBoard's file cannot be written.
    """

    def __init__(
        self, first: int, steps: int | None, batch_size: int, every: int, folder: Path | None, say: Say
    ) -> None:
        self._steps, self._batch_size, self._every, self._say = steps, batch_size, every, say
        self._contexts = ExitStack()
        self._writer: SummaryWriter | None = None
        if folder is not None:
            others = set(threading.enumerate())
            self._writer = SummaryWriter(str(folder), purge_step=first + 1)
            self._contexts.enter_context(_unprinted(set(threading.enumerate()) - others))
            self._contexts.callback(self._writer.close)
        self._since, self._last_step, self._waited = time.monotonic(), first, 0.0
        self._sums: dict[str, float] = {}

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._contexts.close()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Time in the context is not spent training, and not counted."""
        started = time.monotonic()
        yield
        self._since += time.monotonic() - started

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Time in the context counts as waiting for the batch."""
        started = time.monotonic()
        yield
        self._waited += time.monotonic() - started

    def add(self, done: int, losses: Mapping[str, Tensor], rate: float, left: float | None = None) -> None:
        """Count a step; at every so many steps, and at least once a minute, write a line.

        Args:
            done: steps done.
            losses: of this step, ``loss`` and the terms of which it consists.
            rate: learning rate.
            left: seconds that are left for steps; None reckons it from the steps that are left.

        Raises:
            OSError: if TensorBoard's file cannot be written.
        """
        for name, term in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + term.item()
        count, seconds = done - self._last_step, time.monotonic() - self._since
        if done % self._every and seconds < _LONGEST:
            return
        means = {name: value / count for name, value in self._sums.items()}
        speed, waiting = count * self._batch_size / seconds, self._waited / seconds
        if self._steps is not None:
            left = (self._steps - done) * seconds / count
        ends = "" if left is None else f" | {tqdm.format_interval(left)} left"
        step = f"step {done}" if self._steps is None else f"step {done}/{self._steps}"
        shown = " ".join(f"{name} {value:.3f}" for name, value in means.items())
        self._say(f"{step} | {speed:.1f} images/s, waiting for data {waiting:.0%} | {shown} | lr {rate:.2e}{ends}")
        values = {**means, "images_per_second": speed, "waiting": waiting, "learning_rate": rate}
        self.write(done, {f"train/{name}": value for name, value in values.items()})
        self._since, self._last_step, self._waited, self._sums = time.monotonic(), done, 0.0, {}

    def write(self, done: int, values: Mapping[str, float]) -> None:
        """Tell TensorBoard numbers by name; they are written at once, so that a full disk shows where it can be told.

        Raises:
            OSError: if they cannot be written.
        """
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, done)
            self._writer.flush()


@contextmanager
def _unprinted(threads: Collection[threading.Thread]) -> Iterator[None]:
    """Errors that end these threads are not printed: TensorBoard raises them again where it is asked to write."""
    before = threading.excepthook

    def report(error: threading.ExceptHookArgs) -> None:
        if error.thread not in threads:
            before(error)

    threading.excepthook = report
    try:
        yield
    finally:
        for thread in threads:
            thread.join(1)
        threading.excepthook = before
