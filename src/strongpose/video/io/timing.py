"""Time stamps that go forward, whatever those of the video do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import pairwise
from typing import TypeVar

__all__ = ["fine_tick", "in_order", "in_order_at_once", "ticks_of"]

_TICK = Fraction(1, 10_000)  # seconds; finer than a nudge, so that frames fit between two others
_NUDGE = Fraction(1, 1000)  # seconds that a misplaced frame is put behind the one before
_PATIENCE = 8  # so many frames in a row that are too early: the clock was set back

Item = TypeVar("Item")


def fine_tick(tick: Fraction) -> Fraction:
    """The tick of a video's time stamps, or a whole part of it that is fine enough to move a frame by."""
    return tick / math.ceil(tick / _TICK)


def ticks_of(seconds: Fraction, tick: Fraction) -> int:
    """How many ticks that is, one at least."""
    return max(1, round(seconds / tick))


def in_order(stamped: Iterable[tuple[int | None, Item]], step: Fraction, tick: Fraction) -> Iterator[tuple[int, Item]]:
    """Give each item a time after that of the one before.

    An item whose time stamp does not fit between its neighbours' is put just behind the one before it, where there
    is room before the next one; all others keep their own time. Where many in a row are too early, the clock was set
    back, and they go on ``step`` behind.

    Args:
        stamped: time stamp in ticks, and item; without a time stamp it follows ``step`` behind the one before.
        step: seconds between two frames, usually.
        tick: seconds.

    Returns:
        Ticks since the first item, and item. An item comes once the next one is known to be later.
    """
    stride, nudge = ticks_of(step, tick), ticks_of(_NUDGE, tick)
    start, before = 0, -1
    window: list[tuple[int, Item]] = []  # one in order, and those behind it that are too early
    for stamp, item in stamped:
        if not window:
            start = stamp or 0
            window = [(0, item)]
            continue
        time = window[0][0] + stride if stamp is None else stamp - start
        if time > window[0][0]:
            given = _settled(window, before, time, nudge)
            yield from given
            before = given[-1][0]
            window = [(max(time, before + 1), item)]
            continue
        window.append((time, item))
        if len(window) > _PATIENCE:
            if _late_first(window, before):
                given = _settled(window, before, None, nudge)
            else:
                given, back = _gone_on(window, stride)
                start -= back
            yield from given[:-1]
            window, before = given[-1:], given[-2][0]
    yield from _settled(window, before, None, nudge)


def in_order_at_once(
    stamped: Iterable[tuple[int | None, Item]], step: Fraction, tick: Fraction
) -> Iterator[tuple[int, Item]]:
    """As `in_order`, for what is live: nothing waits for the next item, and a step back is the clock's."""
    start = last = 0
    for number, (stamp, item) in enumerate(stamped):
        if number == 0:
            start = stamp or 0
        else:
            following = last + ticks_of(step, tick)
            time = following if stamp is None else stamp - start
            if time <= last:
                start, time = start + time - following, following
            last = time
        yield last, item


def _settled(window: list[tuple[int, Item]], before: int, following: int | None, nudge: int) -> list[tuple[int, Item]]:
    """The window's items with times between the one given before and the following one."""
    if len(window) < 2:
        return window
    (last, first), *early = window
    if _late_first(window, before):
        return [(before + _nudge(before, early[0][0], 1, nudge), first), *early]
    room = _nudge(last, following, len(early), nudge)
    return [(last + number * room, item) for number, (_, item) in enumerate(window)]


def _late_first(window: list[tuple[int, Item]], before: int) -> bool:
    """Whether the first one is the misplaced one: several behind it are in order without it."""
    times = [before, *(time for time, _ in window[1:])]
    return before >= 0 and len(window) > 2 and all(one < other for one, other in pairwise(times))


def _gone_on(window: list[tuple[int, Item]], stride: int) -> tuple[list[tuple[int, Item]], int]:
    """The window with its early ones behind the first, and by how many ticks the clock was set back."""
    moved, back = window[:1], 0
    for time, item in window[1:]:
        if time + back <= moved[-1][0]:
            back = moved[-1][0] + stride - time
        moved.append((time + back, item))
    return moved, back


def _nudge(last: int, following: int | None, count: int, nudge: int) -> int:
    """By how much each of several misplaced items is put behind the one before."""
    return nudge if following is None else max(1, min(nudge, (following - last) // (count + 1)))
