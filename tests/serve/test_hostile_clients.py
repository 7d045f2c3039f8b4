"""Connections that are held, paths, headers and sites that are not what they seem: refused, and others are served."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack

import pytest
from sockets import Upload, connect, head, status_of, until_closed

from strongpose.serve import Limits

HEALTH = head("GET", "/api/health")


@pytest.mark.parametrize("sent", [b"", b"GET /api/health HTTP/1.1\r\nHost: 127"])
def test_idle_connections_give_way_to_new_ones(serving, sent):
    with serving(Limits(max_connections=20, header_seconds=600)) as client, ExitStack() as idle:
        connections = [idle.enter_context(connect(client)) for _ in range(100)]
        for connection in connections[-20:]:
            connection.sendall(sent)
        for _ in range(5):
            assert client("GET", "/api/health").status == 200
        for connection in connections[:80]:  # the oldest are gone
            assert until_closed(connection) == b""


def test_connections_at_work_do_not_give_way(serving, photos):
    photo = (photos / "astronaut.jpg").read_bytes()
    with serving(Limits(max_connections=3)) as client:
        with Upload(client, photo, 10), Upload(client, photo, 10), Upload(client, photo, 10):
            time.sleep(0.3)  # until they are seen
            answer = client("GET", "/api/health")
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            assert answer.error == "all connections are in use; try again"
        end = time.monotonic() + 30
        while client("GET", "/api/health").status != 200:
            assert time.monotonic() < end


@pytest.mark.parametrize(
    ("first", "drip"),
    [
        (b"", b""),  # nothing at all
        (b"", b"x"),  # a request that never begins to make sense
        (b"GET /api/health HTTP/1.1\r\n", b"X-Slow: 1\r\n"),
        (HEALTH, b""),  # answered, and kept open
        (HEALTH + b"GET /api", b"x"),
        (head("GET", "/api/health", "Content-Length: 100000"), b"x"),  # a body nobody asked for, after the answer
        (head("POST", "/nothing", "Transfer-Encoding: chunked"), b"1\r\nx\r\n"),
    ],
)
def test_who_does_not_come_to_the_point_is_disconnected(serving, first, drip):
    with serving(Limits(header_seconds=0.5)) as client, connect(client) as slow:
        slow.sendall(first)
        slow.settimeout(0.05)
        end = time.monotonic() + 30
        while True:
            assert time.monotonic() < end
            try:
                slow.sendall(drip)
                if not slow.recv(65536):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert client("GET", "/api/health").status == 200


def test_who_takes_no_answers_is_disconnected(serving):
    many = head("GET", "/page.js") * 50
    with serving(Limits(answer_seconds=0.5)) as client, connect(client, receive_buffer=4096) as deaf:
        end = time.monotonic() + 60
        with pytest.raises(ConnectionError):
            while time.monotonic() < end:
                deaf.sendall(many)
        assert client("GET", "/api/health").status == 200


def test_slow_clients_of_every_kind_at_once_do_not_keep_others_waiting(client, photos):
    """Of the server as its users start it."""
    photo = (photos / "astronaut.jpg").read_bytes()
    with ExitStack() as slow:
        for _ in range(60):
            slow.enter_context(connect(client))
            slow.enter_context(connect(client)).sendall(b"POST /api/poses HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            slow.enter_context(Upload(client, photo, 5000))
        for _ in range(5):
            start = time.monotonic()
            assert client.post("/api/poses", photo).status == 200
            assert client("GET", "/api/health").json["uploading"] >= 60
            assert time.monotonic() - start < 20


@pytest.mark.parametrize("size", [30_000, 1_000_000])
@pytest.mark.parametrize("at_once", [True, False])
def test_huge_headers_are_refused(client, size, at_once):
    long = b"X-Long: " + b"a" * size
    with connect(client) as connection:
        try:
            if at_once:
                connection.sendall(HEALTH[:-2] + long + b"\r\n\r\n")
            else:
                connection.sendall(HEALTH[:-2] + long)
                time.sleep(0.2)
                connection.sendall(b"a\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # closed already
        answer = until_closed(connection)
    assert answer[:13] in (b"HTTP/1.1 400 ", b"HTTP/1.1 431 ", b"")
    assert client("GET", "/api/health").status == 200


SMUGGLED = b"GET /api/model HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 4", "Content-Length: 5"),
        ("Content-Length: 4, 5"),
        ("Content-Length: +4"),
        ("Content-Length: -1"),
        ("Content-Length: 0x4"),
        ("Content-Length: 99999999999999999999999"),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
        ("Transfer-Encoding: xchunked"),
        ("Transfer-Encoding: gzip, chunked"),
        ("Transfer-Encoding: chunked, identity"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding : chunked"),
        ("Transfer-Encoding:\x0bchunked"),
        ("X: y\rTransfer-Encoding: chunked"),
        ("Content-Length: 5\n\nGET /api/model HTTP/1.1"),
    ],
    ids=repr,
)
def test_lengths_that_can_be_read_in_two_ways_get_one_answer(client, lines):
    lines = (lines,) if isinstance(lines, str) else lines
    with connect(client) as connection:
        connection.sendall(head("POST", "/api/poses", "Content-Type: image/png", *lines) + b"0\r\n\r\n" + SMUGGLED)
        connection.shutdown(socket.SHUT_WR)
        answer = until_closed(connection)
    assert answer.count(b"HTTP/1.1 ") <= 1, answer
    assert b"Apache-2.0" not in answer  # the answer about the model
    assert answer == b"" or status_of(answer) in (400, 413, 501)


@pytest.mark.parametrize("chunk", [b"-1\r\n", b"5;" + b"a" * 100_000, b"ffffffffffffffffffff\r\n", b"4\r\nabcdX5\r\n"])
def test_damaged_chunks_are_refused(client, chunk):
    lines = ("Content-Type: image/png", "Transfer-Encoding: chunked")
    with connect(client) as connection:
        connection.sendall(head("POST", "/api/poses", *lines) + chunk + b"\r\n0\r\n\r\n" + SMUGGLED)
        connection.shutdown(socket.SHUT_WR)
        answer = until_closed(connection)
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert b"Apache-2.0" not in answer
    assert client("GET", "/api/health").status == 200


@pytest.mark.parametrize(
    "target",
    [
        "/../../../../etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%5c..%5cetc%5cpasswd",
        "/..\\..\\etc\\passwd",
        "//etc/passwd",
        "/etc/passwd",
        "/page.js/../../app.py",
        "/page.js%00.html",
        "/%00",
        "/%ff%fe",
        "/%c0%ae%c0%ae/etc/passwd",
        "/page.js?file=/etc/passwd/../..",
        "/api/poses/../model",
        "/api/model/",
        "/API/MODEL",
        "file:///etc/passwd",
        "http://evil.example/api/model",
        "evil.example:443",
        "*",
        "/" + "a" * 10_000,
        "/api/health#/../../etc/passwd",
    ],
)
def test_paths_lead_to_the_page_and_the_api_only(client, target):
    with connect(client) as connection:
        connection.sendall(head("GET", target, "Connection: close"))
        answer = until_closed(connection)
    if target.startswith("/page.js?"):
        assert status_of(answer) == 200 and b"import" in answer
    else:
        assert status_of(answer) in (400, 404)
    assert b"root:" not in answer and b"from __future__" not in answer and b"Apache-2.0" not in answer


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1@evil.example",
        "evil.example@127.0.0.1",
        "127.0.0.1/evil.example",
        "evil.example#127.0.0.1",
        "127.0.0.1, evil.example",
        "127.0.0.1.",
        "localhost.",
        "[::1",
        "[::1]evil.example",
        "[evil.example]",
        "localhost:80:80",
        "localhost:port",
        "2130706433",
        "0x7f000001",
        "rebind.evil.example:8000",
        "xn--lcalhost-k2a",
    ],
)
def test_hosts_that_only_look_like_this_one_are_refused(client, host):
    for method, path in (("GET", "/"), ("GET", "/api/model"), ("POST", "/api/poses")):
        answer = client(method, path, None, {"Host": host})
        assert answer.status == 421
        assert "Location" not in answer.headers
        assert "--allow-host" in answer.error


def test_headers_of_proxies_change_nothing(client):
    headers = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "Forwarded": "host=evil.example",
        "X-Original-URL": "/api/model",
        "X-HTTP-Method-Override": "POST",
    }
    answer = client("GET", "/api/health", None, headers)
    assert answer.status == 200 and answer.json["status"] == "ok"
    assert b"evil" not in answer.body
    with connect(client) as connection:
        connection.sendall(head("GET", "/", "Host: evil.example"))  # a second one
        assert status_of(until_closed(connection)) == 400


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("path", ["/api/poses", "/api/batch"])
def test_requests_that_forms_of_other_sites_can_send_are_refused(client, path, kind):
    body = b'{"photos": [{"data": ""}]}'
    is_photo_form = path == "/api/poses" and kind.startswith("multipart")  # which is taken, but from nobody below
    assert client.post(path, body, kind).status == (422 if is_photo_form else 415)
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "http://["},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://user@127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ):
        answer = client.post(path, body, kind, **headers)
        assert answer.status == 403
        assert "another site" in answer.error


def test_large_photos_of_other_sites_are_heard_to_the_end(client):
    """Or the sender would see a broken connection instead of the reason."""
    answer = client.post("/api/poses", bytes(5_000_000), "image/png", Origin="http://evil.example")
    assert (answer.status, answer.headers["Connection"]) == (403, "close")


def test_what_a_client_sends_does_not_break_lines(client):
    answer = client.post("/api/poses?layers=a%0D%0AX-Evil:%201%1b[31m", b"x")
    assert answer.error.endswith("got a??X-Evil: 1?[31m")
    assert "X-Evil" not in answer.headers
