"""The tables of models from a benchmark's CSV file: literal, and no table of what cannot be compared."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from test_rows import made_up

from strongpose.benchmarking import append_csv
from strongpose.exceptions import BenchmarkError

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from model_tables import model_table


def write(path, *runs):
    for rows in runs:
        append_csv(path, rows)
    return path


def lines_of(text):
    return [" ".join(line.split()) for line in text.splitlines() if line.startswith("| ")]


def test_the_last_measurement_of_each_entry_counts(tmp_path):
    fast = [replace(row, runtime="OpenVINO", model="base", flip="yes") for row in made_up(network_ms=[[2.4] * 5] * 2)]
    single = [replace(row, size_px="321", runtime="OpenVINO in int8", model="base") for row in made_up()]
    other = [replace(row, size_px="321", model="base", total_median_ms=25.0, ap=0.1) for row in made_up()]
    slow = [replace(row, network_median_ms=999.0) for row in made_up()]  # measured again later
    csv = write(tmp_path / "out.csv", slow, fast, made_up(), single, other)
    card = tmp_path / "src" / "strongpose" / "models" / "base.md"
    card.parent.mkdir(parents=True)
    card.touch()
    text = model_table(csv, "details", [], tmp_path, tmp_path / "docs" / "benchmark.md")
    assert text.endswith("\n```\ncommand\n```")
    header, *lines = lines_of(text)
    assert header.startswith("| model | file | size, px | AP | AP50 |")
    assert lines[1:3] == [
        "| small.onnx | 3.1 MB | 321 + 481 | .441 | .700 | – | .500 | .510 | ONNX Runtime on CPU | 10 | 14 | 56.8 |",
        "| [base](../src/strongpose/models/base.md) | 3.1 MB | 321 + 481, flip | .441 | .700 | – | .500 | .510 "
        "| OpenVINO | 2 | 6 | 125.0 |",
    ]
    assert "5 photos one after the other, each processed 2 times;" in text
    assert "commit abc1234. CPU load of other programs: up to 0.1 cores." in text
    header, _, *lines = lines_of(model_table(csv, "summary", [], tmp_path, tmp_path / "README.md"))
    assert header == "| model | file | size, px | AP | AR | OpenVINO, ms | ONNX Runtime, ms |"
    assert lines == [
        "| small.onnx | 3.1 MB | 321 + 481 | .441 | .510 | – | 14 |",
        "| [base](src/strongpose/models/base.md) | 3.1 MB | 321 | .441 | .510 | 14 | 25 |",
    ]
    [_, _, line] = lines_of(model_table(csv, "details", ["small.onnx"], tmp_path, card))
    assert line.startswith("| small.onnx | 3.1 MB ")


def test_long_commands_are_broken_before_options(tmp_path):
    command = f"strongpose benchmark --annotations {'a' * 50}.json --csv out.csv --models base --size 481 721 --flip"
    csv = write(tmp_path / "out.csv", [replace(row, command=command) for row in made_up()])
    code = model_table(csv, "details", [], tmp_path, tmp_path / "README.md").partition("```\n")[2]
    first, second, _ = code.splitlines()
    assert first == f"strongpose benchmark --annotations {'a' * 50}.json --csv out.csv \\"
    assert second == "    --models base --size 481 721 --flip"


def test_what_cannot_be_compared_is_refused(tmp_path):
    def table(path, *, kind="summary", models=()):
        return model_table(path, kind, models, tmp_path, tmp_path / "README.md")

    other = [replace(row, cpu="Fast CPU", runtime="OpenVINO") for row in made_up()]
    with pytest.raises(BenchmarkError, match=r"differ in 'cpu' \(Fast CPU; Slow CPU"):
        table(write(tmp_path / "two.csv", made_up(), other))
    without = [replace(row, ap=None) for row in made_up()]
    with pytest.raises(BenchmarkError, match="no measurement with AP"):
        table(write(tmp_path / "none.csv", without))
    with pytest.raises(BenchmarkError, match=r"nope\.csv: no such file"):
        table(tmp_path / "nope.csv")
    one = write(tmp_path / "one.csv", made_up())
    with pytest.raises(BenchmarkError, match=r"one\.csv: no model large"):
        table(one, models=["large"])
    for value in ("fast", "nan"):
        bad = write(tmp_path / f"{value}.csv", [replace(row, size_px="321", file_mb=value) for row in made_up()])
        for kind in ("summary", "details"):
            with pytest.raises(BenchmarkError, match=rf"{value}\.csv: small\.onnx: file_mb is '{value}', not a number"):
                table(bad, kind=kind)
    with pytest.raises(BenchmarkError, match=r"no table 'all' of one\.csv; there are summary; details"):
        table(one, kind="all")
