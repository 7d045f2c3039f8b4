"""Time and peak memory of ResNet-50, 101 and 152 at two output strides and several sizes: training step and inference.

    python benchmarks/big_networks.py

The networks are the paper's (SP §IV-B; the preset paper-resnet101 with another backbone, stride and crop), with random
weights. Every case runs in a process of its own, one photo at a time, so that the peak memory is its own.

Prints a Markdown table. Counted, not run: a training step's TFLOP, and what its forward pass keeps for the backward
pass, with the weights in bfloat16. Measured: seconds, processor seconds, which tell more on a busy machine, and the
process's peak memory. A cell says so where a case took too long or too much memory; larger networks are not tried then.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch
import tyro
from presets import flops, step
from torch._subclasses.fake_tensor import FakeTensorMode

from strongpose.encode import encode
from strongpose.export.onnx import export_onnx
from strongpose.network import build_network
from strongpose.runtime.openvino import OpenVinoRuntime
from strongpose.runtime.pytorch import TorchRuntime
from strongpose.training.presets import PRESETS
from strongpose.training.recipe import TrainConfig

TASKS = ("train", "torch", "openvino")


@dataclass(frozen=True)
class Arguments:
    """What to measure."""

    backbones: tuple[str, ...] = ("resnet50", "resnet101", "resnet152")
    """Smallest first."""
    strides: tuple[int, ...] = (16, 8)
    """Output strides."""
    sides: tuple[int, ...] = (401, 801, 1401)
    """Sides of the square photo, in pixels; the next smaller one that fits the stride is taken."""
    tasks: tuple[str, ...] = TASKS
    """train: forward, losses and backward in bfloat16; torch: inference in bfloat16; openvino: as it chooses."""
    threads: int = 2
    """CPU threads."""
    seconds: float = 150.0
    """The most processor time that a case may take, with its start."""
    memory_gb: float = 11.0
    """The most memory that a case may use."""
    minutes: float = 25.0
    """Cases that would begin later are left out."""
    only: str = ""
    """The case to measure in this process, as TASK BACKBONE STRIDE SIDE MODEL."""


def configured(backbone: str, stride: int, side: int) -> TrainConfig:
    values = PRESETS["paper-resnet101"] | dict(
        backbone=backbone, output_stride=stride, eval_output_stride=stride, crop_size=side
    )
    return TrainConfig(data=("none",), **values)


def kept(config: TrainConfig) -> int:
    """Bytes that the forward pass of a photo keeps for the backward pass; counted on shapes, nothing is computed."""
    storages: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        storages[storage._cdata] = storage
        return tensor

    with FakeTensorMode():
        network = build_network(config.network_config()).train()
        known = {p.untyped_storage()._cdata for p in network.parameters()}
        with (
            torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
            torch.autocast("cpu", dtype=torch.bfloat16),
        ):
            maps = network(torch.empty(1, 3, config.crop_size, config.crop_size))
        assert maps.heatmaps.requires_grad
    return sum(storage.nbytes() for number, storage in storages.items() if number not in known)


def work(task: str, config: TrainConfig, model: str) -> Callable[[], object]:
    """What is to be timed."""
    if task == "openvino":
        runtime = OpenVinoRuntime(model, threads=torch.get_num_threads())
        photo = np.zeros((1, config.crop_size, config.crop_size, 3), dtype=np.uint8)
        return lambda: runtime(photo)
    network = build_network(config.network_config()).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if task == "torch":
        inference = TorchRuntime(network, config.crop_size, config.disk_radius, bf16=True)
        photo = np.zeros((1, config.crop_size, config.crop_size, 3), dtype=np.uint8)
        return lambda: inference(photo)
    network.train()
    skeleton = network.config.skeleton
    people = torch.rand(1, 2, skeleton.num_keypoints, 3) * torch.tensor([config.crop_size, config.crop_size, 1.0])
    cells = (config.crop_size - 1) // network.config.stride + 1
    targets = encode(people, (cells, cells), network.config.stride, skeleton, config.disk_radius)
    images = torch.rand(1, 3, config.crop_size, config.crop_size).contiguous(memory_format=torch.channels_last)
    return lambda: step(network, config, images, targets)


def measure(case: str, seconds: float, memory: float) -> dict[str, float]:
    """The best of one or two runs behind a first one, in which the libraries prepare."""
    resource.setrlimit(resource.RLIMIT_DATA, (int(memory * 1e9), -1))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), -1))
    task, backbone, stride, side, model = case.split()
    run = work(task, configured(backbone, int(stride), int(side)), model)
    runs: list[tuple[float, float]] = []
    while len(runs) < 2 or (len(runs) < 3 and sum(processor for _, processor in runs) < 8):
        started, before = time.perf_counter(), time.process_time()
        run()
        runs.append((time.perf_counter() - started, time.process_time() - before))
    timed = runs[1:]
    status = Path("/proc/self/status").read_text()  # `getrusage` counts the memory of the process that started this one
    peak = 1024 * int(status.partition("VmHWM:")[2].split()[0])
    return {"wall": min(w for w, _ in timed), "processor": min(p for _, p in timed), "peak": peak}


def measured(arguments: Arguments, case: str) -> dict[str, float] | str:
    """Figures of a case from a process of its own, or why there are none."""
    bounds = ["--seconds", str(arguments.seconds), "--memory-gb", str(arguments.memory_gb)]
    command = [sys.executable, __file__, "--threads", str(arguments.threads), *bounds, "--only", case]
    environment = {**os.environ, "OMP_NUM_THREADS": str(arguments.threads)}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    if run.returncode == 0:
        figures: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
        return figures
    if run.returncode == -signal.SIGXCPU:
        return f"over {arguments.seconds:.0f} s"
    if any(word in run.stderr for word in ("allocate", "MemoryError", "bad_alloc", "out of memory")):
        return f"over {arguments.memory_gb:.0f} GB"
    return f"status {run.returncode}: {(run.stderr.strip().splitlines() or [''])[-1][:60]}"


def exported(backbone: str, stride: int, folder: Path) -> Path:
    """The network as .onnx, for any size."""
    path = folder / f"{backbone}-{stride}.onnx"
    if not path.exists():
        network = build_network(configured(backbone, stride, 401).network_config()).eval()
        export_onnx(network, path, {"size": 401, "licence": "Apache-2.0"})
    return path


def main(arguments: Arguments) -> None:
    torch.set_num_threads(arguments.threads)
    if arguments.only:
        print(json.dumps(measure(arguments.only, arguments.seconds, arguments.memory_gb)))
        return
    began = time.monotonic()
    given_up: dict[tuple[str, int, int], bool] = {}
    columns = "".join(f" {task} s | cpu s | GB |" for task in arguments.tasks)
    print(f"| side | stride | backbone | TFLOP | kept, GB |{columns}")
    print(f"|---|---|---|---|---|{'---|---|---|' * len(arguments.tasks)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for side, stride, backbone in product(arguments.sides, arguments.strides, arguments.backbones):
            side -= (side - 1) % stride
            config = configured(backbone, stride, side)
            row = f"| {side} | {stride} | {backbone} | {flops(config) / 1e12:.2f} | {kept(config) / 1e9:.2f} |"
            for task in arguments.tasks:
                if given_up.get((task, side, stride)):
                    row += " not tried | | |"
                    continue
                if time.monotonic() - began > 60 * arguments.minutes:
                    row += " no time left | | |"
                    continue
                model = exported(backbone, stride, Path(folder)) if task == "openvino" else "-"
                found = measured(arguments, f"{task} {backbone} {stride} {side} {model}")
                if isinstance(found, str):
                    given_up[task, side, stride] = True
                    row += f" {found} | | |"
                else:
                    row += f" {found['wall']:.1f} | {found['processor']:.1f} | {found['peak'] / 1e9:.1f} |"
            print(row, flush=True)


if __name__ == "__main__":
    main(tyro.cli(Arguments))
