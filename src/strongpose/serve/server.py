"""Listening on a port, and serving until told to stop."""

from __future__ import annotations

import logging
import math
import socket
import sys
from signal import SIGTERM, signal
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from strongpose.serve.connections import Connections
from strongpose.serve.limits import Limits

__all__ = ["configure", "listen", "run_server", "url_of"]

_SHUTDOWN_SECONDS = 10  # for requests in progress


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound; the port 0 takes a free one.

    Raises:
        OSError: if there is no such address, or the port is taken or reserved.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(64)
    except BaseException:
        bound.close()
        raise
    return bound


def url_of(bound: socket.socket) -> str:
    """The address at which a browser on this machine finds the server."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def configure(app: ASGIApp, limits: Limits) -> uvicorn.Config:
    """How uvicorn serves the application: quietly, with bounds on connections and time."""
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # what is below, any client can cause
    connections = Connections(app, limits)
    return uvicorn.Config(
        connections,
        http=connections.protocol,  # type: ignore[arg-type]  # all that uvicorn does with it is to call it
        ws="none",
        log_level="error",  # likewise
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=math.ceil(limits.header_seconds),
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )


def run_server(app: ASGIApp, bound: socket.socket, limits: Limits) -> None:
    """Serve until SIGTERM or Ctrl+C; requests in progress are finished first.

    Args:
        app: answers the requests.
        bound: where it listens.
        limits: on connections and seconds.

    Raises:
        SystemExit: with status 0, after SIGTERM.
        KeyboardInterrupt: after Ctrl+C.
    """

    def leave(*_: Any) -> None:
        sys.exit(0)

    signal(SIGTERM, leave)  # uvicorn raises the signal again once it has stopped
    uvicorn.Server(configure(app, limits)).run(sockets=[bound])
