"""The ablation of recipes: what it reads off the logs of runs, and what it says of those that fail."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import recipe
from results_file import read_results


def test_runs_that_are_there_are_read_and_a_failed_one_is_told(tmp_path):
    runs, out, figures = tmp_path / "recipe.json", tmp_path / "runs", tmp_path / "figures.json"
    runs.write_text(json.dumps({"reference": "", "R = 16": "--disk-radius 16", "bad": "--disk-radius wide"}))
    out.mkdir()
    (out / "reference.log").write_text("AP 0.1 AP50 0.2 AR 0.3\nAP 0.176 AP50 0.428 AR 0.254\n6.1 minutes\n")
    (out / "r-16.log").write_text("AP 0.186 AP50 0.444 AR 0.262\n5.3 minutes\n")
    recipe.main(runs, out, ("--data", "none.json"), json=figures)
    first, second, failed = read_results(figures).rows
    assert first == ["reference", "", 6.1, 0.176, 0.428, 0.254]
    assert second == ["R = 16", "`--disk-radius 16`", 5.3, 0.186, 0.444, 0.262]
    assert failed[0] == "bad" and failed[2].startswith("failed: ")
