"""A client of the server, no more than the standard library's."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The one line in which a failure is explained."""
        assert set(self.json) == {"error"}
        assert "\n" not in self.json["error"]
        return self.json["error"]


@dataclass(frozen=True)
class Client:
    url: str

    def connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)

    def __call__(self, method: str, path: str, body=None, headers: Mapping[str, str] | None = None) -> Answer:
        connection = self.connect()
        try:
            connection.request(method, path, body, dict(headers or {}))
            return finish(connection)
        finally:
            connection.close()

    def post(self, path: str, body, kind: str = "image/jpeg", **headers: str) -> Answer:
        return self("POST", path, body, {"Content-Type": kind, **headers})


def finish(connection: http.client.HTTPConnection) -> Answer:
    response = connection.getresponse()
    return Answer(response.status, response.headers, response.read())
