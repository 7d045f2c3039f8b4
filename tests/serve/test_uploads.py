"""Bodies that arrive slowly hold nobody's place, and bodies together are bounded."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from contextlib import ExitStack

import pytest
from asking import finish
from gate import Gate
from sockets import Upload, connect, head, status_of, until_closed
from starlette.requests import Request

from strongpose.exceptions import RefusedError
from strongpose.serve import Limits
from strongpose.serve.upload import Uploads


@pytest.fixture
def photo(photos) -> bytes:
    return (photos / "astronaut.jpg").read_bytes()


def wait_for(client, **expected: int) -> None:
    end = time.monotonic() + 60
    while True:
        health = client("GET", "/api/health").json
        if expected.items() <= health.items():
            return
        assert time.monotonic() < end, health
        time.sleep(0.01)


def test_slow_senders_hold_nobodys_place(serving, photo):
    with serving(Limits(max_waiting=0)) as client, ExitStack() as slow:
        uploads = [slow.enter_context(Upload(client, photo, 100 * number)) for number in range(1, 31)]
        wait_for(client, uploading=30, waiting=0)
        for _ in range(3):
            assert client.post("/api/poses", photo).status == 200
        uploads[0].send_rest()
        uploads[0].connection.sock.settimeout(60)
        assert finish(uploads[0].connection).status in (200, 415)
        wait_for(client, uploading=29, waiting=0)
        slow.close()
        wait_for(client, uploading=0)
        assert "strongpose_uploads 0.0\n" in client("GET", "/api/metrics").body.decode()


def test_the_body_that_arrives_for_longest_gives_way(serving, photo):
    junk = bytes(90_000)
    with serving(Limits(max_bytes=100_000, max_waiting=1)) as client:  # room for 200,000 bytes of bodies
        with Upload(client, junk, 80_000, 90_001) as first, Upload(client, junk, 80_000) as second:
            wait_for(client, uploading=2)
            assert client.post("/api/poses", photo).status == 200
            answer = finish(first.connection)
            assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
            assert "too many photos arrive at once" in answer.error
            second.send_rest()
            assert "not a JPEG, PNG or WebP photo" in finish(second.connection).error


def test_a_full_queue_says_when_to_come_back(serving, estimator, photo):
    gate = Gate(estimator)
    batch = json.dumps({"photos": [{"data": base64.b64encode(photo).decode()}]})
    with serving(Limits(max_waiting=1), estimator=gate) as client, ExitStack() as stack:
        stack.callback(gate.open)
        waiting = [stack.enter_context(Upload(client, photo, len(photo))) for _ in range(2)]
        wait_for(client, waiting=2)
        connection = client.connect()
        for path, body, kind in (("/api/poses", photo, "image/jpeg"), ("/api/batch", batch, "application/json")):
            connection.request("POST", path, body, {"Content-Type": kind})
            answer = finish(connection)
            assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
            assert "2 requests are in progress" in answer.error
            assert "Connection" not in answer.headers  # the next one comes on the same
        waiting[1].connection.close()  # who hangs up leaves the queue
        wait_for(client, waiting=1)
        gate.open()
        assert finish(waiting[0].connection).status == 200
        connection.request("POST", "/api/poses", photo, {"Content-Type": "image/jpeg"})
        assert finish(connection).status == 200
        metrics = client("GET", "/api/metrics").body.decode()
        assert 'route="/api/poses",status="499"} 1.0' in metrics
        assert 'status="500"' not in metrics


def test_an_upload_for_which_there_is_no_place_at_its_end_is_refused(serving, estimator, photo):
    gate = Gate(estimator)
    with serving(Limits(max_waiting=0), estimator=gate) as client, Upload(client, photo, 1000) as late:
        wait_for(client, uploading=1)
        with Upload(client, photo, len(photo)) as quick:
            wait_for(client, waiting=1)
            late.send_rest()
            answer = finish(late.connection)
            assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
            assert answer.error == "1 request is in progress; try again"
            gate.open()
            assert finish(quick.connection).status == 200


def test_who_asks_before_sending_is_not_asked_for_what_is_refused(serving, estimator, photo):
    gate = Gate(estimator)
    lines = ("Content-Type: image/jpeg", f"Content-Length: {len(photo)}", "Expect: 100-continue")
    with serving(Limits(max_waiting=0), estimator=gate) as client:
        with Upload(client, photo, len(photo)) as first:
            wait_for(client, waiting=1)
            with connect(client) as asking:
                asking.sendall(head("POST", "/api/poses", *lines))
                assert status_of(until_closed(asking)) == 429
            gate.open()
            assert finish(first.connection).status == 200
        with connect(client) as asking:
            asking.sendall(head("POST", "/api/poses", *lines, "Connection: close"))
            assert status_of(asking.recv(1000)) == 100
            asking.sendall(photo)
            assert status_of(until_closed(asking)) == 200


def test_a_body_that_does_not_arrive_times_out(serving, photo):
    with serving(Limits(upload_seconds=0.3)) as client:
        with Upload(client, photo, 4) as slow:
            start = time.monotonic()
            answer = finish(slow.connection)
            assert answer.status == 408
            assert "0.3 seconds" in answer.error
            assert time.monotonic() - start < 30
        assert client.post("/api/poses", photo).status == 200


def test_a_body_that_gives_way_at_the_moment_its_time_is_up():
    """Just before its reader is told: neither upload may see an error of the other's."""

    async def main():
        uploads = Uploads(Limits(max_bytes=100, max_waiting=0, upload_seconds=1))

        def request(*steps) -> Request:
            left = iter(steps)

            async def receive():
                return await next(left)()

            return Request({"type": "http", "method": "POST", "headers": []}, receive)

        async def part():
            return {"type": "http.request", "body": bytes(80), "more_body": True}

        async def never():
            await asyncio.Event().wait()

        async def part_when_the_time_of_the_other_is_up():
            time.sleep(0.6)  # nothing else runs meanwhile
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return {"type": "http.request", "body": bytes(80), "more_body": False}

        first = asyncio.create_task(uploads.read(request(part, never)))
        await asyncio.sleep(0.6)
        second = asyncio.create_task(uploads.read(request(part_when_the_time_of_the_other_is_up)))
        return await asyncio.gather(first, second, return_exceptions=True)

    first, second = asyncio.run(main())
    assert isinstance(first, RefusedError) and first.status == 408
    assert second == bytes(80) or (isinstance(second, RefusedError) and second.status == 408)


def test_many_large_bodies_at_once_are_answered_one_and_all(serving):
    """More bytes than there is room for: everybody gets an answer, and whoever gave way may try again."""
    junk = bytes(400_000)
    statuses: list[int] = []
    with serving(Limits(max_bytes=400_000, max_waiting=0)) as client:

        def send() -> None:
            status = 429
            while status == 429:
                status = client.post("/api/poses", junk).status
            statuses.append(status)

        senders = [threading.Thread(target=send) for _ in range(20)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(60)
        assert statuses == [422] * 20
        wait_for(client, uploading=0, waiting=0)
