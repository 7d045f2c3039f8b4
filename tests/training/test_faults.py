"""Training runs that are killed, stopped or out of room: what was saved stays, and the run goes on from it."""

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from pictures import write_dataset
from safetensors.torch import load_file

from strongpose._util.signals import StopRequest
from strongpose.exceptions import CheckpointError, TrainingError
from strongpose.network import NetworkConfig, build_network
from strongpose.training.checkpoint import load_checkpoint, save_checkpoint
from strongpose.training.loop import train
from strongpose.training.recipe import TrainConfig

STEPS = 5


def small(path, out, **changes):
    values = dict(data=(path,), out=out, crop_size=65, batch_size=2, steps=STEPS, warmup_steps=3, workers=0, bf16=False)
    values |= dict(log_every=1, neck_channels=32, threads=1)
    return TrainConfig(**(values | changes))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("drawn") / "set", 4)


@pytest.fixture(scope="module")
def whole(dataset, tmp_path_factory):
    """The weights of a run that nothing disturbs."""
    return load_file(train(small(dataset, tmp_path_factory.mktemp("whole")), lambda line: None))


@pytest.fixture
def begun(dataset, tmp_path):
    """A run that was asked to stop after two steps."""
    out = tmp_path / "run"
    train(small(dataset, out), at("step 2/", lambda: os.kill(os.getpid(), signal.SIGTERM)))
    return out


def at(start, act, lines=None):
    """Takes progress lines, and acts at the first that starts so."""
    lines = [] if lines is None else lines

    def say(line):
        if line.startswith(start) and not any(earlier.startswith(start) for earlier in lines):
            act()
        lines.append(line)

    return say


def goes_on_as_if_nothing_was(dataset, out, whole, first):
    lines = []
    weights = load_file(train(small(dataset, out), lines.append))
    assert lines[0].startswith("resuming ") and f"at step {first}" in lines[0]
    assert weights.keys() == whole.keys()
    assert [name for name in whole if not torch.equal(weights[name], whole[name])] == []


def test_killed_while_it_writes_a_checkpoint(dataset, whole, tmp_path):
    """SIGKILL in the middle of the third file: the second is there, whole."""
    out = tmp_path / "run"
    code = f"""if True:
    import os, signal
    from pathlib import PosixPath
    from strongpose.training import loop
    from strongpose.training.recipe import TrainConfig
    def say(line):
        if line.startswith("step 3/"):
            raise_at_fsync = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
            os.fsync = raise_at_fsync
    loop.train({small(dataset, out, checkpoint_minutes=0.0)!r}, say)
    """
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == -signal.SIGKILL
    assert (out / "checkpoint.partial").stat().st_size > 1e6
    goes_on_as_if_nothing_was(dataset, out, whole, 2)
    assert not list(out.glob("*.partial"))


def test_a_full_disk_keeps_the_last_checkpoint(dataset, whole, begun):
    before = (begun / "checkpoint.safetensors").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(TrainingError) as caught:
            train(small(dataset, begun), lambda line: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    path = begun / "checkpoint.safetensors"
    assert str(caught.value).startswith(f"{path}: cannot be written (File too large")
    assert f"the last checkpoint is {path}" in str(caught.value) and "\n" not in str(caught.value)
    assert path.read_bytes() == before and not list(begun.glob("*.partial"))
    goes_on_as_if_nothing_was(dataset, begun, whole, 2)


def test_a_loss_that_is_not_finite_keeps_the_last_checkpoint(dataset, whole, begun):
    wild = small(dataset, begun, learning_rate=1e30, gradient_clip=0.0)
    with pytest.raises(TrainingError) as caught:
        train(wild, lambda line: None)
    assert f"the last checkpoint is {begun / 'checkpoint.safetensors'}" in str(caught.value)
    assert "the loss is not finite (" in str(caught.value) and "heatmaps nan" in str(caught.value)
    goes_on_as_if_nothing_was(dataset, begun, whole, 2)


def test_a_checkpoint_of_values_that_are_not_finite_is_not_written(tmp_path):
    network = build_network(NetworkConfig(upsample=1, neck_channels=0))
    average, optimizer = torch.optim.swa_utils.AveragedModel(network), torch.optim.SGD(network.parameters(), lr=0.1)
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, network, average, optimizer, {"step": 1, "config": {}})
    with torch.no_grad():
        next(network.parameters())[0] = float("inf")
    with pytest.raises(CheckpointError, match=r"not written, as network.* not finite"):
        save_checkpoint(path, network, average, optimizer, {"step": 2, "config": {}})
    assert load_checkpoint(path, network, average, optimizer)["step"] == 1


def test_a_reading_process_that_is_killed_ends_the_run_with_one_line(dataset, whole, begun):
    def kill():
        (reader,) = multiprocessing.active_children()
        os.kill(reader.pid, signal.SIGKILL)

    with pytest.raises(TrainingError, match=r"^a data loader process died \(SIGKILL,") as caught:
        train(small(dataset, begun, workers=1, steps=100_000), at("step 4/", kill))
    assert "the last checkpoint is" in str(caught.value) and "\n" not in str(caught.value)
    assert not multiprocessing.active_children()
    goes_on_as_if_nothing_was(dataset, begun, whole, 2)


def test_a_validation_that_was_broken_off_is_made_up_for(dataset, whole, tmp_path):
    validation = dict(val=dataset, val_images=dataset.with_suffix(""), val_size=65, val_every=3)
    undisturbed, lines = [], []
    train(small(dataset, tmp_path / "other", **validation), undisturbed.append)
    with StopRequest(signal.SIGALRM) as stop:
        # the line comes just before the validation, which notices after its first photo
        train(
            small(dataset, tmp_path / "run", **validation),
            at("step 3/", lambda: os.kill(os.getpid(), signal.SIGALRM), lines),
            stop,
        )
    assert lines[-1] == "stopped at step 3; run the same command again to resume"
    figures = [line for line in undisturbed if " AP " in line]
    assert len(figures) == 2 and not [line for line in lines if " AP " in line]
    lines.clear()
    weights = load_file(train(small(dataset, tmp_path / "run", **validation), lines.append))
    assert [line for line in lines if " AP " in line] == figures
    assert [name for name in whole if not torch.equal(weights[name], whole[name])] == []


def test_stopped_before_the_first_step(dataset, whole, tmp_path):
    """SIGTERM while the modules are loaded, which takes seconds."""
    out = tmp_path / "run"
    command = [sys.executable, "-m", "strongpose.cli", "train", "--data", dataset, "--out", out, "--neck-channels", 32]
    command += "--crop-size 65 --batch-size 2 --steps 5 --warmup-steps 3 --workers 1 --no-bf16 --threads 1".split()
    with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        deadline = time.monotonic() + 120
        maps = Path(f"/proc/{run.pid}/maps")
        while "libtorch_cpu" not in maps.read_text():
            assert time.monotonic() < deadline and run.poll() is None
            time.sleep(0.01)
        run.send_signal(signal.SIGTERM)
        said = run.communicate(timeout=240)[0]
    assert run.returncode == 0, said
    assert said.startswith("stopped at step 0; run the same command again to resume\n"), said
    goes_on_as_if_nothing_was(dataset, out, whole, 0)


def test_a_reading_process_that_starts_ends_with_a_killed_run(dataset, tmp_path):
    """SIGKILL of the run while the process that reads photos loads its modules."""
    code = f"""if True:
    import multiprocessing, os, signal
    from pathlib import Path, PosixPath
    from strongpose.training import loop
    from strongpose.training.recipe import TrainConfig
    import strongpose.data.batches as batches
    if __name__ == "__main__":
        start = multiprocessing.process.BaseProcess.start
        def start_and_end(process):
            start(process)
            while "libtorch_cpu" not in Path(f"/proc/{{process.pid}}/maps").read_text():
                pass
            print(process.pid, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        multiprocessing.process.BaseProcess.start = start_and_end
        loop.train({small(dataset, tmp_path / "run", workers=1)!r}, lambda line: None)
    """
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert run.returncode == -signal.SIGKILL
    reader = Path(f"/proc/{run.stdout.strip()}/status")
    deadline = time.monotonic() + 120
    while reader.exists() and "\nState:\tZ" not in reader.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
