"""Networks timed side by side: the order, the table, and trained and untrained ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import network_times  # noqa: E402
from network_times import BFLOAT16, FLOAT32, ONNX, Entry  # noqa: E402
from results_file import read_results  # noqa: E402

from strongpose.runtime import resolve_model  # noqa: E402


def entry(model, runtime, size, *ms):
    return Entry(model, runtime, size, lambda: 0.0, [each / 1e3 for each in ms])


def test_every_round_runs_each_network_once_in_another_order(monkeypatch):
    monkeypatch.setattr(network_times, "PAUSE", 0)
    calls = []

    def run(name):
        calls.append(name)
        return float(len(calls))

    entries = [Entry(name, ONNX, 417, lambda name=name: run(name)) for name in "abcd"]
    network_times.measure(entries, rounds=3, warm_up=1)
    rounds = ["".join(calls[i : i + 4]) for i in range(0, 16, 4)]
    assert len(calls) == 16 and all(sorted(one) == list("abcd") for one in rounds)
    assert len(set(rounds)) > 1
    for each in entries:  # what the first round returned is left out
        assert each.seconds == [i + 1 for i, name in enumerate(calls) if name == each.model and i >= 4]


def test_the_table_has_a_row_for_each_network_and_size():
    entries = [
        entry("base", FLOAT32, 641, 10, 20, 40),
        entry("base", ONNX, 641, 30, 30, 30),
        entry("base", ONNX, 417, 12, 12, 12),
        entry("other", FLOAT32, 641, 5, 10, 36),
        entry("yolo", BFLOAT16, 641, 7, 8, 9),
    ]
    columns, rows = network_times.medians(entries)
    assert columns == ["network", "long side, px", f"{ONNX}, ms", f"{FLOAT32}, ms", f"{BFLOAT16}, ms"]
    assert rows == [
        ["base", 641, 30.0, 20.0, "–"],
        ["base", 417, 12.0, "–", "–"],
        ["other", 641, "–", 10.0, "–"],
        ["yolo", 641, "–", "–", 8.0],
    ]


def test_models_of_one_name_are_refused():
    with pytest.raises(SystemExit, match="two of the models have the same name"):
        network_times.main(models=("base", "base"))


def test_trained_and_untrained_networks_are_timed(tmp_path, monkeypatch):
    monkeypatch.setattr(network_times, "export_untrained", lambda *_: resolve_model("base"))  # takes long
    path = tmp_path / "times.json"
    network_times.main(("fast",), ("lite0",), sizes=(65,), threads=1, rounds=1, warm_up=0, json=path)
    results = read_results(path)
    fast, lite = results.rows
    assert results.columns[2] == f"{ONNX}, ms" and fast[:3] == ["fast", 65, "–"] and fast[3] > 0
    assert lite[:2] == ["lite0, untrained", 65] and all(ms > 0 for ms in lite[2:])
