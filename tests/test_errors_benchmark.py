"""Errors of models side by side: AP as `strongpose evaluate` has it, and the loss shared out among groups."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY / "benchmarks"))

import errors  # noqa: E402
from results_file import read_results  # noqa: E402

from strongpose import StrongPose  # noqa: E402
from strongpose.annotations import load_annotations  # noqa: E402
from strongpose.evaluation import evaluate  # noqa: E402


def test_kinds_begin_with_the_ap_as_it_is_and_groups_with_everybody(tmp_path):
    photos = REPOSITORY / "tests" / "photos"
    (tmp_path / "images").symlink_to(photos)
    file = Path(shutil.copy(photos / "people.json", tmp_path))
    kinds, groups = tmp_path / "kinds.json", tmp_path / "groups.json"
    errors.main(errors.Arguments((file,), ("base",), 1, kinds, groups))
    model = StrongPose.from_pretrained(runtime="onnx", threads=1)
    ap = evaluate(model, load_annotations(file, model.info.skeleton), photos).metrics.ap
    first, *others = read_results(kinds).rows
    assert first == ["none", "", pytest.approx(ap, abs=5e-4)]
    assert len(others) == len(errors.COUNTED) + 1
    assert all(row[-1] >= first[-1] for row in others)
    everybody, *parts = read_results(groups).rows
    assert everybody[:2] == ["all people", 6]
    assert everybody[-2:] == ["100 %", "100 %"]
    assert sum(row[1] for row in parts if row[0].startswith(("medium,", "large,", "very large,"))) == 6
