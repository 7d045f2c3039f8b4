"""Counters of the server, as text that Prometheus reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

__all__ = ["Metrics"]


class Metrics:
    """What was served since the start. To be used from the event loop only, as counting takes no lock."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._seconds: Counter[str] = Counter(dict.fromkeys(("read", "network", "decode"), 0))
        self._photos = 0
        self._people = 0

    def count_request(self, method: str, route: str, status: int) -> None:
        """One answer was begun; ``route`` must come from a fixed set, as each makes a line."""
        self._requests[method, route, status] += 1

    def count_photo(self, people: int, seconds: Mapping[str, float]) -> None:
        """One photo was worked on, with so many people; how long each step took."""
        self._photos += 1
        self._people += people
        self._seconds.update(seconds)  # type: ignore[arg-type]  # counts may be fractions

    def text(self, waiting: int, room: int, uploading: int) -> str:
        """Prometheus' text format.

        Args:
            waiting: requests whose body has arrived, the one being worked on among them.
            room: how many there may be.
            uploading: requests whose body arrives.
        """
        lines = ["# HELP strongpose_requests_total Answers, by method, route and status.", _kind("requests_total")]
        for (method, route, status), count in sorted(self._requests.items()):
            labels = f'method="{method}",route="{route}",status="{status}"'
            lines.append(f"strongpose_requests_total{{{labels}}} {count}")
        lines += ["# HELP strongpose_stage_seconds_total Time spent on photos, by step.", _kind("stage_seconds_total")]
        for step, seconds in self._seconds.items():
            lines.append(f'strongpose_stage_seconds_total{{stage="{step}"}} {seconds:.6f}')
        for name, help_text, value in (
            ("photos_total", "Photos worked on.", self._photos),
            ("people_total", "People found in them above the threshold.", self._people),
            ("queue_length", "Requests whose body has arrived, the one being worked on among them.", waiting),
            ("queue_limit", "How many of them there may be.", room),
            ("uploads", "Requests whose body arrives.", uploading),
        ):
            lines += [f"# HELP strongpose_{name} {help_text}", _kind(name), f"strongpose_{name} {value}"]
        return "\n".join(lines) + "\n"


def _kind(name: str) -> str:
    return f"# TYPE strongpose_{name} {'counter' if name.endswith('_total') else 'gauge'}"
