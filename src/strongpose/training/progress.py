"""What is told about a run while it trains: progress lines, and the same for TensorBoard."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter
from torch import Tensor

from strongpose.training.recipe import TrainConfig

__all__ = ["EventLog", "Progress"]


class EventLog:
    """A file that TensorBoard reads, written at once, so that a full disk shows where it can be told.

    Args:
        folder: of the files of all parts of the run; made if need be.
        first: steps done before; what an interrupted run wrote about later ones does not count.

    Raises:
        OSError: if it cannot be written.
    """

    def __init__(self, folder: Path, first: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / f"events.out.tfevents.{time.time():.6f}").open("wb", buffering=0)
        self._writer = RecordWriter(self._file)
        self._write(Event(file_version="brain.Event:2"))
        self._write(Event(step=first + 1, session_log=SessionLog(status=SessionLog.START)))

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Write numbers by name.

        Raises:
            OSError: if they cannot be written.
        """
        entries = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._write(Event(step=step, summary=Summary(value=entries)))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        self._writer.write(event.SerializeToString())


class Progress:
    """Means of the loss terms, speed, and share of time spent waiting for data since the last line.

    Args:
        config: the recipe.
        first: steps done before.
        log: where the numbers go as well.
        say: where the lines go.
    """

    def __init__(self, config: TrainConfig, first: int, log: EventLog | None, say: Callable[[str], None]) -> None:
        self.config, self.log, self.say = config, log, say
        self.since, self.last_step, self.waited = time.monotonic(), first, 0.0
        self.sums: dict[str, float] = {}

    def leave_out(self, seconds: float) -> None:
        """Do not count time that was not spent training, such as on validation."""
        self.since += seconds

    def wait(self, seconds: float) -> None:
        """Count time that the network waited for its batch."""
        self.waited += seconds

    def add(self, done: int, loss: Tensor, terms: dict[str, Tensor], rate: float) -> None:
        """Count a step; every ``log_every`` steps write a line.

        Args:
            done: steps done.
            loss: of this step.
            terms: of which it consists.
            rate: learning rate.
        """
        for name, term in {"loss": loss, **terms}.items():
            self.sums[name] = self.sums.get(name, 0.0) + term.item()
        if done % self.config.log_every:
            return
        count, seconds = done - self.last_step, time.monotonic() - self.since
        means = {name: value / count for name, value in self.sums.items()}
        speed, waiting = count * self.config.batch_size / seconds, self.waited / seconds
        left = (self.config.steps - done) * seconds / count / 60
        shown = " ".join(f"{name} {value:.3f}" for name, value in means.items())
        self.say(
            f"step {done}/{self.config.steps} | {speed:.1f} images/s, waiting for data {waiting:.0%} | {shown} | "
            f"lr {rate:.2e} | {left:.0f} min left"
        )
        if self.log is not None:
            values = {**means, "images_per_second": speed, "waiting": waiting, "learning_rate": rate}
            self.log.add(done, {f"train/{name}": value for name, value in values.items()})
        self.since, self.last_step, self.waited, self.sums = time.monotonic(), done, 0.0, {}
