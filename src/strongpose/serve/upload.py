"""Reading the body of a request, checked while it arrives."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from strongpose.serve.limits import Limits, RefusedError

__all__ = ["check_content_type", "disconnection", "drain", "read_body"]

_DRAIN_SECONDS = 3.0


def check_content_type(request: Request, expected: tuple[str, ...]) -> None:
    """Refuse a body of another kind.

    Raises:
        RefusedError: 415, and what was expected.
    """
    got = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if got not in expected:
        wanted = " or ".join(expected)
        raise RefusedError(415, f"expected a body with content type {wanted}, got {got[:80] or 'none'}")


async def read_body(request: Request, limits: Limits) -> bytes:
    """The body of a request.

    Raises:
        RefusedError: 413 as soon as there are too many bytes, 408 if it takes too long, 422 if there is none,
            499 if the client hangs up.
    """
    too_much = RefusedError(413, f"the body has more than the {limits.max_bytes / 1e6:g} MB that are taken")
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > limits.max_bytes:
        raise too_much
    body = bytearray()
    try:
        async with asyncio.timeout(limits.upload_seconds):
            async for part in request.stream():
                body += part
                if len(body) > limits.max_bytes:
                    raise too_much
    except TimeoutError as error:
        request.state.is_heard = True
        raise RefusedError(
            408, f"the body did not arrive within {limits.upload_seconds:g} seconds; send a smaller photo"
        ) from error
    except ClientDisconnect as error:
        raise RefusedError(499, "the client hung up") from error
    request.state.is_heard = True
    if not body:
        raise RefusedError(422, "the body is empty; send a photo")
    return bytes(body)


async def drain(request: Request) -> None:
    """Throw away what still comes of a body that was refused: a client that is sending would not see the answer.

    What comes after some seconds meets a closed connection.
    """
    if getattr(request.state, "is_heard", False):
        return
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while (await request.receive()).get("more_body", False):
                pass
    except TimeoutError:
        return


async def disconnection(request: Request) -> None:
    """Returns when the client, whose body was read, hangs up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
