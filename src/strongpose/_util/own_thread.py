"""Work in a thread that ends at once, for what leaves a thread unfit to be sent signals.

Opening a model with OpenVINO (2026.4) gives the calling thread another stack for signals, and deleting the model puts
the one before back. Where the first of two models is deleted first, the thread is left with a stack that was freed,
and the next signal that Python handles, Ctrl-C for example, is a segmentation fault.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["in_own_thread"]

Result = TypeVar("Result")


def in_own_thread(work: Callable[[], Result]) -> Result:
    """What ``work`` returns or raises, done in a thread of its own while this one waits."""
    with ThreadPoolExecutor(1, "strongpose-own") as thread:
        return thread.submit(work).result()
