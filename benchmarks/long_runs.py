"""Look for leaks of memory, file handles and threads in a process that makes thousands of predictions.

Photos and damaged ones in turn, one by one and many at once, through one `StrongPose`. Ends with status 1 if, after the
warm-up, memory, file handles or threads grow beyond the bounds (Linux).
"""

from __future__ import annotations

import itertools
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tyro

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "robustness"))

from damaged_photos import damaged_photo

from strongpose import StrongPose
from strongpose.exceptions import ImageError
from strongpose.runtime import RuntimeChoice

_DAMAGED = range(1000, 1200)  # by number; the first hundreds are whole, and some of them huge
_TURN = 100  # predictions one by one, then as many together


@dataclass(frozen=True)
class Arguments:
    """Print memory, file handles and threads of a process that makes thousands of predictions."""

    photos: tuple[Path, ...] = tuple(sorted(Path("tests/photos").glob("*.jpg")))
    """Photos; after every four of them comes one of 200 damaged ones."""
    count: int = 20_000
    """Predictions, damaged photos included."""
    warm_up: int = 4_000
    """So many of them may fill caches."""
    every: int = 2_000
    """Predictions between two rows."""
    size: int = 97
    """Long side of the network's input in pixels."""
    model: str = "base"
    """A model that comes with the package, or the path of one."""
    runtime: RuntimeChoice = "auto"
    """What runs the network."""
    threads: int = 1
    """CPU threads of the network."""
    most_megabytes: float = 16.0
    """By so much may the greatest resident memory after the warm-up exceed that of the warm-up."""
    most_handles: int = 0
    """The same of open file handles."""
    most_threads: int = 0
    """The same of threads."""


@dataclass(frozen=True)
class Usage:
    """What the process takes."""

    megabytes: float
    handles: int
    threads: int


def main(a: Arguments) -> int:
    model = StrongPose.from_pretrained(a.model, size=a.size, threads=a.threads, runtime=a.runtime)
    outcomes = Counter[str]()
    warm: list[Usage] = []
    later: list[Usage] = []
    start = time.perf_counter()
    print(f"{model.runtime.name}, long side {a.size}, threads {a.threads}\n")
    print("| predictions | rejected | people | resident memory, MB | file handles | threads | total, s |")
    print("|---|---|---|---|---|---|---|")
    for done, outcome in enumerate(itertools.islice(outcomes_of(model, a.photos), a.count), start=1):
        outcomes.update(outcome)
        if done % _TURN == _TURN // 2:  # while photos are looked at in other threads, too
            (warm if done <= a.warm_up else later).append(usage())
        if done % a.every == 0 or done == _TURN:
            now = usage()
            row = done, outcomes["refused"], outcomes["people"], f"{now.megabytes:.1f}", now.handles, now.threads
            print("|", " | ".join(map(str, row)), f"| {time.perf_counter() - start:.0f} |", flush=True)
    wrong = []
    for what, bound in (("megabytes", a.most_megabytes), ("handles", a.most_handles), ("threads", a.most_threads)):
        before, after = (max(getattr(use, what) for use in uses) for uses in (warm, later))
        print(f"\nmost {what}: {before:.1f} in the first {a.warm_up}, {after:.1f} later, may grow by {bound}", end="")
        if after - before > bound:
            wrong.append(what)
    print("\n" + "".join(f"\ntoo much growth: {what}" for what in wrong))
    return 1 if wrong else 0


def outcomes_of(model: StrongPose, photos: tuple[Path, ...]) -> Iterator[dict[str, int]]:
    """What became of one photo after the other, without end."""
    sources = sources_of(photos)
    while True:
        for source in itertools.islice(sources, _TURN):
            try:
                poses = model(source)
            except ImageError:
                yield {"refused": 1}
            else:
                yield {"people": len(poses)}
        for prediction in model.predictions(itertools.islice(sources, _TURN)):
            if isinstance(prediction, ImageError):
                yield {"refused": 1}
            else:
                yield {"people": len(model.decode(prediction.fields, prediction.fitted))}


def sources_of(photos: tuple[Path, ...]) -> Iterator[Path | bytes]:
    """Paths, and the content of a damaged photo after every four; the same over and over, so that only leaks grow."""
    damaged = itertools.cycle([damaged_photo(number).data for number in _DAMAGED])
    for number, photo in enumerate(itertools.cycle(photos)):
        yield photo
        if number % 4 == 3:
            yield next(damaged)


def usage() -> Usage:
    """What this process takes now."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    handles = sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1  # that of the folder itself
    return Usage(int(status["VmRSS"].split()[0]) / 1024, handles, int(status["Threads"]))


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
