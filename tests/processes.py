"""What a running process takes: memory, open files, threads (Linux)."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["memory", "open_files", "threads"]


def memory(process: int | str, field: str = "VmRSS") -> float:
    """Resident memory in MB; ``VmHWM`` for the most that it ever was."""
    return int(_status(process)[field].split()[0]) / 1024


def open_files(process: int | str) -> int:
    """How many files, sockets among them, it has open."""
    return len(os.listdir(f"/proc/{process}/fd"))


def threads(process: int | str) -> int:
    """How many threads it has."""
    return int(_status(process)["Threads"])


def _status(process: int | str) -> dict[str, str]:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)
