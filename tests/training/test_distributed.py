"""Two processes on the CPU: the same gradients as one, and one step at which both stop."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack

import pytest
import torch
from pictures import write_dataset
from safetensors.torch import load_file

from strongpose.network.weights import load_network
from strongpose.training.loop import train
from strongpose.training.recipe import TrainConfig

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
PLAIN = dict(
    steps=1,
    optimizer="sgd",
    learning_rate=1.0,
    backbone_lr_factor=1.0,
    gradient_clip=0.0,
    warmup_steps=0,
    weight_decay=0.0,
)
OPTIONS = "--device cpu --crop-size 65 --workers 0 --log-every 1 --no-bf16".split()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("drawn") / "set", 4)


def free_ports(number):
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for probe in sockets:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in sockets]


def test_gradients_of_two_processes_are_those_of_one(dataset, tmp_path):
    """One step of plain gradient descent with rate 1 leaves the first weights minus the gradient."""
    recipe = "--batch-size 3 --steps 1 --optimizer sgd --learning-rate 1 --backbone-lr-factor 1"
    command = [*"-m torch.distributed.run --standalone --nproc-per-node 2 -m strongpose.cli train".split()]
    command += ["--data", str(dataset), "--out", str(tmp_path / "two"), *OPTIONS, *recipe.split()]
    command += "--gradient-clip 0 --warmup-steps 0 --learning-rate-decay 0 --weight-decay 0".split()
    run = subprocess.run([sys.executable, *command], env=ENVIRONMENT, capture_output=True, text=True, timeout=240)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("step 1/1") == run.stdout.count("averaged weights in") == 1, run.stdout

    config = TrainConfig(
        data=(dataset,),
        out=tmp_path / "one",
        device="cpu",
        crop_size=65,
        batch_size=3,
        steps=1,
        optimizer="sgd",
        learning_rate=1.0,
        backbone_lr_factor=1.0,
        gradient_clip=0.0,
        warmup_steps=0,
        learning_rate_decay=0.0,
        weight_decay=0.0,
        bf16=False,
        workers=0,
    )
    lines = []
    weights = train(config, lines.append)
    one, two = load_file(weights), load_file(tmp_path / "two" / "weights.safetensors")
    torch.manual_seed(config.seed)
    first = type(load_network(weights))(load_network(weights).config).state_dict()
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-5, atol=1e-5, msg=lambda m, name=name: f"{name}: {m}")
    assert (one["head.fields.weight"] - first["head.fields.weight"]).abs().max() > 0.01


@pytest.fixture(scope="module")
def two_processes(dataset, tmp_path_factory):
    """A folder of runs of two processes, and what the two of them said.

    Four steps; the first two of them, and on from there; a step for the gradients; and many, until the second is asked
    to stop.
    """
    folder, ports = tmp_path_factory.mktemp("runs"), free_ports(5)
    script = f"""
import os
from pathlib import Path
from strongpose.training.loop import train
from strongpose.training.recipe import TrainConfig

def run(out, port, **changes):
    os.environ["MASTER_PORT"] = str(port)  # the second process may still find the first one's last port open
    small = dict(crop_size=65, batch_size=5, steps=4, accumulate=2, workers=0, bf16=False, device="cpu", log_every=1)
    small |= dict(learning_rate_decay=0.0)
    train(TrainConfig(data=({str(dataset)!r},), out=Path({str(folder)!r}) / out, **(small | changes)))

run("whole", {ports[0]})
run("parts", {ports[1]}, steps=2)
run("parts", {ports[2]})
run("two", {ports[3]}, **{PLAIN!r})
run("stopped", {ports[4]}, steps=100000)
"""
    world = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    first, second = (
        subprocess.Popen(
            [sys.executable, "-c", script],
            env={**ENVIRONMENT, **world, "RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in "01"
    )
    seen = ""
    for line in first.stdout:
        seen += line
        if line.startswith("step 2/100000"):
            second.send_signal(signal.SIGTERM)
            break
    outputs = [seen + first.communicate(timeout=300)[0], second.communicate(timeout=300)[0]]
    assert (first.returncode, second.returncode) == (0, 0), outputs
    return folder, *outputs


def test_all_processes_stop_at_the_same_step(two_processes):
    """Only the second one is asked to stop."""
    folder, said, silent = two_processes
    assert "stopped at step" in said.splitlines()[-1] and "step" not in silent
    assert (folder / "stopped" / "checkpoint.safetensors").exists()
    assert not list((folder / "stopped").glob("*.partial"))


def test_two_processes_resume_exactly(two_processes):
    folder, said, _ = two_processes
    assert "resuming" in said and "at step 2; changed: steps" in said
    whole, parts = (load_file(folder / out / "weights.safetensors") for out in ("whole", "parts"))
    for name, tensor in whole.items():
        assert torch.equal(parts[name], tensor), name


def test_two_processes_take_batches_in_parts(two_processes, dataset, tmp_path):
    small = dict(data=(dataset,), out=tmp_path / "one", crop_size=65, batch_size=5, workers=0, bf16=False, device="cpu")
    one = load_file(train(TrainConfig(**small, **PLAIN)))
    two = load_file(two_processes[0] / "two" / "weights.safetensors")
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-5, atol=1e-5, msg=lambda m, name=name: f"{name}: {m}")
