"""Damaged photos sent to a real server on one connection: a status and one line each, and it goes on serving."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from urllib.parse import urlsplit

from damaged_photos import damaged_photo
from harness import is_one_line, post_all


def test_the_server_answers_every_damaged_photo_and_goes_on(tiny_model, tmp_path, photos):
    options = ["--port", "0", "--model", tiny_model, "--size", "33", "--threads", "1", "--runtime", "onnx"]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "strongpose.cli", "serve", *map(str, options)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        try:
            url = next(word for word in server.stdout.readline().split() if word.startswith("http"))
            tally = post_all(url, [damaged_photo(number, seed=3) for number in (*range(140), *range(1000, 1060))])
            assert tally.wrong == []
            assert tally.counts["status 200"] > 15
            assert tally.counts["status 422"] > 100
            assert tally.slowest[0] < 10

            parts = urlsplit(url)
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
            for body in (b"", b"[" * 1000, b'{"photos": ' + b"[" * 100_000, b'{"photos": 7}', b"\xff\xfe"):
                connection.request("POST", "/api/batch", body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                answer = json.loads(response.read())
                assert response.status in (413, 422) and is_one_line(answer["error"], ""), body[:20]
            whole = (photos / "astronaut.jpg").read_bytes()
            connection.request("POST", "/api/poses", whole, {"Content-Type": "image/jpeg"})
            assert connection.getresponse().status == 200

            server.send_signal(signal.SIGTERM)
            assert server.wait(30) == 0
        finally:
            server.kill()
            server.wait()
    assert (tmp_path / "log").read_text() == ""
