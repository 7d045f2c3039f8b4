"""The ASGI application: the API's routes, the page, the answers to errors, and the guard in front of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from fastapi import FastAPI

from strongpose import __version__
from strongpose.inference import StrongPose
from strongpose.serve.batch import describe_body
from strongpose.serve.failures import answer_errors
from strongpose.serve.files import add_page
from strongpose.serve.guard import Guard
from strongpose.serve.limits import Limits
from strongpose.serve.metrics import Metrics
from strongpose.serve.queue import Queue
from strongpose.serve.routes import Api
from strongpose.serve.upload import Uploads

__all__ = ["create_app"]


def create_app(estimator: StrongPose, name: str, limits: Limits | None = None, hosts: Collection[str] = ()) -> Guard:
    """An ASGI application that looks at photos.

    Args:
        estimator: finds the people; used by one thread at a time. Its threshold holds for requests without one.
        name: what answers call its model.
        limits: what is taken; left out, the defaults.
        hosts: names, besides localhost, by which clients may call the server; addresses always work.
    """
    limits = limits or Limits()
    queue, uploads = Queue(limits.max_waiting), Uploads(limits)
    metrics = Metrics(queue, uploads)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        queue.close()

    app = FastAPI(
        title="StrongPose",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    Api(estimator, name, limits, queue, uploads, metrics).add_routes(app)
    add_page(app)
    answer_errors(app)
    describe_body(app, limits.max_batch)
    return Guard(app, metrics, hosts, [route.path for route in app.routes if hasattr(route, "path")])
