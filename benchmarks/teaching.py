"""Compare knowledge distillation in short runs: learning from labels, a teacher's fields or another network's features.

    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/teaching.py DATA --jobs 2

All runs get the same processor time, on one thread each, with the same photos in the same order. Those on lite2 start
from ImageNet's weights; two train a pyramid over a frozen, pose-trained trunk (`HalfTrunk`).

Prints a Markdown table: crops, processor minutes, the loss terms against labels on fixed crops of coco-tune, and AP on
coco-tune. Results are kept as lines of JSON, and runs found there are not repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from strongpose import StrongPose
from strongpose.data.augment import Augmentation
from strongpose.data.batches import Batch, BatchesByStep, batch_loader
from strongpose.data.coco import KeypointDataset
from strongpose.evaluation import evaluate
from strongpose.export.onnx import export_onnx
from strongpose.network import NetworkConfig, PoseNetwork, build_network, load_backbone
from strongpose.network.half_scale import half_size
from strongpose.network.heads import Maps
from strongpose.network.mobile import MobileBackbone, rename_trunk
from strongpose.network.pyramid import Pyramid
from strongpose.network.tensors import fill, read_tensors
from strongpose.network.weights import load_network, save_weights
from strongpose.runtime.onnx import OnnxRuntime
from strongpose.training.distributed import World
from strongpose.training.loop import open_batches, train
from strongpose.training.losses import LossWeights, losses
from strongpose.training.optimizer import build_optimizer, running_average
from strongpose.training.presets import PRESETS
from strongpose.training.recipe import TrainConfig
from strongpose.training.step import add_gradients, prepared
from strongpose.training.teacher import Teacher

Gradients = Callable[[Batch], None]
MODELS = files("strongpose") / "models"
WORLD = World(CPU := torch.device("cpu"))
SETS = ("coco-native", "coco-train", "mpii", "lsp-extended")
TRUNK, LITE = "lightweight-openpose-trunk.safetensors", "efficientnet-lite2-imagenet.safetensors"
TERMS, START = ("heatmaps", "offsets", "displacements", "body"), 15.0  # seconds of processor time before the first step


@dataclass(frozen=True)
class Run:
    """A way to teach."""

    seconds: float  # of processor time that a step takes on an Intel Xeon with AMX; they say how many fit
    teacher: str = ""  # the released model whose fields count for half of the loss
    kind: str = "lite2"  # or "mimic", which begins with the pose-trained trunk's features; or "half", `HalfTrunk`
    side: int = 225  # of the crops in pixels
    sizes: tuple[int, ...] = (417,)  # of photos for AP
    seed: int = 0  # of crops and first weights


RUNS = {
    "labels": Run(2.0),
    "labels, accurate's fields": Run(3.6, "accurate"),
    "half-size trunk, labels": Run(1.75, kind="half", crop_size=353, sizes=(417, 561, 721)),
    "half of the time the trunk's features, then labels": Run(2.5, kind="mimic"),
    "labels, base's fields": Run(3.0, "base"),
    "labels, another seed": Run(2.0, seed=1),
}


class HalfTrunk(PoseNetwork):
    """A network all of whose trunk is frozen.

    The trunk sees the photo at half its size, a quarter of the work; its 313 features then lie at stride 16, and a
    pyramid adds them to 256 features of stride 8 that its first units make of the whole photo.
    """

    def __init__(self) -> None:
        config = NetworkConfig(upsample=1, neck_channels=128, middle_head=False, freeze_stages=4)
        super().__init__(config)
        self.config = replace(config, half_scale=True)  # whose sides these are; the file does not say all
        self.neck = Pyramid((256, MobileBackbone.channels), 8, 128)

    def forward(self, images: Tensor) -> Maps:
        """As `PoseNetwork.forward`."""
        images, trunk = (images - self.mean) / self.std, self.backbone
        assert isinstance(trunk, MobileBackbone)
        fine = relu(trunk.stem(images))
        for unit in trunk.units[:5]:  # up to where it widens to 512 channels
            fine = unit(fine)
        return self.head(self.neck((fine, trunk(half_size(images))[0])))


def configured(run: Run, data: Path, steps: int, out: Path) -> TrainConfig:
    """The recipe that all runs share."""
    return TrainConfig(
        **PRESETS["lite2"]
        | dict(data=tuple(data / f"train/{name}.json" for name in SETS), sampling_weights=(3.0, 2.0, 1.5, 1.0))
        | dict(backbone_weights=data / "backbones" / LITE, freeze_stages=2, backbone_lr_factor=0.3, ema_decay=0.99)
        | dict(teacher=Path(str(MODELS / f"{run.teacher}.onnx")) if run.teacher else None, crop_size=run.side)
        | dict(batch_size=16, steps=steps, warmup_steps=15, learning_rate_decay=0.4, seed=run.seed, out=out)
        | dict(bf16=False, teacher_bf16=False, workers=1, threads=1, device="cpu", log_every=10)
    )


def learn(network: PoseNetwork, config: TrainConfig, gradients: Gradients, more: nn.Module | None) -> None:
    """Train in place what `strongpose train` cannot; the network ends as its average if nothing ``more`` learns."""
    optimizer = build_optimizer(
        network, config.optimizer, config.learning_rate, config.backbone_lr_factor, config.weight_decay
    )
    if more is not None:
        optimizer.add_param_group({"params": list(more.parameters()), "peak": config.learning_rate})
    average = running_average(network, config.ema_decay)
    learning = [p for group in optimizer.param_groups for p in group["params"]]
    network.train()
    with batch_loader(open_batches(config, network.config, WORLD), 0, config.steps, config.workers) as loader:
        for step, batch in enumerate(loader):
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * config.learning_rate_factor(step)
            optimizer.zero_grad(set_to_none=True)
            gradients(batch)
            nn.utils.clip_grad_norm_(learning, config.gradient_clip)
            optimizer.step()
            average.update_parameters(network)
    if more is None:
        network.load_state_dict(average.module.state_dict())


def learn_labels(network: PoseNetwork, config: TrainConfig) -> None:
    """By the labels, and a teacher's fields if the recipe names one."""
    teacher = None
    if config.teacher:
        teacher = Teacher(config.teacher, network.config, config.disk_radius, config.crop_size, CPU, bf16=False)
    weights = LossWeights(*config.loss_weights)

    def gradients(batch: Batch) -> None:
        parts = prepared(batch, config.accumulate, network.config, config.disk_radius, CPU, teacher)
        add_gradients(
            network, network, parts, WORLD, weights, config.focal_gamma, config.distillation_weight, bf16=False
        )

    learn(network, config, gradients, None)


def learn_features(network: PoseNetwork, config: TrainConfig, data: Path) -> None:
    """The pose-trained trunk's 313 features, each divided by its deviation, by a 1×1 convolution on the pyramid."""
    trunk = MobileBackbone().requires_grad_(False).eval()
    fill(trunk, rename_trunk(read_tensors(data / "backbones" / TRUNK)), TRUNK)
    project = nn.Conv2d(network.config.neck_channels, trunk.channels, 1)
    mean, std = (torch.tensor(values)[:, None, None] for values in (trunk.mean, trunk.std))
    scale: list[Tensor] = []  # mean and deviation of every feature in the first batch

    def gradients(batch: Batch) -> None:
        images = batch.images.permute(0, 3, 1, 2).float().div_(255)
        with torch.no_grad():
            wanted = trunk((images - mean) / std)[0]
        if not scale:
            scale.extend(f((0, 2, 3), keepdim=True) for f in (wanted.mean, wanted.std))
        own = project(network.neck(network.backbone((images - network.mean) / network.std)[0]))
        (own - (wanted - scale[0]) / (scale[1] + 1e-3)).square().mean().backward()

    learn(network, config, gradients, project)


def teach(run: Run, data: Path, steps: int, folder: Path) -> None:
    """One run, in this process; it leaves ``weights.safetensors`` in the folder."""
    config = configured(run, data, steps, folder)
    if run.kind == "lite2":
        train(config)
        return
    torch.set_num_threads(1)
    torch.manual_seed(run.seed)
    network = HalfTrunk() if run.kind == "half" else build_network(config.network_config())
    load_backbone(network, data / "backbones" / (TRUNK if run.kind == "half" else LITE))
    if run.kind == "mimic":
        config = replace(config, steps=steps // 2)
        learn_features(network, replace(config, seed=run.seed + 100), data)  # other crops than the labels'
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    learn_labels(network, config)
    save_weights(network, folder / "weights.safetensors")


def held_out(network: PoseNetwork, data: Path, side: int) -> dict[str, float]:
    """Loss terms against the labels of coco-tune, the mean of eight batches that never change."""
    tune = data / "coco-tune"
    ways = Augmentation(scale=(1.0, 1.8), rotation=0, aspect=1, shift=0.1, flip=0, colour=0, grey=0)
    photos = KeypointDataset(tune / "annotations.json", tune / "images", network.config.skeleton)
    batches = BatchesByStep([photos], [1.0], 16, side, network.config.stride, ways, seed=7)
    parts = [prepared(batches[step], 1, network.config, TrainConfig.disk_radius, CPU)[0] for step in range(8)]
    with torch.no_grad():
        found = [losses(network(part.images), part.targets) for part in parts]
    return {name: round(statistics.fmean(terms[name].item() for terms in found), 4) for name in TERMS}


def measured(run: Run, data: Path, folder: Path) -> dict[str, object]:
    """Loss terms and AP of a trained network, which is also exported."""
    weights, model = folder / "weights.safetensors", folder / "model.onnx"
    network = HalfTrunk() if run.kind == "half" else load_network(weights)
    fill(network, read_tensors(weights), weights)
    network.eval()
    export_onnx(network, model, {"size": 417, "licence": "Apache-2.0", "radius": 12.0}, "float32")
    tune, ap = data / "coco-tune", {}
    for size in run.sizes:
        estimator = StrongPose.from_pretrained(model, size=size, threads=1, runtime="onnx")
        ap[str(size)] = round(evaluate(estimator, tune / "annotations.json", tune / "images").metrics.ap, 4)
    return {"side": run.side, "terms": held_out(network, data, run.side), "ap": ap}


def times(models: dict[str, Path], rounds: int = 15) -> str:
    """Median milliseconds of each network on a photo of 561 × 417 px, two threads, one after the other in turn."""
    runtimes = {name: OnnxRuntime(path, threads=2) for name, path in models.items()}
    spent: dict[str, list[float]] = {name: [] for name in models}
    for i in range(rounds + 2):
        for name, runtime in runtimes.items():
            sides = (-(-(s - 1) // runtime.info.coarse_stride) * runtime.info.coarse_stride + 1 for s in (417, 561))
            photo = np.random.default_rng(i).integers(256, size=(1, *sides, 3), dtype=np.uint8)
            start = time.perf_counter()
            runtime(photo)
            spent[name] += [1000 * (time.perf_counter() - start)]
    rows = (f"| {n} | {statistics.median(s[2:]):.0f} | {min(s[2:]):.0f} |" for n, s in spent.items())
    return "\n".join(["| network | ms, median | least |", "|---|---|---|", *rows])


def table(lines: list[dict]) -> str:
    """The results as a Markdown table."""
    rows = [f"| taught by | crops | CPU minutes | {' | '.join(TERMS)} | sum | AP (size) |", "|---" * 9 + "|"]
    for line in lines:
        values = [line["terms"][name] for name in TERMS]
        ap = ", ".join(f"{value:.3f} ({size})" for size, value in line["ap"].items())
        figures = " | ".join(f"{value:.3f}" for value in (*values, sum(values)))
        rows.append(f"| {line['run']} | {line['crops']} of {line['side']} px | {line['minutes']} | {figures} | {ap} |")
    return "\n".join(rows)


def main() -> int:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with train/, coco-tune/ and backbones/")
    parser.add_argument("--out", type=Path, default=Path("runs/teaching"))
    parser.add_argument("--minutes", type=float, default=3.0, help="processor time of each run")
    parser.add_argument("--only", nargs="*", choices=RUNS, help="names of runs; all if left out")
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time")
    parser.add_argument("--times", action="store_true", help="time the networks at the end")
    parser.add_argument("--steps", type=int, help="make one run of --only in this process, in --out")
    arguments = parser.parse_args()
    if arguments.steps:
        teach(RUNS[arguments.only[0]], arguments.data, arguments.steps, arguments.out)
        return 0
    torch.set_num_threads(1)
    kept = arguments.out / "results.jsonl"
    lines = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    exporter = Lock()  # torch's is not made for threads
    folders = {name: arguments.out / re.sub(r"\W+", "-", name) for name in RUNS}

    def make(name: str) -> None:
        """One run, if it is not there yet."""
        if any(line["run"] == name for line in lines):
            return
        run, folder = RUNS[name], folders[name]
        folder.mkdir(parents=True, exist_ok=True)
        steps = int((60 * arguments.minutes - START) / run.seconds)
        words = [sys.executable, __file__, str(arguments.data), "--steps", str(steps), "--out", str(folder)]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen([*words, "--only", name], stdout=log, stderr=log)
            _, status, usage = os.wait4(process.pid, 0)
        assert not status, f"{name}: failed, see {folder / 'log'}"
        with exporter:
            found = measured(run, arguments.data, folder)
        line = {
            "run": name,
            "steps": steps,
            "crops": 16 * steps,
            "minutes": round((usage[0] + usage[1]) / 60, 2),
            **found,
        }
        lines.append(line)
        with kept.open("a") as file:
            file.write(json.dumps(line) + "\n")

    with ThreadPoolExecutor(arguments.jobs) as pool:
        for done in [pool.submit(make, name) for name in arguments.only or RUNS]:
            done.result()
    print(table(sorted(lines, key=lambda line: list(RUNS).index(line["run"]))))
    if arguments.times:
        own = {name: folders[name] / "model.onnx" for name in ("labels", "half-size trunk, labels")}
        print("\n" + times({**own, "base": Path(str(MODELS / "base.onnx"))}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
