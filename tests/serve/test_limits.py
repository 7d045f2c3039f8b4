"""Every limit refuses with its own status and one line, and the server goes on."""

from __future__ import annotations

import io
import json
import socket
import struct
import zlib
from urllib.parse import urlsplit

import pytest
from asking import finish
from PIL import Image

from strongpose.serve import Limits


def png(width: int, height: int) -> bytes:
    data = io.BytesIO()
    Image.new("L", (width, height)).save(data, "PNG")
    return data.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def animation(frames: int) -> bytes:
    data = io.BytesIO()
    pictures = [Image.new("RGB", (16, 16), (8 * i, 0, 0)) for i in range(frames)]
    pictures[0].save(data, "WEBP", save_all=True, append_images=pictures[1:])
    return data.getvalue()


@pytest.mark.parametrize(
    ("body", "kind", "status", "line"),
    [
        (b"x", "image/gif", 415, "image/jpeg or image/png or image/webp or multipart/form-data, got image/gif"),
        (b"x", "", 415, "got none"),
        (b"", "image/jpeg", 422, "the body is empty"),
        (b"no photo", "image/jpeg", 422, "not a JPEG, PNG or WebP photo"),
        (b"GIF89a" + bytes(100), "image/png", 422, "not a JPEG, PNG or WebP photo"),
        (png(300, 200)[:-30], "image/png", 422, "the photo: damaged or cut short"),
    ],
)
def test_what_is_no_photo_is_refused(client, body, kind, status, line):
    answer = client.post("/api/poses", body, kind)
    assert answer.status == status
    assert line in answer.error


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("threshold=2", "threshold: Input should be less than or equal to 1"),
        ("threshold=x", "threshold: Input should be a valid number"),
        ("threshold=nan", "threshold"),
        ("layers=body,", "layers must be among heatmaps, offsets, body, got an empty name"),
        ("layers=body,depth", "layers must be among heatmaps, offsets, body, got depth"),
    ],
)
def test_wrong_options_are_explained(client, query, line):
    answer = client.post(f"/api/poses?{query}", png(30, 20), "image/png")
    assert answer.status == 422
    assert line in answer.error


@pytest.mark.parametrize(
    ("body", "status", "line"),
    [
        (b"{", 422, "Invalid JSON"),
        (b'{"photos": []}', 422, "photos: List should have at least 1 item"),
        (b'{"photos": [{"name": "x"}]}', 422, "photos.0.data: Field required"),
        (json.dumps({"photos": [{"data": ""}] * 17}).encode(), 413, "17 photos are more than the 16 that are taken"),
        (b'{"photos": [' + b"{}," * 100_000 + b"{}]}", 413, "the JSON has too many values for the 16 photos"),
        (b'{"photos": [' + b"1," * 100_000 + b"1]}", 413, "the JSON has too many values"),
        (b"[" * 100_000, 413, "the JSON has too many values"),
        (b'{"photos": ' + b"9" * 100_000 + b"}", 422, "Invalid JSON: number out of range"),
        (b'{"photos": [{"data": "", "name": "\\ud800"}]}', 422, "Invalid JSON"),
        (b'{"photos": [{"data": "\xff"}]}', 422, "Invalid JSON"),
    ],
)
def test_wrong_batches_are_explained(client, body, status, line):
    answer = client.post("/api/batch", body, "application/json")
    assert answer.status == status
    assert line in answer.error
    assert client.post("/api/batch", body, "text/plain").status == 415


def test_pixels_are_limited_before_anything_is_decoded(serving):
    with serving(Limits(max_pixels=60_000)) as client:
        assert client.post("/api/poses", png(300, 200), "image/png").status == 200
        answer = client.post("/api/poses", png(301, 200), "image/png")
        assert answer.status == 413
        assert answer.error == "the photo has 301×200 pixels, more than the 0.06 megapixels that are taken"
        for side in (8_000, 100_000):  # headers of pictures whose pixels never come: they are not looked for
            header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
            bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100)))
            answer = client.post("/api/poses", bomb, "image/png")
            assert answer.status == 413
            assert "megapixels" in answer.error


def test_frames_are_limited(serving):
    with serving(Limits(max_frames=3)) as client:
        assert client.post("/api/poses", animation(3), "image/webp").status == 200
        answer = client.post("/api/poses", animation(4), "image/webp")
        assert answer.status == 413
        assert "4 frames" in answer.error


def test_bytes_are_limited_as_announced_and_as_they_arrive(serving):
    photo = png(30, 20)
    with serving(Limits(max_bytes=1000)) as client:
        assert client.post("/api/poses", photo + bytes(1000 - len(photo)), "image/png").status == 200
        answer = client.post("/api/poses", photo + bytes(1001 - len(photo)), "image/png")
        assert answer.status == 413
        assert "0.001 MB" in answer.error
        # without a length, and without an end: refused after the first bytes too many
        connection = client.connect()
        connection.putrequest("POST", "/api/poses")
        connection.putheader("Content-Type", "image/png")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        for _ in range(2):
            connection.send(b"258\r\n" + bytes(600) + b"\r\n")
        answer = finish(connection)
        assert answer.status == 413
        assert answer.headers["Connection"] == "close"
        answer = client.post("/api/batch", b"{" + bytes(1000), "application/json")
        assert answer.status == 413
        # who sends on and on before listening gets the answer all the same
        assert client.post("/api/poses", bytes(30_000_000)).status == 413


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil.example:8000", "127.0.0.1.nip.io", ""]
)
def test_names_that_are_not_the_servers_are_refused(client, host):
    for method, path in (("GET", "/"), ("GET", "/api/model"), ("POST", "/api/poses")):
        answer = client(method, path, None, {"Host": host})
        assert answer.status in (421, 400)
        assert "Content-Security-Policy" in answer.headers or not host


def test_the_servers_own_names_and_addresses_are_served(serving):
    with serving(hosts=("Poses.example",)) as client:
        for host in ("localhost", "LOCALHOST:9", "127.0.0.1:80", "[::1]:8000", "192.168.1.20", "poses.example:443"):
            assert client("GET", "/api/health", None, {"Host": host}).status == 200, host
        assert client("GET", "/api/health", None, {"Host": "other.example"}).status == 421


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({}, 200),
    ],
)
def test_pages_of_other_sites_cannot_send_photos(client, headers, status):
    answer = client("POST", "/api/poses", png(30, 20), {"Content-Type": "image/png", **headers})
    assert answer.status == status
    if status == 403:
        assert "another site" in answer.error
        preflight = client("OPTIONS", "/api/poses", None, {**headers, "Access-Control-Request-Method": "POST"})
        assert preflight.status == 403
        assert "Access-Control-Allow-Origin" not in preflight.headers


def test_the_servers_own_page_can(client):
    origin = client.url.rstrip("/")
    answer = client("POST", "/api/poses", png(30, 20), {"Content-Type": "image/png", "Origin": origin})
    assert answer.status == 200


def test_what_is_not_http_is_answered_and_dropped(client):
    parts = urlsplit(client.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        connection.sendall(b"\x16\x03\x01 no HTTP\r\n\r\n")
        assert b" 400 " in connection.recv(1000)
    assert client("GET", "/api/health").status == 200


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"max_bytes": 0}, "max_bytes must be from 1 to 200000000, got 0"),
        ({"max_pixels": 10**9}, "max_pixels must be from 1 to 120000000"),
        ({"max_waiting": -1}, "max_waiting must be at least 0, got -1"),
        ({"max_batch": 0}, "max_batch must be at least 1"),
        ({"max_connections": 0}, "max_connections must be at least 1"),
        ({"header_seconds": -1}, "header_seconds must be positive, got -1"),
        ({"upload_seconds": 0}, "upload_seconds must be positive"),
        ({"answer_seconds": float("nan")}, "answer_seconds must be positive, got nan"),
    ],
)
def test_limits_that_make_no_sense_are_refused(change, line):
    with pytest.raises(ValueError, match=line):
        Limits(**change)
