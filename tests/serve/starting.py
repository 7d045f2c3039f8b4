"""``strongpose serve`` in a process of its own, and what that process takes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import processes
from asking import Client


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        url: where it listens.
        process: it.
        log: what it writes to standard error.
    """

    url: str
    process: subprocess.Popen[str]
    log: Path

    @property
    def client(self) -> Client:
        return Client(self.url)

    def memory(self, field: str = "VmRSS") -> float:
        """Resident memory in MB; ``VmHWM`` for the most that it ever was."""
        return processes.memory(self.process.pid, field)

    def open_files(self) -> int:
        """How many files, sockets among them, it has open."""
        return processes.open_files(self.process.pid)


@contextmanager
def started(log: Path, *options: object) -> Iterator[Server]:
    """A server on a free port of this machine, which must end as it should when the block does."""
    command = [sys.executable, "-m", "strongpose.cli", "serve", "--port", "0", *map(str, options)]
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=stderr, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://127.0.0.1:" in line, line + log.read_text()
        server = Server(next(word for word in line.split() if word.startswith("http")), process, log)
        assert server.client("GET", "/api/health").status == 200
        yield server
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()
