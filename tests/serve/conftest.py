"""Real servers: one as its users start it, and others with limits of their own, in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from asking import Client
from starting import started

from strongpose.inference import StrongPose
from strongpose.serve import Limits, create_app, listen
from strongpose.serve.server import configure, url_of

SIZE = 257


@pytest.fixture(scope="session")
def estimator() -> StrongPose:
    return StrongPose.from_pretrained(size=SIZE, threads=1, runtime="onnx")


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Of a server with the default limits, in a process of its own, which logs nothing."""
    log = tmp_path_factory.mktemp("server") / "log"
    with started(log, "--size", SIZE, "--threads", 1, "--runtime", "onnx") as server:
        yield server.client
    assert log.read_text() == ""


@pytest.fixture
def serving(estimator) -> Callable:
    """``with serving(Limits(...)) as client:`` a server in a thread."""

    @contextmanager
    def serve(limits: Limits | None = None, hosts=(), estimator=estimator) -> Iterator[Client]:
        bound = listen("127.0.0.1", 0)
        limits = limits or Limits()
        server = uvicorn.Server(configure(create_app(estimator, "base", limits, hosts), limits))
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
