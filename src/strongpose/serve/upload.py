"""Reading the bodies of requests, checked while they arrive, and photos written as text in them."""

from __future__ import annotations

import asyncio
import base64
import binascii
from dataclasses import dataclass, field
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request

from strongpose.exceptions import RefusedError
from strongpose.serve.form import FORM_TYPE
from strongpose.serve.limits import OLD_TYPES, Limits

__all__ = ["Uploads", "check_content_type", "decode_base64", "disconnection", "drain"]

_DRAIN_SECONDS = 3.0
_FROM_ADDRESSES = str.maketrans("-_", "+/")


def check_content_type(request: Request, expected: tuple[str, ...]) -> str:
    """The kind of a body, which is refused if it is another one.

    Raises:
        RefusedError: 415, and what was expected.
    """
    got = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    kind = OLD_TYPES.get(got, got)
    if kind not in expected:
        wanted = " or ".join(expected)
        hint = "; curl -F photo=@photo.jpg sends a form" if FORM_TYPE in expected else ""
        raise RefusedError(415, f"expected a body with content type {wanted}, got {got[:80] or 'none'}{hint}")
    return kind


def decode_base64(text: str) -> bytes:
    """The bytes that a text stands for, in any of the usual forms of base64.

    It may be the one for addresses (- and _ in the place of + and /), broken into lines, without the = at its end, and
    a data URL.

    Raises:
        RefusedError: 422 if it is none of these.
    """
    if text[:5].lower() == "data:":
        head, _, text = text.partition(",")
        if not head.lower().endswith(";base64"):
            raise RefusedError(422, "'data' is a data URL that is not in base64")
        text = unquote(text)
    signs = "".join(text.split()).rstrip("=").translate(_FROM_ADDRESSES)
    try:
        return base64.b64decode(signs + "=" * (-len(signs) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefusedError(422, "'data' is not base64") from error


@dataclass(eq=False)
class _Upload:
    """A body that arrives.

    Attributes:
        patience: ends its reading.
        body: what is there of it.
        gave_way: whether others needed the room.
    """

    patience: asyncio.Timeout
    body: bytearray = field(default_factory=bytearray)
    gave_way: bool = False


class Uploads:
    """The bodies that arrive, which together take no more memory than those of a full queue may.

    A slow sender holds what it has sent, and nobody's place. If there is no room for what others send, the body that
    began to arrive first gives way.

    Args:
        limits: on bytes and seconds.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._room = limits.max_bytes * (limits.max_waiting + 1)
        self._arriving: list[_Upload] = []

    @property
    def count(self) -> int:
        """How many bodies arrive at the moment."""
        return len(self._arriving)

    async def read(self, request: Request) -> bytes:
        """The body of a request.

        Raises:
            RefusedError: 413 as soon as there are too many bytes, 408 if it takes too long, 422 if there is none,
                429 if it gave way to others, 499 if the client hangs up.
        """
        limits = self._limits
        too_much = RefusedError(413, f"the body has more than the {limits.max_bytes / 1e6:g} MB that are taken")
        length = request.headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > limits.max_bytes:
            raise too_much
        upload = _Upload(asyncio.timeout(limits.upload_seconds))
        self._arriving.append(upload)
        request.state.is_invited = True
        try:
            async with upload.patience:
                async for part in request.stream():
                    upload.body += part
                    if len(upload.body) > limits.max_bytes:
                        raise too_much
                    self._make_room()
        except TimeoutError as error:
            if upload.gave_way:
                line = "too many photos arrive at once, and this one for longest; try again"
                raise RefusedError(429, line, retry_after=1) from error
            raise RefusedError(
                408, f"the body did not arrive within {limits.upload_seconds:g} seconds; send a smaller photo"
            ) from error
        except ClientDisconnect as error:
            raise RefusedError(499, "the client hung up") from error
        finally:
            if upload in self._arriving:
                self._arriving.remove(upload)
        request.state.is_heard = True
        if not upload.body:
            raise RefusedError(422, "the body is empty; send a photo")
        return bytes(upload.body)

    def _make_room(self) -> None:
        while sum(len(upload.body) for upload in self._arriving) > self._room:
            first = self._arriving.pop(0)
            if not first.patience.expired():
                first.gave_way = True
                first.patience.reschedule(asyncio.get_running_loop().time())


async def drain(request: Request) -> bool:
    """Throw away what still comes of a body that was refused: a client that is sending would not see the answer.

    What comes after some seconds meets a closed connection. A client that waits to be asked for its body is not asked.

    Returns:
        Whether the end of the body was seen, so that the connection can be used for another request.
    """
    if getattr(request.state, "is_heard", False):
        return True
    if "expect" in request.headers and not getattr(request.state, "is_invited", False):
        return False
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while (await request.receive()).get("more_body", False):
                pass
    except TimeoutError:
        return False
    return True


async def disconnection(request: Request) -> None:
    """Returns when the client, whose body was read, hangs up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
