"""The script that writes the tables of models: literal, repeatable, and no table of what cannot be compared."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from test_rows import made_up

from strongpose.benchmarking import append_csv, read_csv
from strongpose.exceptions import BenchmarkError

REPOSITORY = Path(__file__).parents[2]


def load(name):
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


readme_table = load("readme_table")


def write(path, *runs):
    for rows in runs:
        append_csv(path, rows)
    return path


def pages(folder, text):
    (folder / "docs").mkdir()
    for name in readme_table.PAGES:
        (folder / name).write_text(text)
    return [folder / name for name in readme_table.PAGES]


def lines_of(text):
    return [" ".join(line.split()) for line in text.splitlines() if line.startswith("| ")]


def test_the_tables_are_written_between_the_marks_and_twice_is_once(tmp_path):
    fast = [replace(row, runtime="OpenVINO", model="base", flip="yes") for row in made_up(network_ms=[[2.4] * 5] * 2)]
    single = [replace(row, size_px="321", runtime="OpenVINO in int8", model="base") for row in made_up()]
    other = [replace(row, size_px="321", model="base", total_median_ms=25.0, ap=0.1) for row in made_up()]
    slow = [replace(row, network_median_ms=999.0) for row in made_up()]  # measured again later
    csv = write(tmp_path / "out.csv", slow, fast, made_up(), single, other)
    readme, page = pages(tmp_path, f"# Title\n{readme_table.BEGIN}\nold\n{readme_table.END}\n\nMore.\n")
    card = tmp_path / "src" / "strongpose" / "models" / "base.md"
    card.parent.mkdir(parents=True)
    card.touch()
    arguments = readme_table.Arguments(csv, tmp_path)
    assert readme_table.main(arguments) == 0
    text = page.read_text()
    assert text.startswith(f"# Title\n{readme_table.BEGIN}\n| model ")
    assert text.endswith(f"\n```\ncommand\n```\n{readme_table.END}\n\nMore.\n")
    header, *lines = lines_of(text)
    assert header.startswith("| model | file | size, px | AP | AP50 |")
    assert lines[1:3] == [
        "| small.onnx | 3.1 MB | 321 + 481 | .441 | .700 | – | .500 | .510 | ONNX Runtime on CPU | 10 | 14 | 56.8 |",
        "| [base](../src/strongpose/models/base.md) | 3.1 MB | 321 + 481, flip | .441 | .700 | – | .500 | .510 "
        "| OpenVINO | 2 | 6 | 125.0 |",
    ]
    assert "5 photos one after the other, each processed 2 times;" in text
    assert "commit abc1234. CPU load of other programs: up to 0.1 cores." in text
    header, _, *lines = lines_of(readme.read_text())
    assert header == "| model | file | size, px | AP | AR | OpenVINO, ms | ONNX Runtime, ms |"
    assert lines == ["| [base](src/strongpose/models/base.md) | 3.1 MB | 321 | .441 | .510 | 14 | 25 |"]
    before = readme.read_text(), page.read_text()
    assert readme_table.main(arguments) == 0
    assert (readme.read_text(), page.read_text()) == before


def test_what_cannot_be_compared_is_refused(tmp_path):
    other = [replace(row, cpu="Fast CPU", runtime="OpenVINO") for row in made_up()]
    with pytest.raises(BenchmarkError, match=r"differ in 'cpu' \(Fast CPU; Slow CPU"):
        readme_table.chosen_rows(read_csv(write(tmp_path / "two.csv", made_up(), other)))
    without = [replace(row, ap=None) for row in made_up()]
    with pytest.raises(BenchmarkError, match="no measurement with AP"):
        readme_table.chosen_rows(read_csv(write(tmp_path / "none.csv", without)))


def test_errors_are_one_line_and_change_nothing(tmp_path, capsys):
    csv = write(tmp_path / "out.csv", made_up())
    wrong = f"{readme_table.END}\n{readme_table.BEGIN}\n"
    readme, page = pages(tmp_path, wrong)
    readme.write_text(f"{readme_table.BEGIN}\nold\n{readme_table.END}\n")
    assert readme_table.main(readme_table.Arguments(csv, tmp_path)) == 1
    assert "once each, in this order" in capsys.readouterr().err
    assert readme_table.main(readme_table.Arguments(tmp_path / "nope.csv", tmp_path)) == 1
    assert "nope.csv: no such file" in capsys.readouterr().err
    assert readme_table.main(readme_table.Arguments(csv, tmp_path / "nope")) == 1
    assert "README.md: cannot be read or written" in capsys.readouterr().err
    assert (readme.read_text(), page.read_text()) == (f"{readme_table.BEGIN}\nold\n{readme_table.END}\n", wrong)


@pytest.mark.parametrize("name", readme_table.PAGES)
def test_the_pages_have_the_marks(name):
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    assert readme_table.replaced(text, "new").count("\nnew\n") == 1
