"""Progress of a run as TensorBoard reads it: of a resumed run, of a full disk."""

import resource

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from strongpose._util.lines import unheard
from strongpose.training.progress import Progress


def test_steps_that_a_killed_run_did_after_its_checkpoint_count_once(tmp_path):
    """Steps 1 to 3, and again from step 2 on."""
    for first, loss in ((0, 1.0), (1, 5.0)):
        with Progress(first, steps=3, batch_size=2, every=1, folder=tmp_path, say=unheard) as progress:
            for done in range(first + 1, 4):
                progress.add(done, {"loss": torch.tensor(loss + done), "body": torch.tensor(0.5)}, rate=0.25)
            progress.write(3, {"val/AP": loss})
    read = EventAccumulator(str(tmp_path))
    read.Reload()
    assert [(event.step, event.value) for event in read.Scalars("train/loss")] == [(1, 2.0), (2, 7.0), (3, 8.0)]
    assert [(event.step, event.value) for event in read.Scalars("val/AP")] == [(3, 5.0)]
    names = ("body", "images_per_second", "learning_rate", "loss", "waiting")
    assert sorted(read.Tags()["scalars"]) == [*(f"train/{name}" for name in names), "val/AP"]


def test_lines_tell_the_time_left_and_come_once_a_minute_at_least(monkeypatch):
    now, lines = [0.0], []
    monkeypatch.setattr("strongpose.training.progress.time.monotonic", lambda: now[0])
    with Progress(0, steps=1000, batch_size=2, every=100, folder=None, say=lines.append) as progress:
        for done in range(1, 6):
            now[0] += 25
            progress.add(done, {"loss": torch.tensor(float(done))}, rate=0.25)
    assert len(lines) == 1  # after 75 seconds, long before step 100
    assert lines[0].startswith("step 3/1000 | 0.1 images/s, waiting for data 0% | loss 2.000 | lr 2.50e-01 | ")
    assert lines[0].endswith("| 6:55:25 left")


@pytest.mark.filterwarnings("error")  # such as of a thread whose error is printed
def test_a_full_disk_is_told_at_once(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    told = 0
    try:
        with (
            pytest.raises(OSError, match="File too large"),
            Progress(0, steps=3, batch_size=2, every=1, folder=tmp_path, say=unheard) as progress,
        ):
            resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))
            for told in range(9):
                progress.write(told, {"val/AP": 0.5})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert told < 8, "the write that fails is the one that says so"
