"""The body of a batch: read, and described, by hand, as it is counted before it is parsed."""

from __future__ import annotations

import codecs
from typing import Any

from fastapi import FastAPI
from pydantic import ValidationError

from strongpose.exceptions import RefusedError
from strongpose.serve.answers import Batch
from strongpose.serve.failures import first_line

__all__ = ["BODY", "describe_body", "read_batch"]

BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Batch"}}},
    }
}
"""What a route that takes a batch says of its body; `describe_body` adds what it points at."""

_MARKS_PER_PHOTO = 300
"""Brackets and commas, those in its name among them; a few megabytes of others would parse to gigabytes."""


def read_batch(body: bytes, most: int) -> Batch:
    """The photos in the body of a request.

    Args:
        body: JSON in UTF-8.
        most: photos that are taken.

    Raises:
        RefusedError: 413 if there are too many photos or values, 422 if it is something else.
    """
    if sum(body.count(mark) for mark in (b"[", b"{", b",")) > _MARKS_PER_PHOTO * most:
        raise RefusedError(413, f"the JSON has too many values for the {most} photos that are taken")
    try:
        sent = Batch.model_validate_json(body.removeprefix(codecs.BOM_UTF8))
    except ValidationError as error:
        raise RefusedError(422, first_line(error.errors(include_url=False))) from error
    if len(sent.photos) > most:
        raise RefusedError(413, f"{len(sent.photos)} photos are more than the {most} that are taken")
    return sent


def describe_body(app: FastAPI, most: int) -> None:
    """Add the shape of a batch of so many photos to the API's description."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        schema = describe()
        shape = Batch.model_json_schema(ref_template="#/components/schemas/{model}")
        shape["properties"]["photos"]["maxItems"] = most
        schema["components"]["schemas"].update({**shape.pop("$defs"), "Batch": shape})
        return schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's way to extend the description
