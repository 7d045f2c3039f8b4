"""Networks timed side by side: the order, the table, and the script on a small photo."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import network_times  # noqa: E402
from network_times import BFLOAT16, FLOAT32, ONNX, Entry  # noqa: E402


def entry(model, runtime, size, *ms):
    return Entry(model, runtime, size, (size, size), runtime, lambda: 0.0, [each / 1e3 for each in ms])


def test_every_round_runs_each_network_once_in_another_order(monkeypatch):
    monkeypatch.setattr(network_times, "PAUSE", 0)
    calls = []

    def run(name):
        calls.append(name)
        return float(len(calls))

    entries = [Entry(name, ONNX, 417, (1, 1), "", lambda name=name: run(name)) for name in "abcd"]
    network_times.measure(entries, rounds=3, warm_up=1)
    rounds = ["".join(calls[i : i + 4]) for i in range(0, 16, 4)]
    assert len(calls) == 16 and all(sorted(one) == list("abcd") for one in rounds)
    assert len(set(rounds)) > 1
    for each in entries:  # what the first round returned is left out
        assert each.seconds == [i + 1 for i, name in enumerate(calls) if name == each.model and i >= 4]


def test_the_table_has_medians_and_ratios_to_the_first_model_in_the_same_round():
    entries = [
        entry("base", FLOAT32, 641, 10, 20, 40),
        entry("base", ONNX, 641, 30, 30, 30),
        entry("base", ONNX, 417, 12, 12, 12),
        entry("other", FLOAT32, 641, 5, 10, 36),  # half of base's but in the last round
        entry("yolo", BFLOAT16, 641, 7, 8, 9),  # where base did not run
    ]
    assert [" ".join(line.split()) for line in network_times.medians(entries).splitlines() if "---" not in line] == [
        f"| ms | {ONNX}, 417 px | {ONNX}, 641 px | {FLOAT32}, 641 px | {BFLOAT16}, 641 px |",
        "| base | 12.0 (1.00) | 30.0 (1.00) | 20.0 (1.00) | – |",
        "| other | – | – | 10.0 (0.50) | – |",
        "| yolo | – | – | – | 8.0 |",
    ]


def test_models_of_one_name_are_refused():
    with pytest.raises(SystemExit, match="two of the models have the same name"):
        network_times.main(network_times.Arguments(models=("base", "base")))


def test_the_script_times_trained_and_untrained_networks(tmp_path):
    figures = tmp_path / "times.csv"
    options = ["--models", "base", "fast", "--untrained", "lite0", "--sizes", "129", "--threads", "1"]
    options += ["--rounds", "1", "--warm-up", "1", "--csv", str(figures)]
    done = subprocess.run([sys.executable, BENCHMARKS / "network_times.py", *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in done.stdout.splitlines()
        if line.startswith("| ")
    ]
    assert [line[0] for line in lines] == ["ms", "-" * 16, "base", "fast", "lite0, untrained"]
    assert lines[0][1] == f"{ONNX}, 129 px" and lines[2][1].endswith(" (1.00)") and lines[3][1] == "–"
    with figures.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {(row["column_px"], row["width"], row["height"]) for row in rows} == {("129", "129", "97")}  # n·32 + 1
    assert all(0 < float(row["median_ms"]) <= float(row["p95_ms"]) for row in rows)
    assert any("int8" in row["runtime"] for row in rows if row["model"] == "fast")
