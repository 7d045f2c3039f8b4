"""Connections that are bounded in number, and in the time they wait for a request and for an answer to be taken."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from strongpose.serve.limits import Limits

__all__ = ["Connection"]

_BUSY = b"all connections are in use; try again"
_BUSY_ANSWER = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\nConnection: close\r\n"
    b'Content-Length: %d\r\n\r\n{"error":"%b"}' % (len(_BUSY) + 12, _BUSY)
)


class Connection(H11Protocol):
    """A connection of uvicorn's that gives way.

    It is closed if no request has come whole, but for its body, within some seconds, and if the client does not take
    its answer. Where there are too many, the one that has been without a request for longest makes room.

    Args:
        limits: on connections and seconds.
        options: uvicorn's.
    """

    def __init__(self, limits: Limits, **options: Any) -> None:
        super().__init__(**options)
        self._limits = limits
        self._idle_since = 0.0
        self._request_due: asyncio.TimerHandle | None = None
        self._taking_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # writing is paused as soon as the client does not keep up
        self._await_request()
        if len(self.connections) > self._limits.max_connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed, by whomever."""
        for timer in (self._request_due, self._taking_due):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Something was received."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before and self._request_due is not None and not self._is_idle():
            self._request_due.cancel()

    def on_response_complete(self) -> None:
        """The whole answer was given to the operating system."""
        self._await_request()  # the next one
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client does not take what was sent."""
        super().pause_writing()
        self._taking_due = self.loop.call_later(self._limits.answer_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It has taken all of it."""
        super().resume_writing()
        if self._taking_due is not None:
            self._taking_due.cancel()

    def _is_idle(self) -> bool:
        """Whether no request is under way; the headers of one may be on their way."""
        return self.cycle is None or self.cycle.response_complete

    def _await_request(self) -> None:
        self._idle_since = self.loop.time()
        if self._request_due is not None:
            self._request_due.cancel()
        self._request_due = self.loop.call_later(self._limits.header_seconds, self._give_up)

    def _give_up(self) -> None:
        if self._is_idle():
            self.transport.close()

    def _make_room(self) -> None:
        """Close the connection that was idle for longest; this one, if all others are at work."""
        others = [c for c in self.connections if isinstance(c, Connection) and not c.transport.is_closing()]
        if len(others) <= self._limits.max_connections:
            return
        longest = min((c for c in others if c._is_idle()), key=lambda connection: connection._idle_since)
        if longest is self:
            self.transport.write(_BUSY_ANSWER)
            self.transport.close()
        else:
            longest.transport.abort()
