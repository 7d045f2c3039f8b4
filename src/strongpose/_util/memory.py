"""How much memory this process may still take: what the machine has free, within the limits of a container."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["available_memory"]


def available_memory(root: Path = Path("/")) -> int | None:
    """Bytes that can be taken before the kernel ends processes; None where the system does not say (not Linux).

    Args:
        root: where ``proc`` and ``sys`` are.
    """
    found = [_free_in_machine(root), _free_in_group(root)]
    return min((free for free in found if free is not None), default=None)


def _free_in_machine(root: Path) -> int | None:
    entry = re.search(r"^MemAvailable:\s+(\d+) kB", _text(root / "proc/meminfo"), re.MULTILINE)
    return 1024 * int(entry[1]) if entry else None


def _free_in_group(root: Path) -> int | None:
    """What the control group (cgroup, version 1 or 2) of the process leaves; what it caches of files counts as free."""
    frees = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, place = line.split(":", 2)
        if controllers == "":  # version 2
            mount, most, taken, cached = root / "sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            mount, most, taken = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            cached = "total_inactive_file"
        else:
            continue
        own = mount / place.lstrip("/")  # within a container the group is the mount itself
        for folder in (own, *own.parents[: len(own.parts) - len(mount.parts)]):  # each limits those within it
            limit, usage = _text(folder / most).strip(), _text(folder / taken).strip()
            if limit.isdigit() and usage.isdigit():
                files = re.search(rf"^{cached} (\d+)$", _text(folder / "memory.stat"), re.MULTILINE)
                frees.append(max(0, int(limit) - int(usage) + (int(files[1]) if files else 0)))
    return min(frees, default=None)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
