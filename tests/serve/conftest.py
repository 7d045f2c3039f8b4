"""Real servers: one as its users start it, and others with limits of their own, in this process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from asking import Client

from strongpose.estimator import StrongPose
from strongpose.serve import Limits, create_app, listen
from strongpose.serve.server import configure, url_of

SIZE = 257


@pytest.fixture(scope="session")
def estimator() -> StrongPose:
    return StrongPose.from_pretrained(size=SIZE, threads=1, runtime="onnx")


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """Of a server with the default limits, in a process of its own."""
    options = ["--port", "0", "--size", str(SIZE), "--threads", "1", "--runtime", "onnx"]
    server = subprocess.Popen(
        [sys.executable, "-m", "strongpose.cli", "serve", *options],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        line = server.stdout.readline()
        assert "http://127.0.0.1:" in line, line
        yield Client(next(word for word in line.split() if word.startswith("http")))
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def serving(estimator) -> Callable:
    """``with serving(Limits(...)) as client:`` a server in a thread."""

    @contextmanager
    def serve(limits: Limits | None = None, hosts=()) -> Iterator[Client]:
        bound = listen("127.0.0.1", 0)
        server = uvicorn.Server(configure(create_app(estimator, "base", limits, hosts)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield Client(url_of(bound))
        finally:
            server.should_exit = True
            thread.join(30)
            bound.close()
            assert not thread.is_alive()

    return serve
