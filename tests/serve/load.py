"""Many clients at once, each of which knows the answer to its own photo."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from PIL import Image
from starting import Server

from strongpose.inference import StrongPose
from strongpose.poses import Poses

_PATIENCE = 60.0
"""Seconds after which an answer that has not come is taken for lost."""


@dataclass(frozen=True)
class Question:
    """A photo and the people in it.

    Attributes:
        data: of a JPEG file.
        size: its width and height in pixels.
        poses: what `StrongPose` finds.
    """

    data: bytes
    size: tuple[int, int]
    poses: Poses

    def is_answered_by(self, answer: dict) -> bool:
        """Whether the API's answer is about this photo: the same people at the same pixels."""
        people = answer["people"]
        if (answer["width"], answer["height"]) != self.size or len(people) != len(self.poses):
            return False
        found = np.array([list(person["keypoints"].values()) for person in people]).reshape(self.poses.keypoints.shape)
        return bool(np.allclose(found, self.poses.keypoints, atol=0.01))


@dataclass
class Tally:
    """What became of the requests.

    Attributes:
        seconds: of every request, by status.
        wrong: what must not be, one line each.
        measured: at times: seconds since the start, requests in the server's queue, uploads, memory in MB, open files.
    """

    seconds: defaultdict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)
    measured: list[tuple[float, int, int, float, int]] = field(default_factory=list)
    health: list[float] = field(default_factory=list)


def questions(photos: Path, estimator: StrongPose, count: int) -> list[Question]:
    """Windows of the sample photos whose answers differ: in people, or by pixels."""
    found: list[Question] = []
    images = [Image.open(photos / name).convert("RGB") for name in ("group.jpg", "astronaut.jpg", "grace_hopper.jpg")]
    for number in range(1000):
        image = images[number % len(images)]
        cut = 7 * (number // len(images))  # at the left and at the top
        file = io.BytesIO()
        image.crop((cut, cut // 2, image.width, image.height)).save(file, "JPEG", quality=90)
        poses = estimator(file.getvalue())
        question = Question(file.getvalue(), (image.width - cut, image.height - cut // 2), poses)
        if len(question.poses):
            found.append(question)
        if len(found) == count:
            return found
    raise ValueError(f"no {count} photos with people")


async def load(server: Server, asked: Sequence[Question], clients: int, seconds: float, pause: float | None) -> Tally:
    """Let clients ask, each its own question over and over on a connection that is kept open.

    Args:
        server: to be asked.
        asked: questions; a client takes the one of its number.
        clients: how many.
        seconds: after which no more requests are begun.
        pause: seconds to wait after a refusal; None waits as long as the server says.
    """
    tally = Tally()
    start = time.monotonic()
    end = start + seconds
    looking = asyncio.create_task(_look(server, tally, start))
    await asyncio.gather(
        *(_client(server.url, asked[number % len(asked)], end, pause, tally) for number in range(clients))
    )
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    return tally


class Connection:
    """To a server; opened again where it was closed after an answer."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        """Status, headers with small letters, and body of the answer."""
        reader, writer = self._streams or await asyncio.open_connection(self._host, self._port)
        self._streams = reader, writer
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Content-Type: image/jpeg\r\n\r\n".encode() + body)
        await writer.drain()
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        answer = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            self.close()
        return int(first.split()[1]), headers, answer

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _client(url: str, question: Question, end: float, pause: float | None, tally: Tally) -> None:
    connection = Connection(url)
    try:
        while time.monotonic() < end:
            start = time.monotonic()
            try:
                async with asyncio.timeout(_PATIENCE):
                    status, headers, answer = await connection.ask("POST", "/api/poses", question.data)
            except (OSError, EOFError, TimeoutError) as error:
                tally.wrong.append(f"an answer was lost after {time.monotonic() - start:.1f} s: {error!r}")
                connection.close()
                continue
            tally.seconds[status].append(time.monotonic() - start)
            if status == 200:
                if not question.is_answered_by(json.loads(answer)):
                    tally.wrong.append("an answer of another photo, or another answer than the API's")
            elif status in (429, 503):
                await asyncio.sleep(float(headers.get("retry-after", 1)) if pause is None else pause)
            else:
                tally.wrong.append(f"status {status}: {answer[:200]!r}")
    finally:
        connection.close()


async def _look(server: Server, tally: Tally, start: float) -> None:
    """Write down how the server is, twice a second."""
    connection = Connection(server.url)
    try:
        while True:
            before = time.monotonic()
            try:
                status, _, answer = await connection.ask("GET", "/api/health")
            except (OSError, EOFError) as error:
                tally.wrong.append(f"no answer about health: {error!r}")
                connection.close()
            else:
                now = time.monotonic()
                tally.health.append(now - before)
                if status == 200:
                    health = json.loads(answer)
                    waiting, uploading = health["waiting"], health.get("uploading", 0)
                    tally.measured.append((now - start, waiting, uploading, server.memory(), server.open_files()))
                else:
                    tally.wrong.append(f"status {status} of health")
            await asyncio.sleep(0.5)
    finally:
        connection.close()
