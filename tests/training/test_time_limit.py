"""``--minutes``: a run whose learning rate, validations and checkpoints keep to a clock, here one that a test moves."""

import itertools
import json

import pytest
from pictures import write_dataset
from safetensors import safe_open

from strongpose._util.signals import StopRequest
from strongpose.exceptions import TrainingError
from strongpose.training import run as runs
from strongpose.training.loop import train
from strongpose.training.recipe import TrainConfig
from strongpose.training.run_clock import RunClock

VALIDATING, SAVING = 30.0, 5.0  # seconds
SPARE = 6.0  # a fifth of what a try of the validation took


class Clock:
    """Moves when training does its work: the real work, of which it says how long it took."""

    def __init__(self, step, monkeypatch):
        self.now, self.rates, self.validated = 1000.0, [], []
        real_validate, real_save, real_gradients = runs.validate, runs.save_checkpoint, runs.add_gradients
        real_step = runs.TrainingRun.step

        def validate(*arguments):
            metrics = real_validate(*arguments)
            self.now += VALIDATING
            self.validated.append(self.now)
            return metrics

        def save(*arguments):
            real_save(*arguments)
            self.now += SAVING

        def gradients(*arguments):
            self.now += step
            return real_gradients(*arguments)

        def one_step(run, batch):
            losses = real_step(run, batch)
            self.rates.append(run.learning_rate)
            return losses

        monkeypatch.setattr(runs, "validate", validate)
        monkeypatch.setattr(runs, "save_checkpoint", save)
        monkeypatch.setattr(runs, "add_gradients", gradients)
        monkeypatch.setattr(runs.TrainingRun, "step", one_step)

    def __call__(self):
        return self.now


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("drawn") / "set", 3)


def limited(dataset, out, **changes):
    network = dict(backbone="lite0", neck_channels=8, norm="trained", loss_weights=(1, 1, 1, 1, 0), bf16=False)
    values = dict(minutes=10, checkpoint_minutes=2, crop_size=65, batch_size=1, warmup_steps=2, workers=0, log_every=1)
    values |= dict(data=(dataset,), val=dataset, val_size=65, val_every=1000, learning_rate=1e-3)
    return TrainConfig(out=out, **(network | values | changes))


def saved(out):
    with safe_open(out / "checkpoint.safetensors", framework="pt") as file:
        return json.loads(file.metadata()["info"])


@pytest.mark.parametrize("step", [30.0, 50.0])
def test_the_rate_falls_to_zero_when_the_time_is_up_whatever_a_step_takes(dataset, tmp_path, monkeypatch, step):
    clock, lines = Clock(step, monkeypatch), []
    started = clock.now
    train(limited(dataset, tmp_path), lines.append, clock=clock)
    assert 600 - step - SAVING - SPARE <= clock.now - started <= 600
    peak = max(clock.rates)
    assert peak == 1e-3 and clock.rates[1] == peak  # warm, after two steps
    share = sum(rate == peak for rate in clock.rates) / len(clock.rates)
    assert 0.4 < share < 0.75  # the plateau: less the start, and the last 40 %
    assert 0 < clock.rates[-1] <= 2 * step / (0.4 * 560) * peak
    assert clock.rates[-1] < clock.rates[-2] < clock.rates[-3]
    assert len(clock.validated) == 4  # tries at the start, in the middle and near the end, and the last one
    assert any(
        line.startswith("time limit 10:00 less 00:46 for the last validation and checkpoints;") for line in lines
    )
    assert sum(" AP " in line for line in lines) == 1
    minutes, seconds = divmod(int(clock.now - started), 60)
    assert lines[-1] == f"{len(clock.rates)} steps in {minutes:02d}:{seconds:02d} of 10:00"
    assert any(line.startswith("step 1 | ") and line.endswith(" left") for line in lines)


def test_a_resumed_run_counts_the_time_it_has_had(dataset, tmp_path, monkeypatch):
    clock = Clock(20.0, monkeypatch)
    train(limited(dataset, tmp_path, minutes=5), clock=clock)
    first, seconds = len(clock.rates), saved(tmp_path)["seconds"]
    assert 270 - SPARE <= seconds <= 300
    clock.now += 5000  # nobody trains
    lines = []
    started = clock.now
    train(limited(dataset, tmp_path), lines.append, clock=clock)
    assert 600 - 30 - SPARE <= seconds + clock.now - started <= 605
    assert 0 < len(clock.rates) - first < 16
    assert any("time limit 10:00, of which 04:" in line for line in lines)
    done = len(clock.rates)
    train(limited(dataset, tmp_path), lines.append, clock=clock)  # all of it is over
    assert len(clock.rates) == done


def test_validations_that_the_last_one_would_follow_at_once_are_left_out(dataset, tmp_path, monkeypatch):
    clock = Clock(20.0, monkeypatch)
    train(limited(dataset, tmp_path, val_every=7), clock=clock)
    ends = [t - 1000.0 for t in clock.validated]
    assert len(ends) >= 4 and ends[-1] <= 600
    assert len(clock.rates) == 22  # there was no validation after 21 steps that would have ended the run
    assert all(later - earlier > 2 * VALIDATING for earlier, later in itertools.pairwise(ends[1:]))


@pytest.mark.parametrize("minutes", [4.0, 4.7, 5.3, 5.8])
def test_the_last_validation_is_done_whatever_ends_the_time(dataset, tmp_path, monkeypatch, minutes):
    clock, lines = Clock(20.0, monkeypatch), []
    train(limited(dataset, tmp_path, minutes=minutes, checkpoint_minutes=0.5), lines.append, clock=clock)
    assert [line for line in lines if " AP " in line][-1].startswith(f"step {len(clock.rates)}: ")
    assert saved(tmp_path)["validated"] == len(clock.rates)


def test_a_try_does_not_stand_for_the_last_validation(dataset, tmp_path, monkeypatch):
    """A run that was stopped after two steps, and resumed when its time is up."""
    clock, lines, stop = Clock(20.0, monkeypatch), [], StopRequest()

    def ask(line):
        stop.is_set |= line.startswith("step 2 ")

    train(limited(dataset, tmp_path), ask, stop, clock)
    clock.now += 10
    train(limited(dataset, tmp_path, minutes=1), lines.append, clock=clock)
    assert any(line.startswith(f"step {len(clock.rates)}: ") and " AP " in line for line in lines)


def test_too_little_time_for_a_step_is_told(dataset, tmp_path, monkeypatch):
    with pytest.raises(TrainingError, match=r"^--minutes 0.5: .* are over and 00:46 for the last validation and"):
        train(limited(dataset, tmp_path, minutes=0.5), clock=Clock(10.0, monkeypatch))
    with pytest.raises(ValueError, match="--minutes must be 0 to 1,000,000, got nan"):
        limited(dataset, tmp_path, minutes=float("nan"))


def test_warm_up_takes_a_tenth_of_the_time_at_most():
    config = TrainConfig(data=("a.json",), minutes=10, warmup_steps=1000, learning_rate_decay=0.5)
    factors = [config.learning_rate_factor(3, passed) for passed in (0.0, 0.05, 0.1, 0.5, 0.75, 1.0)]
    assert factors == pytest.approx([0.004, 0.5, 1, 1, 0.5, 0])


def test_the_last_validation_and_two_checkpoints_are_kept_back():
    now = [0.0]
    clock = RunClock(100.0, lambda: now[0])
    clock.expect("validation", 20.0)
    assert (clock.kept_back(), clock.left(), clock.passed(8.0)) == (20.0, 80.0, 0.1)
    clock.expect("validation", 10.0)
    clock.expect("checkpoint", 2.0)
    now[0], clock.had = 40.0, 4.0
    assert (clock.kept_back(), clock.left(), clock.passed(0.0)) == (14.0, 42.0, pytest.approx(44 / 86))
    assert clock.has_time_for("validation")
    now[0] = 77.0
    assert not clock.has_time_for("validation") and clock.left() == 5.0
    assert RunClock(None, lambda: now[0]).left() is None
