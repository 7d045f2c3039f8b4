"""Load ``strongpose serve`` with many clients at once, each of which checks that the answer is that of its photo.

The server runs in a process of its own on this machine. Ends with status 1 if an answer is lost or another photo's, if
a status is other than 200, 429 and 503, if the server takes too much memory or keeps files open, or writes to its log.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "serve"))

from load import Tally, load, questions
from starting import started

from strongpose.inference import StrongPose
from strongpose.runtime import RuntimeChoice

_PHOTOS = Path(__file__).parent.parent / "tests" / "photos"


@dataclass(frozen=True)
class Arguments:
    """Print what became of the requests, how long they took, and what the server took."""

    clients: int = 200
    """At once."""
    seconds: float = 120.0
    """How long they ask."""
    pause: float | None = None
    """Seconds that a client waits after a refusal; by default as long as the server says."""
    photos: int = 12
    """Different photos, each with its own answer."""
    padding: float = 0.0
    """Megabytes of zeros behind each photo, which decoders do not look at: longer uploads."""
    model: str = "fast"
    """A model that comes with the package, or the path of one."""
    size: int = 129
    """Long side of the network's input in pixels."""
    runtime: RuntimeChoice = "auto"
    """What runs the network."""
    most_megabytes: float = 1000.0
    """The server may never have more resident memory."""


def main(arguments: Arguments) -> int:
    options = ("--model", arguments.model, "--size", arguments.size, "--runtime", arguments.runtime, "--threads", 1)
    estimator = StrongPose.from_pretrained(arguments.model, size=arguments.size, runtime=arguments.runtime, threads=1)
    asked = questions(_PHOTOS, estimator, arguments.photos)
    padding = bytes(int(arguments.padding * 1e6))
    asked = [replace(question, data=question.data + padding) for question in asked]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with started(log, *options) as server:
            before = server.memory(), server.open_files()
            tally = asyncio.run(load(server, asked, arguments.clients, arguments.seconds, arguments.pause))
            after = asyncio.run(load(server, asked, 1, 2.0, 0.0))  # works as before
            tally.wrong += after.wrong
            if set(after.seconds) != {200}:
                tally.wrong.append(f"afterwards one client alone gets {sorted(after.seconds)}")
            files, most = server.open_files(), server.memory("VmHWM")
        logged = log.read_text().splitlines()
    show(tally, arguments.seconds)
    print(f"\nlongest queue {max(row[1] for row in tally.measured)}, most uploads {max(r[2] for r in tally.measured)}")
    print(f"health: {len(tally.health)} answers, slowest {max(tally.health):.2f} s")
    print(f"memory: {before[0]:.0f} MB before, {most:.0f} MB at most; open files: {before[1]} before, {files} after")
    if most > arguments.most_megabytes:
        tally.wrong.append(f"{most:.0f} MB of memory")
    if files > before[1] + 2:
        tally.wrong.append(f"{files} files are open, {before[1]} were before")
    tally.wrong += [f"the server's log: {line}" for line in logged[:5]]
    print(f"{len(tally.wrong)} wrong")
    print("\n".join(tally.wrong[:20]))
    return 1 if tally.wrong else 0


def show(tally: Tally, seconds: float) -> None:
    """Print tables of answers, and of the server at ten times."""
    print("| status | requests | a second | median, ms | 95 %, ms | 99 %, ms | slowest, ms |")
    print("|---|---|---|---|---|---|---|")
    for status, times in sorted(tally.seconds.items()):
        marks = " | ".join(f"{1000 * mark:.0f}" for mark in np.percentile(times, (50, 95, 99, 100)))
        print(f"| {status} | {len(times)} | {len(times) / seconds:.1f} | {marks} |")
    print("\n| after, s | queue | uploads | memory, MB | open files |\n|---|---|---|---|---|")
    for row in tally.measured[:: max(1, len(tally.measured) // 10)]:
        print("| {:.0f} | {} | {} | {:.0f} | {} |".format(*row))


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
