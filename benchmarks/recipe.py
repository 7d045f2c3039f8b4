"""Ablate the training recipe: short runs that differ in one thing each, scored on the tuning set.

Every run is one ``strongpose train`` command on one thread, as many at a time as ``--jobs`` says; results are kept as
lines of JSON, and runs found there are not repeated. Photos, annotations and weights are read from DATA.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SETS = ("coco-train", "lsp-extended", "mpii")

# What every run is told, unless it says otherwise; later options win. DATA is a folder, see `command`.
COMMON = """--sampling-weights 2.0 0.7 1.0 --freeze-stages 3 --crop-size 193 --scale 1.17 3.33 --batch-size 16
    --steps 200 --learning-rate 1e-3 --backbone-lr-factor 0.5 --warmup-steps 30 --learning-rate-decay 0.5 --threads 1
    --val-size 481 --val-every 1000000"""

RUNS = {
    "reference": "",
    "another seed": "--seed 1",
    "a third seed": "--seed 2",
    "rate 1 % higher": "--learning-rate 1.01e-3",  # tells how much the same start says
    "R = 16": "--disk-radius 16",
    "paper's heat map loss": "--focal-gamma 0",
    "people a third larger": "--scale 1.6 4.4",
    "crops of 321 px, 6 a step": "--crop-size 321 --scale 0.7 2.0 --batch-size 6",
    "COCO photos only": "--sampling-weights 1 0.000001 0.000001",
    "no teacher's labels": "--exclude-sources teacher",
    "COCO's 19 edges": "--graph coco-19",
    "paper's tree, 16 edges": "--graph coco-tree",
    "paper's SGD, 1e-3": "--optimizer sgd --weight-decay 0 --backbone-lr-factor 1",
    "AdamW, 2e-3": "--learning-rate 2e-3",
    "no averaging": "--ema-decay 0",
    "whole backbone frozen": "--freeze-stages 4",
    "nothing frozen": "--freeze-stages 0",
    "taught by accurate, half": "--teacher accurate",
    "untrained backbone": "--backbone-weights none --freeze-stages 0",
    "ImageNet's ResNet-50": "--backbone resnet50v2 --last-stage 3 --freeze-stages 0 --backbone-weights "
    "DATA/backbones/resnet50v2-imagenet-c4.safetensors",
}

# The same with the whole backbone frozen, where seeds differ by a few thousandths and less can be told apart.
FROZEN = {
    "another seed": "--seed 1",
    "COCO photos only": "--sampling-weights 1 0.000001 0.000001",
    "taught by accurate, half": "--teacher accurate",
    "every photo as likely": "--sampling-weights 1 1 1",
    "no teacher's labels": "--exclude-sources teacher",
    "R = 16": "--disk-radius 16",
    "R = 8": "--disk-radius 8",
    "paper's tree": "--graph coco-tree",
    "COCO's 19 edges": "--graph coco-19",
    "paper's heat map loss": "--focal-gamma 0",
    "focal gamma 2": "--focal-gamma 2",
    "offsets count double": "--loss-weights 1 2 1 1 0.3",
    "no intermediate supervision": "--loss-weights 1 1 1 1 0",
    "people a third larger": "--scale 1.6 4.4",
    "people a third smaller": "--scale 0.88 2.5",
    "crops of 321 px, 6 a step": "--crop-size 321 --scale 0.7 2.0 --batch-size 6",
    "half-scale branch": "--half-scale",
    "stride 4 by pixel shuffle": "--upsample 2",
    "neck of rank 96": "--neck-rank 96",
    "SGD, 1e-2": "--optimizer sgd --learning-rate 1e-2 --weight-decay 0",
    "AdamW, 3e-4": "--learning-rate 3e-4",
    "AdamW, 2e-3": "--learning-rate 2e-3",
    "AdamW, 2e-3, taught": "--learning-rate 2e-3 --teacher accurate",
    "rate never falls": "--learning-rate-decay 0.0001",
    "rate falls from the start": "--learning-rate-decay 1",
    "no averaging": "--ema-decay 0",
}
RUNS |= {f"frozen, {name}": f"--freeze-stages 4 {options}" for name, options in FROZEN.items()}


def options_of(text: str) -> dict[str, list[str]]:
    """A command line's options, each with its values."""
    options: dict[str, list[str]] = {}
    for word in shlex.split(text):
        if word.startswith("--"):
            values = options[word] = []
        else:
            values.append(word)
    return options


def command(data: Path, trunk: Path, out: Path, text: str) -> list[str]:
    """The command line of one run; DATA in its options is the folder of the data."""
    text = text.replace("DATA/", f"{data}/")
    options = {
        "--data": [str(data / "train" / f"{name}.json") for name in SETS],
        "--val": [str(data / "coco-tune/annotations.json")],
        "--backbone-weights": [str(trunk)],
        **options_of(COMMON),
        **options_of(text),
        "--out": [str(out)],
    }
    if options["--backbone-weights"] == ["none"]:
        del options["--backbone-weights"]
    return ["strongpose", "train", *(word for name, values in options.items() for word in (name, *values))]


def run(words: list[str], photos: int) -> dict[str, float | str]:
    """Train, and read AP and speed off the run's own output."""
    started = time.monotonic()
    result = subprocess.run(words, capture_output=True, text=True)
    minutes = (time.monotonic() - started) / 60
    scores = re.findall(r"AP (\S+) AP50 (\S+) AR (\S+)", result.stdout)
    if not scores:
        return {"failed": (result.stderr or result.stdout).strip().splitlines()[-1], "minutes": round(minutes, 1)}
    ap, ap50, ar = map(float, scores[-1])
    return {"photos": photos, "minutes": round(minutes, 1), "ap": ap, "ap50": ap50, "ar": ar}


def table(lines: list[dict]) -> str:
    """The results as a Markdown table."""
    rows = ["| run | what differs | photos seen | minutes | AP | AP50 | AR |", "|---|---|---|---|---|---|---|"]
    for line in lines:
        figures = (
            f"failed: {line['failed']} | | "
            if "failed" in line
            else f"{line['ap']:.3f} | {line['ap50']:.3f} | {line['ar']:.3f}"
        )
        options = f"`{line['options']}`" if line["options"] else ""
        rows.append(f"| {line['run']} | {options} | {line.get('photos', '')} | {line['minutes']} | {figures} |")
    return "\n".join(rows)


def main() -> int:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with train/, coco-tune/")
    parser.add_argument("trunk", type=Path, help="weights of the backbone to start from")
    parser.add_argument("--out", type=Path, default=Path("runs/recipe"))
    parser.add_argument("--only", nargs="*", help="names of runs; all if left out")
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time")
    parser.add_argument("--list", action="store_true", help="print the commands and stop")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    kept = arguments.out / "results.jsonl"
    lines = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []

    def make(name: str) -> None:
        """One run, if it is not there yet."""
        folder = arguments.out / re.sub(r"\W+", "-", name.lower())
        words = command(arguments.data, arguments.trunk, folder, RUNS[name])
        if arguments.list:
            print(f"# {name}\n{shlex.join(words)}")
            return
        if any(line["run"] == name for line in lines):
            return
        steps, batch = (int(words[words.index(option) + 1]) for option in ("--steps", "--batch-size"))
        line = {"run": name, "options": RUNS[name], **run(words, steps * batch)}
        lines.append(line)
        print(line, file=sys.stderr, flush=True)
        with kept.open("a") as file:
            file.write(json.dumps(line) + "\n")

    with ThreadPoolExecutor(arguments.jobs) as pool:
        for done in [pool.submit(make, name) for name in arguments.only or RUNS]:
            done.result()
    known = [line for line in lines if line["run"] in RUNS]
    if known:
        print(table(sorted(known, key=lambda line: list(RUNS).index(line["run"]))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
