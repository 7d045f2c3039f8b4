"""Load ``strongpose serve`` with many clients at once, each of which checks that the answer is that of its photo.

A third of the time each: 200 clients that wait as long as a refusal says, 200 that ask again at once, and 20 with 12 MB
of zeros behind their photos, so that they ask for more room than bodies may take. No answer may be lost or another
photo's, no status other than 200, 429 and 503; the server may take no more than 1,000 MB, keep no files open, write
nothing to its log, and must work for a single client afterwards.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.extend(str(Path(__file__).parents[1] / "tests" / folder) for folder in ("", "serve"))

from load import load, questions
from part import Arguments, run_part, tell
from starting import started

from strongpose.inference import StrongPose

TESTS = Path(__file__).parents[1] / "tests"
_SIZE = 129
_ROUNDS = ((200, None, 0), (200, 0.0, 0), (20, None, 12_000_000))  # clients, pause in seconds, bytes behind a photo
_MOST_MEGABYTES = 1000.0


def main(arguments: Arguments) -> int:
    """Start a server and let the clients at it."""
    estimator = StrongPose.from_pretrained(size=_SIZE, threads=1, runtime="onnx")
    asked = questions(TESTS / "photos", estimator, 12)
    statuses, slowest, health, wrong = Counter[int](), 0.0, 0.0, list[str]()
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "log"
        with started(log, "--size", _SIZE, "--threads", 1, "--runtime", "onnx") as server:
            before = server.open_files()
            for clients, pause, padding in _ROUNDS:
                padded = [replace(question, data=question.data + bytes(padding)) for question in asked]
                tally = asyncio.run(load(server, padded, clients, arguments.seconds / len(_ROUNDS), pause))
                after = asyncio.run(load(server, asked, 1, 1.0, 0.0))
                wrong += tally.wrong + after.wrong
                if set(after.seconds) != {200}:
                    wrong.append(f"after {clients} clients one alone gets {sorted(after.seconds)}")
                statuses.update({status: len(times) for status, times in tally.seconds.items()})
                slowest = max(slowest, *(max(times) for times in tally.seconds.values()))
                health = max(health, *tally.health)
                times = " ".join(f"{1000 * t:.0f}" for t in np.percentile(tally.seconds[200] or [np.nan], (50, 99)))
                print(f"{clients} clients: {len(tally.seconds[200])} answers, median and 99 % {times} ms", flush=True)
            files, megabytes = server.open_files(), server.memory("VmHWM")
        wrong += [f"the server's log: {line}" for line in log.read_text().splitlines()[:5]]
    if megabytes > _MOST_MEGABYTES:
        wrong.append(f"{megabytes:.0f} MB of memory")
    if files > before + 2:
        wrong.append(f"{files} files are open, {before} were before")
    answers = ", ".join(f"{count:,} with status {status}" for status, count in sorted(statuses.items()))
    latency = f"slowest {slowest:.1f} s, of health checks {health:.1f} s"
    return tell(
        f"{statuses.total():,} requests by up to 200 clients: {answers}; {latency}; at most {megabytes:.0f} MB", wrong
    )


if __name__ == "__main__":
    sys.exit(run_part(main))
