"""Training on a borrowed GPU: the data travel in parts, training goes on in legs, the weights come back in pieces.

``pack`` at home divides data sets, starting weights and validation photos into parts. ``leg`` on the borrowed machine
unpacks what has arrived, trains for some minutes or goes on where the last leg stopped, writes the averaged weights in
pieces, evaluates them and reports. ``leg --rehearse`` does all of it at home with a few photos and three steps.
scripts/README.md says how to use them.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

try:
    import torch
    import tyro
    from data_parts import pack, unpack
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file
    from throughput import WhereTimeGoes, flops_per_image, peak_flops

    from strongpose.evaluation import evaluate
    from strongpose.inference import StrongPose
    from strongpose.network.weights import load_network
    from strongpose.runtime.pytorch import TorchRuntime
    from strongpose.training.loop import train
    from strongpose.training.precision import bf16_units, choose_precision
    from strongpose.training.recipe import TrainConfig
except ImportError as problem:  # before a minute is spent
    sys.exit(f"train_on_gpu: {problem}; bring the wheels that are missing (scripts/README.md), and set PYTHONPATH=src")

PIECE = 15 * 2**20
"""Bytes of a piece of weights at most."""
RETURNED = ("weights.safetensors", "checkpoint.safetensors", "report.json")
"""What a leg writes for bringing back, and pieces of these."""
FOREVER = 1_000_000
"""Steps of a run whose end is not in sight: the learning rate stays on its plateau."""
REHEARSED_PHOTOS, REHEARSED_STEPS = 8, 3


def leg(
    parts: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="PART.zip")] = (),
    /,
    store: Path = Path("runs/borrowed"),
    out: Path = Path("runs/back"),
    minutes: float = 9.0,
    reserve: float = 60.0,
    finish: tyro.conf.FlagCreatePairsOff[bool] = False,
    fall: float = 1.0,
    shares: tuple[str, ...] = (),
    sizes: tuple[str, ...] = ("401", "481", "561", "401+561"),
    bring_checkpoint: tyro.conf.FlagCreatePairsOff[bool] = False,
    limit: float = 60.0,
    rehearse: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Unpack the parts, train until the time is up, write the weights in pieces, evaluate, and print a JSON report.

    Options behind a lone -- are those of `strongpose train`; --data, --out, --steps, --learning-rate-decay and --val
    are set by the leg. Weights that came as files of a part are named by their file name alone.

    Args:
        parts: What `pack` wrote and has arrived with this call.
        store: Folder that stays on the machine between the legs: data and the run.
        out: Folder of what is brought back; what an earlier leg left there is removed.
        minutes: How long this call may take in all.
        reserve: Seconds of it kept for pieces and evaluation.
        finish: The last leg: the learning rate falls to zero by its end.
        fall: Share of the last leg over which it falls.
        shares: How much likelier a photo of a set is drawn than others, such as coco-train=2.
        sizes: Long sides to evaluate at; 401+561 averages two, 561+flip the mirrored photo as well.
        bring_checkpoint: Bring back the checkpoint as well, rounded to bfloat16, for another machine to go on with.
        limit: Millions of bytes that may be brought back.
        rehearse: Eight photos of each set, three steps, small crops, nothing compiled, in a store of its own.
    """
    started = time.monotonic()
    if rehearse:
        store = store / "rehearsal"
        shutil.rmtree(store, ignore_errors=True)
        sizes = sizes[-1:]
    out.mkdir(parents=True, exist_ok=True)
    for old in (old for name in RETURNED for old in out.glob(f"{name}*")):
        old.unlink()
    for part in parts:
        unpack(part, store, REHEARSED_PHOTOS if rehearse else None)
    config = recipe(store, shares)
    if rehearse:
        config = rehearsed(config)
    device = torch.device("cuda" if torch.cuda.is_available() and config.device != "cpu" else "cpu")
    report: dict[str, Any] = {"rehearsal": rehearse, "device": _device_name(device), "seconds": {}}
    seconds = report["seconds"]
    peak = peak_flops(device)
    seconds["unpacking and peak"] = round(time.monotonic() - started, 1)

    until = started + 60 * minutes - reserve
    torch.backends.cudnn.benchmark = True  # all batches have one size
    training = time.monotonic()
    first = _steps_done(config.out)
    if rehearse:
        config = replace(config, steps=first + REHEARSED_STEPS)
    with stopped_at(until):
        if finish and not rehearse:
            config = finishing(config, until, fall)
        with WhereTimeGoes() as clock:
            weights = train(config, clock.say)
    last = _steps_done(config.out)
    trained_for = time.monotonic() - training
    seconds["training, from reading annotations to the checkpoint"] = round(trained_for, 1)

    packing = time.monotonic()
    half = out / "weights.safetensors"
    narrow(weights, half, torch.float16)
    report["weights"] = pieces(half, PIECE)
    if bring_checkpoint:
        report["checkpoint"] = _bring_checkpoint(config.out, out, limit * 1e6 - _bytes(out))
    seconds["pieces"] = round(time.monotonic() - packing, 1)

    network = load_network(weights).config
    forward, trained = flops_per_image(network, config.crop_size)
    speed = clock.images_per_second
    samples = (last - first) * config.batch_size
    report["training"] = {
        "steps": [first, last],
        "images": samples,
        "images_per_second": speed,
        "images_per_second, start and end included": round(samples / trained_for, 1),
        "gflop_per_image": {"forward": round(forward / 1e9, 1), "training": round(trained / 1e9, 1)},
        "peak_tflop_per_second": round(peak / 1e12, 3),
        "share_of_peak": round(trained * speed / peak, 4) if speed else None,
        "waiting_for_data": clock.shares().get("waiting for data", 0.0),
        "phases": clock.shares(),
        "recipe": config.to_dict(),
    }
    _write(out, report)  # what follows may be cut off

    evaluating = time.monotonic()
    val = sorted(store.glob("part-*/val/val.json"))
    report["figures"] = figures_at(sizes, weights, val[0], config, device) if val else "no validation set has arrived"
    seconds["evaluation"] = round(time.monotonic() - evaluating, 1)
    seconds["in all"] = round(time.monotonic() - started, 1)
    if speed is not None:
        (store / "speed.json").write_text(json.dumps({"images_per_second": speed, "warm_up": clock.warm_up}))
    _write(out, report)
    print(json.dumps(report, indent=1))
    print(f"in {out}: {report['weights']['join']}")


def recipe(store: Path, shares: tuple[str, ...]) -> TrainConfig:
    """The recipe on the command line, behind ``--``, with the data sets of the store."""
    data = sorted(store.glob("part-*/train/*.json"))
    if not data:
        raise FileNotFoundError(f"{store}: no training data has arrived; name a part that `pack` wrote")
    likelier = {name: float(value) for name, _, value in (share.partition("=") for share in shares)}
    if unknown := likelier.keys() - {path.stem for path in data}:
        print(f"--shares: not arrived yet: {', '.join(sorted(unknown))}", file=sys.stderr)
    words = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    words += ["--data", *map(str, data), "--sampling-weights", *(str(likelier.get(path.stem, 1.0)) for path in data)]
    words += ["--out", str(store / "run"), "--steps", str(FOREVER), "--learning-rate-decay", "1e-9"]
    config = tyro.cli(TrainConfig, args=words, config=(tyro.conf.OmitArgPrefixes,), prog="strongpose train")
    return replace(config, init=_arrived(config.init, store), backbone_weights=_arrived(config.backbone_weights, store))


def _arrived(path: str | Path | None, store: Path) -> Path | None:
    arrived = None if path is None else store / "files" / Path(path).name
    return arrived if arrived is not None and arrived.exists() else path


def rehearsed(config: TrainConfig) -> TrainConfig:
    """The same recipe, made small."""
    side = 8 * config.output_stride + 1
    return replace(config, crop_size=side, batch_size=2, workers=1, compile=False, log_every=1, warmup_steps=1)


def finishing(config: TrainConfig, until: float, fall: float) -> TrainConfig:
    """The recipe with as many steps as there is time for, the learning rate falling over the share ``fall`` of them.

    The speed is that of the leg before; where there was none, some steps are trained to learn it.
    """
    known = config.out.parent / "speed.json"
    if known.exists():
        before = json.loads(known.read_text())
        speed, warm_up = before["images_per_second"], before["warm_up"]
    else:
        with WhereTimeGoes() as first:
            train(replace(config, steps=_steps_done(config.out) + 4 * config.log_every), first.say)
        speed, warm_up = first.images_per_second or 1.0, first.warm_up
    done = _steps_done(config.out)
    steps = max(1, int((until - time.monotonic() - warm_up) * speed / config.batch_size))
    return replace(config, steps=done + steps, learning_rate_decay=fall * steps / (done + steps))


@contextmanager
def stopped_at(moment: float) -> Iterator[None]:
    """Asks the training loop to stop when `time.monotonic` passes the moment, as SIGTERM does."""
    over = threading.Event()

    def watch() -> None:
        over.wait(max(0.0, moment - time.monotonic()))
        while not over.is_set():  # again, in case the loop was not listening yet
            os.kill(os.getpid(), signal.SIGTERM)
            over.wait(1.0)

    before = signal.signal(signal.SIGTERM, lambda *_: None)
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        signal.signal(signal.SIGTERM, before)


# --- What comes back ---


def narrow(path: Path, out: Path, dtype: torch.dtype) -> None:
    """Copy a safetensors file with its matrices and kernels in another type; vectors and counters keep theirs."""
    tensors = {name: t.to(dtype) if t.ndim > 1 else t for name, t in load_file(path).items()}
    with safe_open(path, framework="pt") as file:
        save_file(tensors, out, metadata=file.metadata())


def pieces(path: Path, size: int) -> dict[str, Any]:
    """Cut a file into numbered pieces, in place of it.

    Returns:
        Names of the pieces, the whole file's bytes and SHA-256, and the command that joins and checks them.
    """
    content = path.read_bytes()
    names = []
    for number, start in enumerate(range(0, len(content), size)):
        names.append(f"{path.name}.{number:02d}")
        path.with_name(names[-1]).write_bytes(content[start : start + size])
    path.unlink()
    digest = hashlib.sha256(content).hexdigest()
    path.with_name(f"{path.name}.sha256").write_text(f"{digest}  {path.name}\n")
    join = f"cat {' '.join(names)} > {path.name} && sha256sum -c {path.name}.sha256"
    return {"pieces": names, "bytes": len(content), "sha256": digest, "join": join}


def _bring_checkpoint(run: Path, out: Path, room: float) -> dict[str, Any] | str:
    path = out / "checkpoint.safetensors"
    narrow(run / "checkpoint.safetensors", path, torch.bfloat16)
    if path.stat().st_size > room:
        size = path.stat().st_size
        path.unlink()
        return f"left behind: {size / 1e6:.0f} MB, room for {room / 1e6:.0f}; go on from the weights with --init"
    return pieces(path, PIECE)


def figures_at(
    sizes: tuple[str, ...], weights: Path, annotations: Path, config: TrainConfig, device: torch.device
) -> dict[str, Any]:
    """COCO's figures of the averaged weights at several sizes: side by side on a GPU, one after the other on a CPU."""
    bf16 = choose_precision(config.bf16, None, device.type, bf16_units(device), config.backbone).bf16
    jobs = [(size, weights, annotations, config.disk_radius, bf16, device.type) for size in sizes]
    if device.type == "cpu":
        return dict(map(_figures, jobs))
    with ProcessPoolExecutor(len(jobs), multiprocessing.get_context("spawn")) as pool:
        return dict(pool.map(_figures, jobs))


def _figures(job: tuple[str, Path, Path, float, bool, str]) -> tuple[str, dict[str, Any]]:
    text, weights, annotations, radius, bf16, device = job
    words = text.split("+")
    sides = [int(word) for word in words if word != "flip"]
    runtime = TorchRuntime(load_network(weights).to(device), sides[0], radius, bf16)
    found = evaluate(StrongPose(runtime, sides, "flip" in words), annotations, annotations.with_suffix(""))
    return text, {name: None if v is None else round(v, 4) for name, v in found.metrics.to_dict().items()}


def _steps_done(run: Path) -> int:
    checkpoint = run / "checkpoint.safetensors"
    if not checkpoint.exists():
        return 0
    with safe_open(checkpoint, framework="pt") as file:
        return int(json.loads(file.metadata()["info"])["step"])


def _write(out: Path, report: dict[str, Any]) -> None:
    (out / "report.json").write_text(json.dumps(report, indent=1))


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    found = (
        re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if Path("/proc/cpuinfo").exists() else None
    )
    return f"{found[1] if found else 'CPU'}, {torch.get_num_threads()} threads"


def main() -> None:
    """Run `pack` or `leg`."""
    own = sys.argv[1 : sys.argv.index("--")] if "--" in sys.argv else sys.argv[1:]
    tyro.extras.subcommand_cli_from_dict(
        {"pack": pack, "leg": leg}, args=own, description=__doc__, config=(tyro.conf.OmitArgPrefixes,)
    )


if __name__ == "__main__":
    main()
