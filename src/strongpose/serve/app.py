"""The HTTP API and the page, as an ASGI application."""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from importlib import resources
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from strongpose import __version__
from strongpose.exceptions import RefusedError
from strongpose.inference import StrongPose
from strongpose.serve.answers import (
    Batch,
    BatchAnswer,
    Failure,
    Health,
    Model,
    Photo,
    Photos,
    describe_model,
    describe_photo,
)
from strongpose.serve.finding import find_people
from strongpose.serve.guard import Guard
from strongpose.serve.layers import LAYERS, LayerName
from strongpose.serve.limits import CONTENT_TYPES, Limits
from strongpose.serve.metrics import Metrics
from strongpose.serve.queue import Queue
from strongpose.serve.upload import Uploads, check_content_type, decode_base64, disconnection, drain

__all__ = ["create_app"]

_PAGE_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_LINES = {404: "there is nothing at this path; the API is described at /openapi.json", 405: "wrong method"}
_MARKS_PER_PHOTO = 300
"""Brackets and commas, those in its name among them; a few megabytes of others would parse to gigabytes."""
_FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"model": Failure, "description": description}
    for status, description in (
        (400, "No HTTP, or a body with two lengths"),
        (403, "Sent by a page of another site"),
        (408, "The body did not arrive in time"),
        (413, "Too many bytes, pixels, frames or photos"),
        (415, "Not a content type that is taken"),
        (421, "Not a name of this server"),
        (422, "Not a photo, or damaged"),
        (429, "Too many requests are under way, or bodies arriving; Retry-After says when to come back"),
        (431, "More than 16 KB of headers"),
    )
}
_PHOTO_BODY = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in CONTENT_TYPES},
    }
}

_NAME = f"({'|'.join(LAYERS)})"
Layers = Annotated[
    str,
    Query(
        description=f"Maps to send along, with commas: {','.join(LAYERS)}.",
        json_schema_extra={"pattern": f"^({_NAME}(,{_NAME})*)?$"},
    ),
]
Threshold = Annotated[float, Query(description="People with a lower score are left out.", ge=0, le=1)]


def create_app(estimator: StrongPose, name: str, limits: Limits | None = None, hosts: Collection[str] = ()) -> Guard:
    """An ASGI application that looks at photos.

    Args:
        estimator: finds the people; used by one thread at a time.
        name: what answers call its model.
        limits: what is taken; left out, the defaults.
        hosts: names, besides localhost, by which clients may call the server; addresses always work.
    """
    limits = limits or Limits()
    queue, uploads, metrics, page = Queue(limits.max_waiting), Uploads(limits), Metrics(), _read_page()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        queue.close()

    app = FastAPI(
        title="StrongPose",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )

    async def find(request: Request, data: bytes, threshold: float, layers: tuple[LayerName, ...]) -> Photo:
        """Work on one photo, unless the client hangs up before its turn."""
        found = await queue.run(lambda: find_people(estimator, data, limits), disconnection(request))
        answer = describe_photo(found, name, threshold, layers)
        metrics.count_photo(len(answer.people), found.seconds)
        return answer

    @app.post(
        "/api/poses",
        summary="The people in a photo",
        responses=_FAILURES,
        openapi_extra=_PHOTO_BODY,
        response_model_exclude_none=True,
    )
    async def poses(
        request: Request,
        threshold: Threshold = 0.25,
        layers: Layers = "",
    ) -> Photo:
        check_content_type(request, CONTENT_TYPES)
        chosen = _chosen_layers(layers)
        queue.check_room()
        data = await uploads.read(request)
        with queue.place():
            return await find(request, data, threshold, chosen)

    @app.post(
        "/api/batch",
        summary="The people in several photos, each with its own status",
        responses=_FAILURES,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Batch"}}},
            }
        },
        response_model_exclude_none=True,
    )
    async def batch(request: Request, threshold: Threshold = 0.25) -> Photos:
        check_content_type(request, ("application/json",))
        queue.check_room()
        body = await uploads.read(request)
        with queue.place():
            sent = _read_batch(body, limits)
            del body
            answers = []
            for photo in sent.photos:  # others' photos may come in between
                try:
                    found = await find(request, decode_base64(photo.data), threshold, ())
                    answers.append(BatchAnswer(name=photo.name, status=200, photo=found))
                except RefusedError as error:
                    if error.status == 499:
                        raise
                    answers.append(BatchAnswer(name=photo.name, status=error.status, error=error.line))
            return Photos(photos=answers)

    @app.get("/api/health", summary="Whether the server works")
    async def health() -> Health:
        return Health(waiting=queue.length, uploading=uploads.count)

    @app.get("/api/model", summary="What finds the people, and what the server takes")
    async def model() -> Model:
        return describe_model(estimator, name, limits)

    @app.get("/api/metrics", summary="Counters in Prometheus' text format", response_class=PlainTextResponse)
    async def show_metrics() -> PlainTextResponse:
        text = metrics.text(queue.length, queue.room, uploads.count)
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    for path, (content, kind) in page.items():
        app.add_api_route(path, _sender(content, kind), methods=["GET", "HEAD"], include_in_schema=False)

    @app.exception_handler(RefusedError)
    async def refuse(request: Request, error: RefusedError) -> JSONResponse:
        is_kept = error.status != 408 and await drain(request)  # who was too slow is not waited for again
        headers = {} if is_kept else {"Connection": "close"}
        if error.retry_after is not None:
            headers["Retry-After"] = str(error.retry_after)
        return _failure(error.status, error.line, headers)

    @app.exception_handler(RequestValidationError)
    async def refuse_values(request: Request, error: RequestValidationError) -> JSONResponse:
        headers = {} if await drain(request) else {"Connection": "close"}
        return _failure(422, _first_line(error.errors()), headers)

    @app.exception_handler(HTTPException)
    async def refuse_path(_: Request, error: HTTPException) -> JSONResponse:
        return _failure(error.status_code, _LINES.get(error.status_code, str(error.detail)), dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def fail(_: Request, error: Exception) -> JSONResponse:
        return _failure(500, "the server made a mistake; its log tells more", {})

    routes = [route.path for route in app.routes if hasattr(route, "path")]
    _describe_batch(app, limits.max_batch)
    return Guard(app, metrics, hosts, routes)


def _chosen_layers(text: str) -> tuple[LayerName, ...]:
    """The layers in a list with commas."""
    wanted = set(text.split(",")) if text else set()
    for unknown in sorted(wanted - set(LAYERS)):
        raise RefusedError(422, f"layers must be among {', '.join(LAYERS)}, got {unknown[:80] or 'an empty name'}")
    return tuple(layer for layer in LAYERS if layer in wanted)


def _read_batch(body: bytes, limits: Limits) -> Batch:
    if sum(body.count(mark) for mark in (b"[", b"{", b",")) > _MARKS_PER_PHOTO * limits.max_batch:
        raise RefusedError(413, f"the JSON has too many values for the {limits.max_batch} photos that are taken")
    try:
        sent = Batch.model_validate_json(body.removeprefix(codecs.BOM_UTF8))
    except ValidationError as error:
        raise RefusedError(422, _first_line(error.errors(include_url=False))) from error
    if len(sent.photos) > limits.max_batch:
        raise RefusedError(413, f"{len(sent.photos)} photos are more than the {limits.max_batch} that are taken")
    return sent


def _first_line(errors: Any) -> str:
    """Where the first mistake is, and what it is."""
    first = errors[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("query", "body"))
    return f"{where}: {first['msg']}" if where else str(first["msg"])


def _failure(status: int, line: str, headers: dict[str, str]) -> JSONResponse:
    return JSONResponse(Failure(error=_printable(line)).model_dump(), status, headers)


def _printable(line: str) -> str:
    """The line, of which a client may have sent parts, without breaks and control signs."""
    return "".join(sign if sign.isprintable() else "?" for sign in line)


def _read_page() -> dict[str, tuple[bytes, str]]:
    """Content and type of every file of the page, by path. No other file is ever opened."""
    files = {}
    for file in resources.files("strongpose.serve").joinpath("page").iterdir():
        suffix = file.name[file.name.rfind(".") :]
        if suffix in _PAGE_TYPES:
            files["/" if file.name == "index.html" else f"/{file.name}"] = file.read_bytes(), _PAGE_TYPES[suffix]
    return files


def _sender(content: bytes, kind: str) -> Any:
    async def send() -> Response:
        return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})

    return send


def _describe_batch(app: FastAPI, most: int) -> None:
    """Add the shape of a batch to the API's description: its body is read by hand."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        schema = describe()
        shape = Batch.model_json_schema(ref_template="#/components/schemas/{model}")
        shape["properties"]["photos"]["maxItems"] = most
        schema["components"]["schemas"].update({**shape.pop("$defs"), "Batch": shape})
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
