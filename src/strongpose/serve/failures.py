"""How errors are answered: a status, and one line of JSON."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from strongpose.exceptions import RefusedError
from strongpose.serve.answers import Failure
from strongpose.serve.upload import drain

__all__ = ["FAILURES", "answer_errors", "first_line"]

FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"model": Failure, "description": description}
    for status, description in (
        (400, "Not HTTP, or a body with two lengths"),
        (403, "Sent by a page of another site"),
        (408, "The body did not arrive in time"),
        (413, "Too many bytes, pixels, frames or photos"),
        (415, "Not a content type that is taken"),
        (421, "Not a name of this server"),
        (422, "Not a photo, or damaged"),
        (429, "Too many requests in progress, or uploads; Retry-After says when to come back"),
        (431, "More than 16 KB of headers"),
        (503, "Too many connections with requests in progress; Retry-After says when to come back"),
    )
}
"""What the API's description says of them, for routes that take photos."""

_NOTHING = "not found; the API is described at /openapi.json"
_USES = {
    "/api/poses": "send a photo with POST, as in curl -F photo=@photo.jpg {url}",
    "/api/batch": "send photos as JSON with POST; /openapi.json describes it, and curl -F photo=@photo.jpg "
    "{base}api/poses sends one photo without JSON",
}
"""What to do instead of opening an address in a browser."""


def answer_errors(app: FastAPI) -> None:
    """Let the application answer whatever is raised."""
    app.exception_handler(RefusedError)(_refused)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_not_found)
    app.exception_handler(Exception)(_failed)


def first_line(errors: Any) -> str:
    """Where the first of pydantic's errors is, and what it is."""
    first = errors[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("query", "body"))
    return f"{where}: {first['msg']}" if where else str(first["msg"])


async def _refused(request: Request, error: RefusedError) -> JSONResponse:
    is_kept = error.status != 408 and await drain(request)  # who was too slow is not waited for again
    headers = {} if is_kept else {"Connection": "close"}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return _failure(error.status, error.line, headers)


async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    headers = {} if await drain(request) else {"Connection": "close"}
    return _failure(422, first_line(error.errors()), headers)


async def _not_found(request: Request, error: HTTPException) -> JSONResponse:
    headers = dict(error.headers or {})
    line = _NOTHING if error.status_code == 404 else str(error.detail)
    if error.status_code == 405:
        url, base = request.url.replace(query=""), request.base_url
        use = _USES.get(request.url.path, f"use {headers.get('allow') or headers.get('Allow')}")
        line = f"wrong method {request.method[:20]}; {use.format(url=url, base=base)}"
    return _failure(error.status_code, line, headers)


async def _failed(_: Request, error: Exception) -> JSONResponse:
    return _failure(500, "internal server error; see the server's log", {})


def _failure(status: int, line: str, headers: dict[str, str]) -> JSONResponse:
    return JSONResponse(Failure(error=_printable(line)).model_dump(), status, headers)


def _printable(line: str) -> str:
    """The line, of which a client may have sent parts, without breaks and control signs."""
    return "".join(sign if sign.isprintable() else "?" for sign in line)
