"""The time that a run takes: what it has had, over all its parts, and what is left of the minutes it may take."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["RunClock"]


class RunClock:
    """Counts the time of a run and keeps back what its end will take: the last validation and the last checkpoint.

    Args:
        limit: seconds that the run may take in all, or None.
        read: the time in seconds; only differences count.

    Attributes:
        limit: as given.
        read: as given.
        had: seconds before the present process took up the run.
    """

    def __init__(self, limit: float | None = None, read: Callable[[], float] = time.monotonic) -> None:
        self.limit, self.had = limit, 0.0
        self.read, self._started = read, read()
        self._durations: dict[str, float] = {}

    @property
    def spent(self) -> float:
        """Seconds the run has had until now."""
        return self.had + self.read() - self._started

    def expect(self, work: str, seconds: float) -> None:
        """Say what work will take, as it was last measured or reckoned."""
        self._durations[work] = seconds

    def duration(self, work: str) -> float:
        """Seconds that work is expected to take; 0 if nothing is known of it."""
        return self._durations.get(work, 0.0)

    def kept_back(self) -> float:
        """Seconds that the last validation is expected to take, with a checkpoint before and after it."""
        return self.duration("validation") + 2 * self.duration("checkpoint")

    def left(self) -> float | None:
        """Seconds left for steps; None without a limit."""
        return None if self.limit is None else max(0.0, self.limit - self.kept_back() - self.spent)

    def passed(self, step: float) -> float:
        """Share of the time for steps that will be over after one more step, at most 1, which says that none fits.

        Args:
            step: seconds that a step takes.

        Raises:
            ValueError: without a limit.
        """
        if self.limit is None:
            raise ValueError("a run without a time limit has no share of it")
        available = self.limit - self.kept_back()
        return min(1.0, (self.spent + step) / available) if available > 0 else 1.0

    def has_time_for(self, work: str) -> bool:
        """Whether steps would still be done after this work and before the run's end; always without a limit."""
        left = self.left()
        return left is None or left > self.duration(work)
