"""The queue in front of the one thread that works on photos."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from strongpose._util.lines import counted
from strongpose.exceptions import RefusedError

__all__ = ["Queue"]

_T = TypeVar("_T")


class Queue:
    """Room for a number of requests, and one thread that works on their photos in turn.

    A request takes its place once its body has arrived, so that nobody waits for a slow sender.

    Args:
        max_waiting: requests that may wait while one is worked on.
    """

    def __init__(self, max_waiting: int) -> None:
        self.room = max_waiting + 1
        self.length = 0
        self._thread = ThreadPoolExecutor(1, "photos")

    def check_room(self) -> None:
        """Refuse a request for which there is no place.

        Raises:
            RefusedError: 429.
        """
        if self.length >= self.room:
            requests = counted(self.length, "request is", "requests are")
            raise RefusedError(429, f"{requests} in progress; try again", retry_after=1)

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place in the queue, while the block runs.

        Raises:
            RefusedError: 429 if there is none.
        """
        self.check_room()
        self.length += 1
        try:
            yield
        finally:
            self.length -= 1

    async def run(self, work: Callable[[], _T], gone: Coroutine[Any, Any, None]) -> _T:
        """What ``work`` returns, from the thread.

        Args:
            work: to be done once those before are.
            gone: ends when nobody waits for the result any more: work that was not begun is then left out.

        Raises:
            RefusedError: 499 if it was left out.
        """
        job = self._thread.submit(work)
        done = asyncio.wrap_future(job)
        watch = asyncio.create_task(gone)
        watch.add_done_callback(lambda _: job.cancel())  # does nothing to work that was begun
        try:
            return await done
        except asyncio.CancelledError as error:
            job.cancel()
            if not watch.done():
                raise
            raise RefusedError(499, "the client hung up") from error
        finally:
            watch.cancel()

    def close(self) -> None:
        """End the thread once the work it has begun is done."""
        self._thread.shutdown(cancel_futures=True)
