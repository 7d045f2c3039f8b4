"""``strongpose serve`` as its users meet it: it says where it listens, and ends as it is told."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from urllib.parse import urlsplit

import pytest


def test_a_port_that_is_taken_is_one_line(strongpose):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = strongpose("serve", "--port", port)
    assert run.returncode == 1
    assert run.stdout == ""
    [line] = run.stderr.splitlines()
    assert f"cannot listen on 127.0.0.1, port {port}" in line
    assert "choose another --port" in line


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--port", "70000"), 1, "--port must be from 0 to 65535, got 70000"),
        (("--max-waiting", "-1"), 1, "max_waiting must be at least 0"),
        (("--port", "0", "--model", "nope"), 1, "nope: no such model"),
        (("--runtime", "abacus"), 2, "abacus"),
    ],
)
def test_mistakes_are_explained_without_a_traceback(strongpose, arguments, status, message):
    run = strongpose("serve", *arguments)
    assert run.returncode == status
    assert message in run.stderr
    assert "Traceback" not in run.stderr


def test_what_is_not_installed_is_named():
    code = "import sys; sys.modules['uvicorn'] = None; from strongpose.cli import main; sys.exit(main(['serve']))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1
    [line] = run.stderr.splitlines()
    assert "uvicorn" in line and "[serve]" in line


@pytest.mark.parametrize(
    ("host", "end", "status", "warned"),
    [("0.0.0.0", signal.SIGTERM, 0, True), ("127.0.0.1", signal.SIGINT, 130, False)],
)
def test_it_says_who_can_reach_it_and_ends_when_told(photos, host, end, status, warned):
    server = subprocess.Popen(
        [sys.executable, "-m", "strongpose.cli", "serve", "--host", host, "--port", "0", "--size", "129"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        url = next(word for word in server.stdout.readline().split() if word.startswith("http://"))
        with urllib.request.urlopen(f"{url}api/model", timeout=60) as answer:
            assert answer.status == 200
        # a photo that is under way when the server is told to end is still answered
        photo = (photos / "astronaut.jpg").read_bytes()
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(url).port, timeout=60)
        connection.putrequest("POST", "/api/poses")
        connection.putheader("Content-Type", "image/jpeg")
        connection.putheader("Content-Length", str(len(photo)))
        connection.endheaders(photo[:1000])
        while json.load(urllib.request.urlopen(f"{url}api/health", timeout=60))["uploading"] == 0:
            time.sleep(0.01)
        server.send_signal(end)
        time.sleep(0.3)
        connection.send(photo[1000:])
        answer = connection.getresponse()
        assert (answer.status, json.load(answer)["width"]) == (200, 512)
        _, errors = server.communicate(timeout=60)
    finally:
        server.kill()
        server.wait()
    assert server.returncode == status
    assert ("everybody who reaches this machine" in errors) == warned
    assert "Traceback" not in errors
