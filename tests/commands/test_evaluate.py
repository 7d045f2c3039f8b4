"""``strongpose evaluate``: figures, result file, and clear errors for damaged input."""

from __future__ import annotations

import json

import pytest
from pictures import write_dataset

from strongpose.evaluation import evaluate_results
from strongpose.skeleton import COCO


def test_figures_and_results_of_drawn_people(strongpose, tiny_model, tmp_path):
    annotations = write_dataset(tmp_path / "set", 3)
    results = tmp_path / "new" / "results.json"
    run = strongpose(
        *("evaluate", annotations, "--images", tmp_path / "set" / "people", "--model", tiny_model),
        *("--results", results),
    )
    assert run.returncode == 0, run.stderr
    header, values, how, where = run.stdout.splitlines()
    assert header.split() == ["AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL"]
    assert len(values.split()) == 10
    assert how.startswith("3 photos, ") and "ms a photo" in how
    assert where == f"results in {results}"
    assert json.loads(results.read_text()) == []  # random weights find nobody


def test_base_finds_real_people(strongpose, data_dir, tmp_path):
    """On the first photos of the validation set; the model's card has the figure on all of them."""
    data = json.loads((data_dir / "coco-val" / "annotations.json").read_text())
    data["images"] = data["images"][:12]
    ids = {image["id"] for image in data["images"]}
    data["annotations"] = [a for a in data["annotations"] if a["image_id"] in ids]
    (tmp_path / "some.json").write_text(json.dumps(data))
    run = strongpose(
        *("evaluate", tmp_path / "some.json", "--images", data_dir / "coco-val" / "images"),
        *("--results", tmp_path / "results.json"),
    )
    assert run.returncode == 0, run.stderr
    ap = float(run.stdout.splitlines()[1].split()[0])
    assert ap > 0.45, run.stdout  # .531 when the model was released
    results = json.loads((tmp_path / "results.json").read_text())
    assert evaluate_results(results, data, COCO.sigmas).ap == pytest.approx(ap, abs=5e-4)
    assert max(sum(r["image_id"] == i for r in results) for i in ids) <= 20


def test_damaged_input_is_named(strongpose, tiny_model, tmp_path):
    annotations = write_dataset(tmp_path / "set", 2)
    photos = tmp_path / "set" / "people"

    def complaint(*arguments: object) -> str:
        run = strongpose("evaluate", *arguments, "--model", tiny_model)
        assert run.returncode == 1
        assert "Traceback" not in run.stderr
        return run.stderr.strip()

    (tmp_path / "cut.json").write_text(annotations.read_text()[:300])
    assert "cut.json: not JSON, or cut short" in complaint(tmp_path / "cut.json", "--images", photos)
    assert "nope.json: no such file" in complaint(tmp_path / "nope.json", "--images", photos)
    assert "2 of the 2 annotated photos are missing" in complaint(annotations, "--images", tmp_path)
    unwritable = annotations / "x.json"
    assert "x.json: cannot be written" in complaint(annotations, "--images", photos, "--results", unwritable)
    (photos / "1.png").write_bytes(b"")
    assert "1.png: the file is empty" in complaint(annotations, "--images", photos)
