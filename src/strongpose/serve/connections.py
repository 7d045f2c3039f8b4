"""Connections that are bounded in number, and in the time they wait for a request and for an answer to be taken.

uvicorn's options do not give this: with ``limit_concurrency``, clients that send nothing take the places of those that
would; ``timeout_keep_alive`` begins after an answer and ends at the next byte, so that no request needs to be finished;
and nothing bounds the time in which an answer is taken. So a protocol stands between asyncio and uvicorn's.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from strongpose.serve.limits import Limits

__all__ = ["Connections"]

_KEY = "strongpose.connection"  # in the state of a request
_BUSY = b"all connections are in use; try again"
_BUSY_ANSWER = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\nConnection: close\r\n"
    b'Content-Length: %d\r\n\r\n{"error":"%b"}' % (len(_BUSY) + 12, _BUSY)
)


class Connections:
    """An application with the connections it is served on.

    Where there are too many of them, the one without a request for longest makes room.

    Args:
        app: answers the requests.
        limits: on connections and seconds.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits
        self._open: set[_Connection] = set()

    def protocol(self, app_state: dict[str, Any], **options: Any) -> asyncio.Protocol:
        """A new connection, as uvicorn asks for one.

        Args:
            app_state: what every request's state begins with.
            options: uvicorn's.
        """
        connection = _Connection(self._limits, self._open)
        connection.http = H11Protocol(app_state={**app_state, _KEY: connection}, **options)
        return connection

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer a request, which keeps its connection from giving way meanwhile."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        connection: _Connection = scope["state"].pop(_KEY)
        connection.begin()
        try:
            await self._app(scope, receive, send)
        finally:
            connection.end()


class _Connection(asyncio.Protocol):
    """One connection: uvicorn's protocol, and what there is to wait for.

    It is closed if no request has come whole, but for its body, within some seconds, and if the client does not take
    its answer.

    Args:
        limits: on connections and seconds.
        others: all that are open.
    """

    http: asyncio.Protocol  # uvicorn's

    def __init__(self, limits: Limits, others: set[_Connection]) -> None:
        self._limits = limits
        self._others = others
        self._loop = asyncio.get_running_loop()
        self._under_way = 0  # requests
        self._idle_since = 0.0
        self._request_due: asyncio.TimerHandle | None = None
        self._taking_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._others.add(self)
        self.http.connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # writing is paused as soon as the client does not keep up
        self._await_request()
        if len(self._others) > self._limits.max_connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._others.discard(self)
        for timer in (self._request_due, self._taking_due):
            if timer is not None:
                timer.cancel()
        self.http.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self.http.data_received(data)

    def eof_received(self) -> bool | None:
        return self.http.eof_received()

    def pause_writing(self) -> None:
        self.http.pause_writing()
        self._taking_due = self._loop.call_later(self._limits.answer_seconds, self._transport.abort)

    def resume_writing(self) -> None:
        self.http.resume_writing()
        if self._taking_due is not None:
            self._taking_due.cancel()

    def begin(self) -> None:
        """A request has come; its body may be on its way."""
        self._under_way += 1
        if self._request_due is not None:
            self._request_due.cancel()

    def end(self) -> None:
        """A request was answered."""
        self._under_way -= 1
        if not self._under_way and self in self._others:
            self._await_request()  # the next one

    def _await_request(self) -> None:
        self._idle_since = self._loop.time()
        self._request_due = self._loop.call_later(self._limits.header_seconds, self._transport.close)

    def _make_room(self) -> None:
        """Close the connection that was idle for longest; this one, if all others are at work."""
        others = [other for other in self._others if not other._transport.is_closing()]
        if len(others) <= self._limits.max_connections:
            return
        longest = min((other for other in others if not other._under_way), key=lambda other: other._idle_since)
        if longest is self:
            self._transport.write(_BUSY_ANSWER)
            self._transport.close()
        else:
            longest._transport.abort()
