"""What the presets cost: parameters, and operations, time and memory of a training step, for each photo of it.

    python benchmarks/presets.py --steps 2 --batch-size 2

Prints a Markdown table. Each preset runs in a process of its own, so that the peak memory is its own;
the optimiser and the average are left out.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import cv2
import torch
import tyro
from torch.utils.flop_counter import FlopCounterMode

from strongpose.data.augment import Augmentation
from strongpose.data.batches import BatchesByStep
from strongpose.data.coco import KeypointDataset
from strongpose.encode import Targets, encode
from strongpose.export.onnx import export_onnx
from strongpose.network import PoseNetwork, at_output_stride, build_network
from strongpose.training.losses import LossWeights, losses, total_loss
from strongpose.training.presets import PRESETS, PresetName
from strongpose.training.recipe import TrainConfig


def step(network: PoseNetwork, config: TrainConfig, images: torch.Tensor, targets: Targets) -> int:
    """Forward, losses and backward as in training; returns the bytes that forward keeps for backward."""
    known = {p.untyped_storage().data_ptr() for p in network.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=True):
            maps = network(images)
        loss = total_loss(losses(maps, targets, config.focal_gamma), LossWeights(*config.loss_weights))
    network.zero_grad(set_to_none=True)
    loss.backward()
    return sum(kept.values())


def flops(config: TrainConfig) -> float:
    """Floating-point operations of a training step on one photo; counted on shapes, nothing is computed."""
    with torch.device("meta"):
        network = build_network(config.network_config()).train()
        with FlopCounterMode(display=False) as counter:
            maps = network(torch.empty(1, 3, config.crop_size, config.crop_size))
            vectors = (maps.heatmaps, maps.offsets, maps.displacements, maps.body)
            middle = maps.middle[:3] if maps.middle else ()
            sum(tensor.sum() for tensor in (*vectors, *middle)).backward()
    return float(counter.get_total_flops())


def measure(name: str, batch_size: int, steps: int) -> dict[str, float]:
    """Time and memory of a step, with random weights and two people a photo."""
    config = TrainConfig(data=(Path("none"),), **PRESETS[name])
    network = build_network(config.network_config()).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    stride, skeleton = network.config.stride, network.config.skeleton
    people = torch.rand(batch_size, 2, skeleton.num_keypoints, 3) * torch.tensor(
        [config.crop_size, config.crop_size, 1.0]
    )
    cells = (config.crop_size - 1) // stride + 1
    targets = encode(people, (cells, cells), stride, skeleton, config.radius)
    images = torch.rand(batch_size, 3, config.crop_size, config.crop_size).contiguous(memory_format=torch.channels_last)
    seconds, processor, kept = [], [], 0
    for _ in range(steps + 1):
        started, before = time.perf_counter(), time.process_time()
        kept = step(network, config, images, targets)
        seconds.append(time.perf_counter() - started)
        processor.append(time.process_time() - before)
    return {
        "parameters": sum(p.numel() for p in network.parameters()),
        "flops": flops(config),
        "seconds": statistics.median(seconds[1:]) / batch_size,
        "processor": statistics.median(processor[1:]) / batch_size,
        "kept": kept / batch_size,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def photos_per_second(config: TrainConfig) -> float:
    """Photos that one core reads and augments in a second."""
    dataset = KeypointDataset(config.data[0], config.images[0] if config.images else None)
    stride = config.output_stride // config.upsample
    batches = BatchesByStep([dataset], [1.0], 1, config.crop_size, stride, Augmentation(config.scale), config.seed)
    cv2.setNumThreads(0)
    started = time.perf_counter()
    for step in range(40):
        batches.sample(step, 0)
    return 40 / (time.perf_counter() - started)


def export_untrained(preset: PresetName, path: Path) -> Path:
    """Write the network of a preset, with random weights and the stride at which it would be used, to an .onnx file."""
    config = TrainConfig(data=(Path("none"),), **PRESETS[preset])
    network = build_network(config.network_config())
    network = at_output_stride(network, config.eval_output_stride or config.output_stride)
    export_onnx(network, path, {"size": 561, "licence": "Apache-2.0"})
    return path


def main(
    batch_size: int = 2,
    steps: int = 2,
    threads: int = 2,
    data: Path | None = None,
    images: Path | None = None,
    only: str = "",
) -> None:
    """Measure the presets.

    Args:
        batch_size: Photos a step.
        steps: Steps to measure, behind one that is not.
        threads: CPU threads.
        data: Instead, measure how fast the photos of this annotation file are read and augmented.
        images: Folder of these photos.
        only: The preset to measure in this process, as JSON.
    """
    if only:
        torch.set_num_threads(threads)
        print(json.dumps(measure(only, batch_size, steps)))
        return
    if data is not None:
        for name in ("paper-resnet101", "best-resnet50"):
            config = TrainConfig(data=(data,), images=(images,) if images else (), **PRESETS[name])
            print(f"{config.crop_size} px: {photos_per_second(config):.0f} photos/s")
        return
    print("| preset | parameters, M | GFLOP | s | processor s | kept for backward, MB | peak of the process, GB |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name in PRESETS:
        options = ["--only", name, "--batch-size", str(batch_size), "--steps", str(steps), "--threads", str(threads)]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        run = subprocess.run([sys.executable, __file__, *options], env=environment, check=True, capture_output=True)
        found = json.loads(run.stdout)
        print(
            f"| {name} | {found['parameters'] / 1e6:.1f} | {found['flops'] / 1e9:.0f} | {found['seconds']:.2f} | "
            f"{found['processor']:.2f} | {found['kept'] / 1e6:.0f} | {found['peak'] / 1e9:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    tyro.cli(main)
