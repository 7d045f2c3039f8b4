"""Figures in pages: all are as benchmarks/results has them, and what a page asks for and is not there is an error."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from strongpose.exceptions import BenchmarkError

REPOSITORY = Path(__file__).parent.parent
sys.path.insert(0, str(REPOSITORY / "benchmarks"))

import pages  # noqa: E402
from results_file import read_results, write_results  # noqa: E402

COLUMNS = ["model", "size, px", "AP", "ms"]
ROWS = [["base", 481, 0.44, 23.5], ["base", 561, np.float32(0.43), 110], ["fast", 417, 0.38, 9.25]]


@pytest.fixture
def folder(tmp_path):
    """A repository with one results file, measured.json."""
    write_results(tmp_path / "benchmarks" / "results" / "measured.json", COLUMNS, ROWS, command="python a.py")
    return tmp_path


def written(folder, text, *, check=False):
    """Exit status of the generator and README.md after it."""
    page = folder / "README.md"
    page.write_text(text)
    return pages.main(pages.Arguments(check, folder)), page.read_text()


def test_the_pages_are_as_the_results_have_them(capsys):
    assert pages.main(pages.Arguments(check=True)) == 0, capsys.readouterr().err


def test_every_page_of_users_is_checked():
    checked = {page for pattern in pages.PAGES for page in REPOSITORY.glob(pattern)}
    for pattern in ("*.md", "docs/*.md", "docs/reports/*.md", "src/**/*.md", "benchmarks/*.md"):
        for page in REPOSITORY.glob(pattern):
            assert page in checked or page.name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"), page


def test_every_results_file_is_in_a_page_or_a_chart():
    texts = [page.read_text(encoding="utf-8") for pattern in pages.PAGES for page in REPOSITORY.glob(pattern)]
    shown = {name for text in texts for name in re.findall(r"<!-- results?: ([\w.-]+)", text)}
    drawn = set(re.findall(r'"([\w-]+)\.json"', (REPOSITORY / "benchmarks" / "charts.py").read_text(encoding="utf-8")))
    files = (REPOSITORY / "benchmarks" / "results").iterdir()
    assert {path.name.removesuffix(".json") for path in files} <= shown | drawn


def test_a_results_file_is_read_as_written(folder):
    path = folder / "benchmarks" / "results" / "measured.json"
    results = read_results(path)
    assert (results.columns, results.rows[1]) == (COLUMNS, ["base", 561, 0.43, 110])
    assert results.command == "python a.py"
    assert results.machine.endswith(" cores")
    assert len(results.date) == len("2026-01-02")
    assert '\n    ["fast", 417, 0.38, 9.25]\n' in path.read_text()  # a line for each row, for readable differences


def test_the_command_is_this_process_s_without_folders(tmp_path, monkeypatch):
    script, annotations = REPOSITORY / "benchmarks" / "decode.py", "/data/sets/coco-val/annotations.json"
    monkeypatch.setattr("results_file.DATA", Path("/data/sets"))
    monkeypatch.setattr(sys, "argv", [str(script), annotations, "--size", "481", "--name", "a b"])
    write_results(tmp_path / "a.json", ["a"], [["b"]])
    command = "python benchmarks/decode.py DATA/coco-val/annotations.json --size 481 --name 'a b'"
    assert read_results(tmp_path / "a.json").command == command


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": [["base", 481, 0.44]]}, "row 1 has 3 cells for 4 columns"),
        ({"rows": [["base", 481, None, 1]]}, "row 1: None is neither a line of text nor a finite number"),
        ({"rows": [["base\n", 481, 0.44, 1]]}, "row 1: 'base\\n' is neither a line of text nor a finite number"),
        ({"rows": []}, "'rows' must be a list of rows"),
        ({"columns": ["a", "a", "b", "c"]}, "'columns' must be a list of different names"),
        ({"columns": ["a", "a\nb", "c", "d"]}, "'columns' must be a list of different names, a line each"),
        ({"command": ""}, "'command' must be one line"),
        ({"more": 1}, "expected an object of command, machine, commit, date, columns, rows"),
    ],
)
def test_bad_results_are_one_line_that_names_the_file(folder, change, message):
    path = folder / "benchmarks" / "results" / "measured.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(BenchmarkError, match=r"measured\.json: ") as raised:
        read_results(path)
    assert message in str(raised.value)
    assert "write_results" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_cells_and_commands_are_shown_as_they_are(folder):
    cells = ["a|b", "<b>c</b> <!-- end -->", "R&D"]
    path = folder / "benchmarks" / "results" / "odd.json"
    write_results(path, ["<i>", "x|y", "z"], [cells], command="OMP=`nproc` python a.py")
    status, text = written(folder, "<!-- results: odd -->\n<!-- end -->\n")
    assert status == 0
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "| &lt;i> | x\\|y | z |" in lines
    assert "| a\\|b | &lt;b>c&lt;/b> &lt;!-- end --> | R&amp;D |" in lines
    assert "\n`` OMP=`nproc` python a.py ``; " in text
    assert written(folder, text, check=True) == (0, text)


def test_a_command_s_script_is_there_or_said_to_be_gone(folder, capsys):
    path = folder / "benchmarks" / "results" / "measured.json"
    write_results(path, COLUMNS, ROWS, command="OMP_NUM_THREADS=1 python benchmarks/gone.py DATA")
    text = "<!-- results: measured -->\n<!-- end -->\n"
    assert written(folder, text) == (1, text)
    assert capsys.readouterr().err == (
        'pages: README.md, line 1: measured.json: no benchmarks/gone.py; measure it anew, or add "kept": false\n'
    )
    path.write_text(json.dumps({**json.loads(path.read_text()), "kept": False}))
    status, new = written(folder, text)
    assert status == 0
    assert new.splitlines()[-3].endswith(", with a script that is no longer kept.")
    path.write_text(json.dumps({**json.loads(path.read_text()), "kept": "no"}))
    assert written(folder, text)[0] == 1
    assert "measured.json: 'kept' must be true or false" in capsys.readouterr().err


def test_no_results_and_no_json_name_the_remedy(tmp_path):
    with pytest.raises(BenchmarkError, match=r"none\.json: cannot be read .*; measure it"):
        read_results(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(BenchmarkError, match=r"bad\.json: no JSON .*; measure it again"):
        read_results(tmp_path / "bad.json")
    with pytest.raises(BenchmarkError, match="nan is neither"):
        write_results(tmp_path / "nan.json", ["a"], [[float("nan")]])


def test_tables_and_figures_are_written_and_twice_is_once(folder, capsys):
    text = (
        "# Title\n\n<!-- results: measured -->\n<!-- end -->\n\n"
        "<!-- results: measured | rows: fast; base, 561 | columns: ms; model -->\nold\n<!-- end -->\n\n"
        "It has <!-- result: measured | base, 561 | AP -->.999<!-- end --> and `<!-- result: x -->` is code.\n\n"
        "```\n<!-- results: nothing -->\n```\n"
    )
    assert written(folder, text, check=True) == (1, text)
    assert "README.md: not as benchmarks/results has it; run" in capsys.readouterr().err
    status, new = written(folder, text)
    assert status == 0
    lines = new.splitlines()
    assert [" ".join(line.split()) for line in lines if line.startswith("| ")] == [
        "| model | size, px | AP | ms |",
        "| ----- | -------- | ---- | ----- |",
        "| base | 481 | .440 | 23.50 |",
        "| base | 561 | .430 | 110 |",
        "| fast | 417 | .380 | 9.25 |",
        "| ms | model |",
        "| ---- | ----- |",
        "| 110 | base |",
        "| 9.25 | fast |",
    ]
    assert (
        "It has <!-- result: measured | base, 561 | AP -->.430<!-- end --> and `<!-- result: x -->` is code." in lines
    )
    assert new.count("\n`python a.py`; ") == 2
    assert "<!-- results: nothing -->" in lines
    assert written(folder, new, check=True) == (0, new)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "<!-- results: other -->\n<!-- end -->",
            "line 2: no results 'other' in benchmarks/results; there are measured",
        ),
        ("<!-- results: measured | rows: slow -->\n<!-- end -->", "line 2: no row 'slow'; there are base; fast"),
        (
            "<!-- results: measured | columns: AR -->\n<!-- end -->",
            "line 2: no column 'AR'; there are model; size, px;",
        ),
        ("<!-- results: measured | big -->\n<!-- end -->", "line 2: 'big' is neither 'rows: A; B' nor"),
        ("<!-- results: measured.csv -->\n<!-- end -->", "line 2: write 'measured.csv | summary' or"),
        ("<!-- results: measured -->\n", "line 2: '<!-- results: measured -->' alone"),
        *(
            (f"a {near}", f"line 2: {near!r}: write '<!-- results: …'")
            for near in ("<!-- Results: measured -->", "<!--results: measured-->", "<!--end-->", "<!-- END -->")
        ),
        ("<!-- results: measured -->\n<!-- End -->\nlost\n<!-- end -->", "line 2: the table has no line <!-- end -->"),
        ("text\n<!-- end -->", "line 3: '<!-- end -->' alone"),
        ("<!-- results: measured -->\n<!-- results: measured -->\n<!-- end -->", "line 2: the table has no line"),
        ("a <!-- result: measured | base | AP --><!-- end -->", "line 2: 2 rows are named 'base'; name one by"),
        ("a <!-- result: measured | AP --><!-- end -->", "line 2: a single figure is written"),
        ("| <!-- result: measured | fast | AP --><!-- end --> |", "line 2: a single figure must neither start"),
        ("<!-- result: measured | fast | AP --><!-- end -->", "line 2: a single figure must neither start"),
    ],
)
def test_what_is_not_there_is_one_line_with_page_and_line(folder, capsys, text, message):
    text = f"# Title\n{text}\n"
    assert written(folder, text) == (1, text)
    error = capsys.readouterr().err
    assert error.startswith("pages: README.md, line ")
    assert message in error
    assert error.count("\n") == 1


FIGURES = [".441", "0.441", "**.441**", "+.009", ".4413", "2.4 ms", "1,117 ms", "34ms", "34&nbsp;ms", "3 milliseconds"]
FIGURES += [
    "IoU .441.",
    "an AP of .44",
    "AP 44.1 %",
    "AP50 of 0.44",
    "\n\n| base | .44 |\n",
    "\n\n| **0.44** | base |\n",
]


@pytest.mark.parametrize("figure", FIGURES)
def test_a_measured_figure_by_hand_is_refused(folder, capsys, figure):
    (folder / "docs").mkdir()
    (folder / "docs" / "new.md").write_text(f"# Title\n\nIt has {figure} or so.\n")
    assert pages.main(pages.Arguments(True, folder)) == 1
    error = capsys.readouterr().err
    assert re.match(r"pages: docs/new\.md, line [35]: '", error)
    assert error.endswith("' is written by hand; show it from benchmarks/results, or leave it out\n")


@pytest.mark.parametrize("fence", ["````\n```\n````", "~~~~\n~~~\n~~~~", "```\n~~~\n```", "    ```\n    ```", "``` `"])
def test_what_follows_code_is_checked(folder, capsys, fence):
    assert written(folder, f"{fence}\n\nIt has .441.\n", check=True)[0] == 1
    assert "'.441' is written by hand" in capsys.readouterr().err


def test_settings_code_and_generated_figures_are_not_taken_for_measured_by_hand(folder):
    (folder / "docs").mkdir()
    (folder / "docs" / "new.md").write_text(
        "Scores from .25 on, ± .03, rounded to .001, Pillow 10.3.123, tables/.123, 0.1.441, `.441`, 1,117.\n\n"
        "``.441 ` .441``\n\n"
        "```\nAP .441, 12 ms\n```\n\n````\n```\n.441\n````\n\n```python\n.441\n````\n\n~~~\n```\n.441\n~~~\n\n"
        "| people | with a score of at least .25 |\n\n"
        "AP of <!-- result: measured | fast | AP -->.380<!-- end --> there.\n"
    )
    assert pages.main(pages.Arguments(True, folder)) == 0
