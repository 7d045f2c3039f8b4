"""The routes of the HTTP API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import PlainTextResponse

from strongpose.exceptions import ModelError, RefusedError
from strongpose.inference import StrongPose
from strongpose.serve.answers import BatchAnswer, Health, Model, Photos, Result, describe_model, describe_photo
from strongpose.serve.batch import BODY, read_batch
from strongpose.serve.failures import FAILURES
from strongpose.serve.finding import Found, find_people
from strongpose.serve.form import FORM_TYPE, read_form
from strongpose.serve.layers import LAYERS, LayerName
from strongpose.serve.limits import CONTENT_TYPES, Limits
from strongpose.serve.metrics import CONTENT_TYPE, Metrics
from strongpose.serve.picture import PICTURE_TYPES, PictureType, draw_picture, wanted_picture
from strongpose.serve.query import check_query
from strongpose.serve.queue import Queue
from strongpose.serve.upload import Uploads, check_content_type, decode_base64, disconnection

__all__ = ["Api"]

_FILE = {"type": "string", "format": "binary"}
_FORM = {"type": "object", "properties": {"photo": _FILE}, "required": ["photo"], "additionalProperties": False}
_PHOTO_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            **{kind: {"schema": _FILE} for kind in CONTENT_TYPES},
            FORM_TYPE: {"schema": _FORM},
        },
    }
}
_PICTURES: dict[int | str, dict[str, Any]] = {200: {"content": {kind: {"schema": _FILE} for kind in PICTURE_TYPES}}}

_NAME = f"({'|'.join(LAYERS)})"
Layers = Annotated[
    str,
    Query(
        description=f"Maps to send along, with commas: {','.join(LAYERS)}.",
        json_schema_extra={"pattern": f"^({_NAME}(,{_NAME})*)?$"},
    ),
]
Threshold = Annotated[
    float | None, Query(description="People with a lower score are left out; the server's own if missing.", ge=0, le=1)
]
Drawn = Annotated[
    bool,
    Query(
        description="Answer with the photo and the poses drawn on it: a PNG file if the header Accept names image/png "
        "and not image/jpeg, else a JPEG file. An Accept that takes such files and no JSON asks for it, too."
    ),
]


class Api:
    """Answers requests; one method for each route, without a docstring, which FastAPI would show to clients.

    Args:
        estimator: finds the people; used by one thread at a time. Its threshold holds for requests without one.
        name: what answers call its model.
        limits: what is taken.
        queue: in front of the estimator.
        uploads: bodies that arrive.
        metrics: where photos are counted.
    """

    def __init__(
        self, estimator: StrongPose, name: str, limits: Limits, queue: Queue, uploads: Uploads, metrics: Metrics
    ) -> None:
        self._estimator = estimator.with_threshold(0)  # clients choose
        self._threshold = estimator.threshold
        self._name = name
        self._limits = limits
        self._queue = queue
        self._uploads = uploads
        self._metrics = metrics

    def add_routes(self, app: FastAPI) -> None:
        """Let the application answer by the methods below."""
        app.post(
            "/api/poses",
            summary="The people in a photo",
            responses={**_PICTURES, **FAILURES},
            response_model=Result,
            openapi_extra=_PHOTO_BODY,
            response_model_exclude_none=True,
        )(self.poses)
        app.post(
            "/api/batch",
            summary="The people in several photos, each with its own status",
            responses=FAILURES,
            openapi_extra=BODY,
            response_model_exclude_none=True,
        )(self.batch)
        app.get("/api/health", summary="Whether the server works")(self.health)
        app.get("/api/model", summary="What finds the people, and what the server takes")(self.model)
        app.get("/api/metrics", summary="Counters in Prometheus' text format", response_class=PlainTextResponse)(
            self.show_metrics
        )

    async def poses(  # noqa: D102
        self, request: Request, threshold: Threshold = None, layers: Layers = "", picture: Drawn = False
    ) -> Result | Response:
        check_query(request, ("threshold", "layers", "picture"))
        kind = check_content_type(request, (*CONTENT_TYPES, FORM_TYPE))
        chosen, drawn = _chosen_layers(layers), wanted_picture(picture, request.headers.get("accept", ""))
        if chosen and drawn:
            raise RefusedError(422, "layers come with JSON, not with a picture; leave one of the two out")
        self._queue.check_room()
        name, data = "", await self._uploads.read(request)
        if kind == FORM_TYPE:
            name, data = read_form(data, request.headers["content-type"])
        with self._queue.place():
            if drawn:
                return Response(await self._draw(request, data, self._least(threshold), drawn), media_type=drawn)
            return await self._find(request, data, name, self._least(threshold), chosen)

    async def batch(self, request: Request, threshold: Threshold = None) -> Photos:  # noqa: D102
        check_query(request, ("threshold",))
        check_content_type(request, ("application/json",))
        self._queue.check_room()
        body = await self._uploads.read(request)
        with self._queue.place():
            sent = read_batch(body, self._limits.max_batch)
            del body
            answers = []
            for photo in sent.photos:  # others' photos may come in between
                try:
                    found = await self._find(request, decode_base64(photo.data), photo.name, self._least(threshold), ())
                    answers.append(BatchAnswer(name=photo.name, status=200, result=found))
                except RefusedError as error:
                    if error.status == 499:
                        raise
                    answers.append(BatchAnswer(name=photo.name, status=error.status, error=error.line))
            return Photos(photos=answers)

    async def health(self) -> Health:  # noqa: D102
        return Health(waiting=self._queue.length, uploading=self._uploads.count)

    async def model(self) -> Model:  # noqa: D102
        return describe_model(self._estimator, self._name, self._threshold, self._limits)

    async def show_metrics(self) -> PlainTextResponse:  # noqa: D102
        return PlainTextResponse(self._metrics.text(), media_type=CONTENT_TYPE)

    async def _find(
        self, request: Request, data: bytes, photo: str, threshold: float, layers: Sequence[LayerName]
    ) -> Result:
        """Work on one photo, unless the client hangs up before its turn."""
        found = await self._queue.run(lambda: self._look(data), disconnection(request))
        answer = describe_photo(found, photo, self._name, threshold, layers)
        self._metrics.count_photo(len(answer.people), found.seconds)
        return answer

    async def _draw(self, request: Request, data: bytes, threshold: float, kind: PictureType) -> bytes:
        """Work on one photo, and draw it, unless the client hangs up before its turn."""

        def work() -> tuple[Found, bytes]:
            found = self._look(data)
            return found, draw_picture(found, threshold, kind)

        found, drawn = await self._queue.run(work, disconnection(request))
        self._metrics.count_photo(int((found.poses.scores >= threshold).sum()), found.seconds)
        return drawn

    def _least(self, threshold: float | None) -> float:
        """The threshold of a request, the server's own where it has none."""
        return self._threshold if threshold is None else threshold

    def _look(self, data: bytes) -> Found:
        try:
            return find_people(self._estimator, data, self._limits)
        except ModelError as error:  # too little memory for the photo, above all
            raise RefusedError(500, str(error)) from error


def _chosen_layers(text: str) -> tuple[LayerName, ...]:
    """The layers in a list with commas."""
    wanted = set(text.split(",")) if text else set()
    for unknown in sorted(wanted - set(LAYERS)):
        raise RefusedError(422, f"layers must be among {', '.join(LAYERS)}, got {unknown[:80] or 'an empty name'}")
    return tuple(layer for layer in LAYERS if layer in wanted)
