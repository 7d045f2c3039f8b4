"""Throughput of training: images per second, the share of the machine's peak, and where the time goes.

``python scripts/throughput.py -- OPTIONS OF strongpose train`` trains for some steps and prints these as JSON.
"""

from __future__ import annotations

import json
import math
import re
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import torch
import tyro
from torch.utils.flop_counter import FlopCounterMode

from strongpose.network import NetworkConfig, build_network
from strongpose.network.weights import load_network
from strongpose.training.loop import train
from strongpose.training.recipe import TrainConfig

LOOP = ("strongpose/training/loop.py", "_train")  # what is watched: file and function
PHASES = (  # first match wins; file (end of its path) and function name of any frame between the loop and the moment
    ("compiling", "torch/_dynamo/convert_frame.py", ""),
    ("waiting for data", "torch/utils/data/dataloader.py", ""),
    ("targets", "strongpose/encode/targets.py", ""),
    ("copying to the device", "strongpose/training/step.py", "_prepared"),
    ("losses", "strongpose/training/losses.py", ""),
    ("reading the losses", "strongpose/training/run.py", "_check_finite"),
    ("reading the losses", "strongpose/training/progress.py", "add"),
    ("validation", "strongpose/training/validation.py", ""),
    ("checkpoints", "strongpose/training/checkpoint.py", ""),
    ("checkpoints", "strongpose/network/weights.py", ""),
    ("clipping", "torch/nn/utils/clip_grad.py", ""),
    ("averaging", "torch/optim/swa_utils.py", ""),
    ("optimiser", "torch/optim/", ""),
    ("backward", "torch/_tensor.py", "backward"),
    ("forward", "strongpose/network/", ""),
    ("forward", "torch/_dynamo/eval_frame.py", ""),
)
OPERATORS = (  # first match wins; part of the name that the profiler gives an operator
    ("depthwise convolutions, forward", "depthwise convolution forward"),
    ("depthwise convolutions, backward", "depthwise convolution backward"),
    ("other convolutions, forward", "convolution forward"),
    ("other convolutions, backward", "convolution backward"),
    ("optimiser and averaging", "_fused_adamw_|_foreach_|lerp|adamw"),
    ("compiled, element by element", "graph|triton_|fused_|Compiled|compiled"),
)


def peak_flops(device: torch.device) -> float:
    """FLOP/s of a square bfloat16 matrix product of random numbers: the best of ten."""
    side = 8192 if device.type == "cuda" else 2048
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    best = float("inf")
    for _ in range(10):
        _synchronise(device)
        started = time.perf_counter()
        a @ b
        _synchronise(device)
        best = min(best, time.perf_counter() - started)
    return 2 * side**3 / best


def flops_per_image(config: NetworkConfig, side: int) -> tuple[float, float]:
    """FLOPs of one (3, side, side) image: forward, and a training step's forward and backward pass.

    Convolutions and matrix products only, a multiply-add counted as two; frozen layers have no backward pass.
    """
    with torch.device("meta"):
        network, image = build_network(config).train(), torch.empty(1, 3, side, side)
    corrected = {torch.ops.aten.convolution_backward: _convolution_backward_flops}
    with FlopCounterMode(display=False, custom_mapping=corrected) as counter:
        maps = network(image)
        forward = counter.get_total_flops()
        learnt = [
            maps.body,
            *(m for of in (maps, maps.middle) if of for m in (of.heatmaps, of.offsets, of.displacements)),
        ]
        torch.stack([output.float().sum() for output in learnt]).sum().backward()
    return forward, counter.get_total_flops()


def _convolution_backward_flops(
    grad: list[int], x: list[int], weight: list[int], *options: Any, out_shape: Any = None, **_: Any
) -> int:
    """As much as forward for each wanted gradient, of input and weight; torch's own count ignores groups."""
    wanted = sum(options[-1][:2])
    return 2 * grad[0] * math.prod(grad[2:]) * math.prod(weight) * wanted


class WhereTimeGoes:
    """Looks a hundred times a second at what the main thread is doing; counts it by phase of the training loop.

    Give `say` to `train`: counting starts with the second progress line, so that compilation and the first batches
    are left out. On a GPU the main thread runs ahead and waits for the results of all phases where it first reads
    a number: in the losses.

    Attributes:
        speeds: images per second of every progress line but the first.
        warm_up: seconds until the first progress line.
    """

    def __init__(self, echo: bool = True) -> None:
        self.echo = echo
        self.counts: Counter[str] = Counter()
        self.speeds: list[float] = []
        self.warm_up = 0.0
        self._lines = 0
        self._started = time.monotonic()
        self._main = threading.main_thread().ident or 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def say(self, line: str) -> None:
        """Take a progress line of `train`, and print it."""
        if self.echo:
            print(line, file=sys.stderr, flush=True)
        found = re.search(r"^step .*?([\d.]+) images/s", line)
        if found:
            self._lines += 1
            if self._lines == 1:
                self.warm_up = time.monotonic() - self._started
            else:
                self.speeds.append(float(found[1]))

    @property
    def images_per_second(self) -> float | None:
        """Median of the progress lines; None if there were fewer than two."""
        return statistics.median(self.speeds) if self.speeds else None

    def shares(self) -> dict[str, float]:
        """Share of the loop's time by phase, largest first."""
        total = sum(self.counts.values())
        return {name: round(count / total, 4) for name, count in self.counts.most_common()}

    def __enter__(self) -> WhereTimeGoes:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.01):
            frame = sys._current_frames().get(self._main)
            if self._lines and frame is not None and (phase := _phase(frame)):
                self.counts[phase] += 1


def _phase(frame: FrameType | None) -> str | None:
    """What the training loop is doing, by the call stack; None outside of it."""
    inside: list[tuple[str, str]] = []
    while frame is not None:
        code = frame.f_code
        name = code.co_filename.replace("\\", "/")
        if name.endswith(LOOP[0]) and code.co_name == LOOP[1]:
            for phase, file, function in PHASES:
                if any(file in f and function in ("", c) for f, c in inside):
                    return phase
            return "rest"
        inside.append((name, code.co_name))
        frame = frame.f_back
    return None


def operators(config: TrainConfig) -> dict[str, float]:
    """Share of a training run's operator time by kind of operator, largest first (torch.profiler)."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    if torch.cuda.is_available() and config.device != "cpu":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities, record_shapes=True) as profiler:
        train(config, lambda line: None)
    on_device = len(activities) > 1
    times: Counter[str] = Counter()
    for event in profiler.key_averages(group_by_input_shape=True):
        spent = event.self_device_time_total if on_device else event.self_cpu_time_total
        if on_device and event.device_type != torch.autograd.DeviceType.CPU:
            continue  # kernels are counted with the operators that launch them
        times[_kind(event.key, event.input_shapes)] += spent
    total = sum(times.values())
    return {name: round(spent / total, 4) for name, spent in times.most_common(12)}


def _kind(name: str, shapes: list[Any]) -> str:
    if "conv" in name:
        weights = [s for s in shapes if len(s) == 4 and s[1:] != [] and s[2] == s[3] <= 7]
        depthwise = any(s[1] == 1 and s[0] > 1 for s in weights)
        way = "backward" if "backward" in name else "forward"
        name = f"{'depthwise ' if depthwise else ''}convolution {way}"
    for kind, pattern in OPERATORS:
        if re.search(pattern, name):
            return kind
    return name


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure(steps: int = 60, profile: Annotated[int, tyro.conf.arg(metavar="STEPS")] = 0) -> dict[str, Any]:
    """Train for some steps and say how fast, and where the time goes.

    Args:
        steps: To train.
        profile: Then train that many more under torch's profiler (0: do not).
    """
    words = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    config = tyro.cli(TrainConfig, args=words, config=(tyro.conf.OmitArgPrefixes,))
    with tempfile.TemporaryDirectory() as folder:
        config = replace(config, out=Path(folder), steps=steps, log_every=max(1, steps // 12))
        with WhereTimeGoes() as clock:
            weights = train(config, clock.say)
        forward, trained = flops_per_image(load_network(weights).config, config.crop_size)
        device = torch.device("cuda" if torch.cuda.is_available() and config.device != "cpu" else "cpu")
        peak, speed = peak_flops(device), clock.images_per_second or 0.0
        report = {
            "images_per_second": speed,
            "gflop_per_image": {"forward": round(forward / 1e9, 1), "training": round(trained / 1e9, 1)},
            "gflop_per_second": round(trained * speed / 1e9, 1),
            "peak_gflop_per_second": round(peak / 1e9, 1),
            "share_of_peak": round(trained * speed / peak, 4),
            "phases": clock.shares(),
        }
        if profile:
            report["operators"] = operators(replace(config, steps=steps + profile))
    return report


if __name__ == "__main__":
    own = sys.argv[1 : sys.argv.index("--")] if "--" in sys.argv else sys.argv[1:]
    print(json.dumps(tyro.cli(measure, args=own, description=__doc__), indent=1))
