"""Ablate a training recipe: short runs of ``strongpose train`` that differ in a few options each, and the AP of each.

python benchmarks/recipe.py recipe.json runs/recipe -- --data train.json --val tune.json --steps 200 --threads 1

recipe.json maps the name of each run to its options: {"reference": "", "R = 16": "--disk-radius 16"}; later options win
over those behind ``--``. Runs whose log is in their folder are not repeated.
"""

from __future__ import annotations

import json as json_files
import re
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import tyro
from one_line import errors_in_one_line
from result_tables import show_results

COLUMNS = ["run", "what differs", "minutes", "AP", "AP50", "AR"]


def main(
    runs: tyro.conf.Positional[Path],
    out: tyro.conf.Positional[Path],
    options: tyro.conf.Positional[tuple[str, ...]],
    jobs: int = 1,
    json: Path | None = None,
) -> None:
    """Print AP, AP50 and AR of the last validation of every run.

    Args:
        runs: A JSON file of the runs' names and options.
        out: A folder that gets a folder for each run.
        options: Those of ``strongpose train`` that all runs share, behind ``--``.
        jobs: Runs at the same time.
        json: Also write the table to this results file.
    """
    names: dict[str, str] = json_files.loads(runs.read_text(encoding="utf-8"))

    def row(name: str) -> list[Any]:
        return [
            name,
            f"`{names[name]}`" if names[name] else "",
            *trained([*options, *shlex.split(names[name])], out, name),
        ]

    with ThreadPoolExecutor(jobs) as pool:
        show_results(COLUMNS, list(pool.map(row, names)), json)


def trained(options: list[str], out: Path, name: str) -> list[float | str]:
    """Minutes, AP, AP50 and AR of a run, which is made unless its log is there."""
    folder = out / re.sub(r"\W+", "-", name.lower())
    log = folder.with_suffix(".log")
    if not log.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "strongpose.cli", "train", *options, "--out", str(folder)]
        started = time.monotonic()
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if run.returncode:
            return ["failed: " + (run.stdout.strip().splitlines() or ["nothing told"])[-1], "", "", ""]
        log.write_text(f"{run.stdout}{(time.monotonic() - started) / 60:.1f} minutes\n", encoding="utf-8")
    text = log.read_text(encoding="utf-8")
    scores = re.findall(r"AP (\S+) AP50 (\S+) AR (\S+)", text)
    return [float(text.split()[-2]), *(map(float, scores[-1]) if scores else ["no --val"] * 3)]


if __name__ == "__main__":
    with errors_in_one_line():
        tyro.cli(main)
