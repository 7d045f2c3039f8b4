"""What every request passes: checks of where it comes from, headers that bind browsers, and counting."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from strongpose.serve.metrics import Metrics
from strongpose.serve.upload import drain

__all__ = ["Guard"]

_SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_HOST = re.compile(r"(?:(?P<name>[A-Za-z0-9._-]+)|\[(?P<address>[0-9A-Fa-f:.]+)\])(?::[0-9]{1,5})?")
_MOST_HEADERS = 16_384  # bytes; h11 refuses more if they do not arrive at once
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Guard:
    """Middleware that refuses requests meant for other hosts or sent by other sites' pages.

    A page of another site can make a browser send requests to this machine. It is given away by the header
    Origin or Sec-Fetch-Site or, where it bent its own name to this machine's address (DNS rebinding), by
    the header Host: a name that is not this server's. Addresses cannot be bent, so any of them will do.

    Args:
        app: what is guarded.
        metrics: where answers are counted.
        names: host names, besides localhost, by which the server may be called.
        routes: paths that are counted by name; all others are counted together.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, names: Collection[str], routes: Collection[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._names = {"localhost", *(name.lower() for name in names)}
        self._routes = frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = scope["path"] if scope["path"] in self._routes else "other"

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_SECURITY)
                self._metrics.count_request(method, route, message["status"])
            await send(message)

        refusal = self._refusal(scope["method"], Headers(scope=scope))
        if refusal is None:
            return await self._app(scope, receive, send_guarded)
        status, line = refusal
        await drain(Request(scope, receive))
        await JSONResponse({"error": line}, status, {"Connection": "close"})(scope, receive, send_guarded)

    def _refusal(self, method: str, headers: Headers) -> tuple[int, str] | None:
        """Status and reason, where a request is refused."""
        if sum(len(name) + len(value) for name, value in headers.raw) > _MOST_HEADERS:
            return 431, f"the headers have more than the {_MOST_HEADERS} bytes that are taken"
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return 421, f"this server is not called {ascii(hosts[0][:80]) if hosts else 'nothing'}; see --allow-host"
        if "transfer-encoding" in headers and "content-length" in headers:
            return 400, "the body has a length and is in chunks: proxies read that in different ways; send one of them"
        if method in ("GET", "HEAD"):
            return None
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        if origin is not None:
            same = origin.lower() in (f"http://{hosts[0].lower()}", f"https://{hosts[0].lower()}")
        else:
            same = site in ("none", "same-origin")
        return None if same else (403, "the request comes from a page of another site")

    def _is_ours(self, host: str) -> bool:
        """Whether a Host header holds an address or one of the server's names.

        Starlette's TrustedHostMiddleware knows lists of names only, no addresses as such, answers with another status
        than 421 and in plain text, and looks at the first of several headers.
        """
        parts = _HOST.fullmatch(host)
        if parts is None:
            return False
        name = (parts["name"] or parts["address"]).lower()
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True
