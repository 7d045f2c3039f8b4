"""Counters of the server, as text that Prometheus reads."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from strongpose.serve.queue import Queue
from strongpose.serve.upload import Uploads

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of the text."""

_COUNTERS = ("requests_total", "stage_seconds_total", "photos_total", "people_total")
_GAUGES = ("queue_length", "queue_limit", "uploads")


class Metrics:
    """What was served since the start, and what is in progress.

    Args:
        queue: whose length is told.
        uploads: whose number is told.
    """

    def __init__(self, queue: Queue, uploads: Uploads) -> None:
        self._registry = registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._requests = Counter(
            "strongpose_requests", "Responses, by method, route and status.", labels, registry=registry
        )
        self._seconds = Counter(
            "strongpose_stage_seconds", "Processing time of photos, by step.", ("stage",), registry=registry
        )
        for step in ("read", "network", "decode"):
            self._seconds.labels(step)  # told from the start
        self._photos = Counter("strongpose_photos", "Photos processed.", registry=registry)
        self._people = Counter("strongpose_people", "People found in them above the threshold.", registry=registry)
        waiting = "Requests in the queue, the one in progress included."
        Gauge("strongpose_queue_length", waiting, registry=registry).set_function(lambda: queue.length)
        Gauge("strongpose_queue_limit", "Length limit of the queue.", registry=registry).set(queue.room)
        arriving = "Uploads in progress."
        Gauge("strongpose_uploads", arriving, registry=registry).set_function(lambda: uploads.count)

    def count_request(self, method: str, route: str, status: int) -> None:
        """One answer was begun; ``route`` must come from a fixed set, as each makes a line."""
        self._requests.labels(method, route, str(status)).inc()

    def count_photo(self, people: int, seconds: Mapping[str, float]) -> None:
        """One photo was worked on, with so many people; how long each step took."""
        self._photos.inc()
        self._people.inc(people)
        for step, value in seconds.items():
            self._seconds.labels(step).inc(value)

    def text(self) -> str:
        """Prometheus' text format, without the times at which the counters were made."""
        names = (f"strongpose_{name}" for name in (*_COUNTERS, *_GAUGES))
        return b"".join(generate_latest(self._registry.restricted_registry([name])) for name in names).decode()
