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

    def post_form(self, path: str, *parts: bytes, **headers: str) -> Answer:
        """Post a body of type multipart/form-data."""
        return self.post(path, form(*parts), FORM, **headers)


FORM = "multipart/form-data; boundary=edge"


def file_part(content: bytes, name: str = "a.jpg", field: str = "photo") -> bytes:
    """One file of a form, as curl -F sends it."""
    head = f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: image/jpeg\r\n\r\n'
    return head.encode() + content


def form(*parts: bytes) -> bytes:
    return b"".join(b"--edge\r\n" + part + b"\r\n" for part in parts) + b"--edge--\r\n"


def finish(connection: http.client.HTTPConnection) -> Answer:
    response = connection.getresponse()
    return Answer(response.status, response.headers, response.read())
