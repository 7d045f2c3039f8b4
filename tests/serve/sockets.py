"""Clients that speak to the server byte by byte, as browsers and libraries would not."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from asking import Client


def connect(client: Client, receive_buffer: int = 0) -> socket.socket:
    """A connection on which nothing was sent; with a small buffer, the server soon notices who does not read."""
    parts = urlsplit(client.url)
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(60)
    connection.connect((parts.hostname, parts.port))
    return connection


def head(method: str, target: str, *lines: str) -> bytes:
    """The head of a request to 127.0.0.1, with more header lines."""
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode("latin-1")


def until_closed(connection: socket.socket) -> bytes:
    """All that comes until the server closes the connection, which must be within a minute."""
    received = bytearray()
    try:
        while part := connection.recv(65536):
            received += part
    except ConnectionError:
        pass  # closed without having read everything
    return bytes(received)


def status_of(answer: bytes) -> int:
    assert answer.startswith(b"HTTP/1.1 "), answer[:100]
    return int(answer.split()[1])


class Upload:
    """A photo of which the head and the first bytes were sent, and the rest may come."""

    def __init__(self, client: Client, body: bytes, sent: int, announced: int | None = None, kind="image/png") -> None:
        self.connection = client.connect()
        self.rest = body[sent:]
        self.connection.putrequest("POST", "/api/poses")
        self.connection.putheader("Content-Type", kind)
        self.connection.putheader("Content-Length", str(len(body) if announced is None else announced))
        self.connection.endheaders()
        self.connection.send(body[:sent])

    def __enter__(self) -> Upload:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send_rest(self) -> None:
        self.connection.send(self.rest)
