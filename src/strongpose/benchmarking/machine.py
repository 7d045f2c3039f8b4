"""What a measurement was made on: the machine, the system, the versions and the commit."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from strongpose import __version__

__all__ = ["Machine", "busy_seconds", "peak_memory_mb", "this_machine"]

_CHECKOUT = Path(__file__).parents[3]
_UNITS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "asimddp", "bf16", "i8mm", "sve")
"""Units of x86 and Arm processors that speed networks up, as Linux calls them."""


@dataclass(frozen=True)
class Machine:
    """What a measurement was made on.

    Attributes:
        cpu: the processor's name, with those of its units that matter to networks.
        cores: number of cores that this process may use.
        memory_gb: memory of the machine in 10⁹ bytes; None where the system does not tell.
        os: the system's name.
        python: version.
        numpy: version.
        version: of this package: the commit in a checkout, ``-dirty`` with changes that are not committed;
            else the release.
    """

    cpu: str
    cores: int
    memory_gb: float | None
    os: str
    python: str
    numpy: str
    version: str


def this_machine() -> Machine:
    """The machine, system and versions at hand."""
    return Machine(_cpu(), _cores(), _memory_gb(), _os(), platform.python_version(), np.__version__, _version())


def peak_memory_mb() -> float | None:
    """The most memory that this process held so far, in 10⁶ bytes; None where the system does not tell.

    On Linux of this program alone: what getrusage says also counts the program that started it.
    """
    for line in _lines(Path("/proc/self/status")):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def busy_seconds() -> float | None:
    """Processor time that all programs of this machine together have used, in seconds; None but on Linux.

    What other virtual machines took away (steal) counts as used.
    """
    lines = _lines(Path("/proc/stat"))
    if not lines or not lines[0].startswith("cpu "):
        return None
    user, nice, system, _idle, _waiting, *rest = map(int, lines[0].split()[1:9])
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")


def _cpu() -> str:
    facts = dict(line.split(":", 1) for line in _lines(Path("/proc/cpuinfo")) if ":" in line)
    facts = {name.strip(): value.strip() for name, value in facts.items()}
    name = facts.get("model name") or _output("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor()
    flags = (facts.get("flags") or facts.get("Features") or "").split()
    units = ", ".join(unit for unit in _UNITS if unit in flags)
    return (name or platform.machine()) + (f" ({units})" if units else "")


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_gb() -> float | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, ValueError, OSError):  # Windows; a system that does not know
        return None


def _os() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.mac_ver()[0] or platform.release()}"


def _version() -> str:
    if (_CHECKOUT / ".git").exists() and Path(__file__).parents[2] == _CHECKOUT / "src":
        commit = _output("git", "-C", str(_CHECKOUT), "describe", "--always", "--dirty")
        if commit:
            return f"commit {commit}"
    return f"strongpose {__version__}"


def _output(*command: str) -> str:
    """What a program prints, without the last newline; empty if there is no such program or it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _lines(path: Path) -> list[str]:
    """The lines of a file that tells about the system; none where there is no such file."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
