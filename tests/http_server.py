"""A small HTTP server for tests of downloads: ranges, ETags, and connections that break where one likes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """What the server has, and how it misbehaves.

    Attributes:
        files: content by path.
        tag: ETag of all files; none if empty.
        ranges: whether parts of files are served.
        cuts: after how many bytes the next answers break off, one entry an answer.
        statuses: HTTP statuses to answer the next downloads with instead.
        requests: (method, path, Range header) of every request.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    tag: str = '"one"'
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    url: str = ""

    def ranges_asked(self) -> list[str | None]:
        return [wanted for method, _, wanted in self.requests if method == "GET"]


@contextmanager
def serve(site: Site) -> Iterator[Site]:
    """Serve a site on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, with_body: bool) -> None:
            wanted = self.headers.get("Range")
            site.requests.append((self.command, self.path, wanted))
            body = site.files.get(self.path)
            if body is None:
                return self.send_error(404)
            if with_body and site.statuses:
                return self.send_error(site.statuses.pop(0))
            start, end = 0, len(body)
            if wanted and site.ranges and self.headers.get("If-Range", site.tag) == site.tag:
                first, _, last = wanted.removeprefix("bytes=").partition("-")
                start, end = int(first), min(int(last) + 1, end) if last else end
                if start >= len(body):
                    return self.send_error(416)
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(body)}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(end - start))
            if site.tag:
                self.send_header("ETag", site.tag)
            self.end_headers()
            if with_body:
                end = min(end, start + site.cuts.pop(0)) if site.cuts else end
                self.wfile.write(body[start:end])
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
