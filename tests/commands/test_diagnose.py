"""``strongpose diagnose``: tables, report and sheets of drawn people, and clear errors for damaged input."""

from __future__ import annotations

import json

import cv2
import pytest
from pictures import write_dataset


@pytest.fixture
def data_set(tmp_path):
    """Annotations of three drawn photos, and results: all right but one who is missed and one who is mirrored."""
    path = write_dataset(tmp_path / "set", 3)
    data = json.loads(path.read_text())
    results = []
    for i, person in enumerate(data["annotations"][1:]):
        keypoints = person["keypoints"]
        if i == 0:  # of two people; the others stay as they are
            triples = [keypoints[k : k + 3] for k in range(0, 51, 3)]
            order = [0, *(k + 1 if k % 2 else k - 1 for k in range(1, 17))]
            keypoints = [v for k in order for v in triples[k]]
        result = {"image_id": person["image_id"], "category_id": 1, "keypoints": keypoints, "score": 0.9}
        results.append(result)
    (tmp_path / "results.json").write_text(json.dumps(results))
    return path, tmp_path / "set" / "people", tmp_path / "results.json"


def test_tables_report_and_sheets(strongpose, data_set, tmp_path):
    annotations, photos, results = data_set
    out = tmp_path / "new" / "report"
    run = strongpose("diagnose", annotations, "--images", photos, "--results", results, "--out", out)
    assert run.returncode == 0, run.stderr
    assert "| missed people " in run.stdout
    assert "| inversions " in run.stdout
    report = json.loads((out / "report.json").read_text())
    assert report["detections"] == f"results {results}"
    assert report["counts"]["people"] == 4
    assert report["counts"]["missed"] == 1
    assert report["counts"]["inversion"] >= 6  # the body; the face is too narrow to tell the sides
    assert report["counts"]["false"] == 0
    assert report["worst_photos"][0] == {
        "image_id": 0,
        "file_name": "0.png",
        "lost": 1.0,
        "causes": "1 person: 1 missed",
    }
    assert {p.name for p in out.iterdir()} >= {"report.json", "missed.jpg", "inversion.jpg", "photos.jpg"}
    assert not (out / "false.jpg").exists()
    sheet = cv2.imread(str(out / "photos.jpg"))
    assert sheet.shape[1] == 2 * (640 + 8) + 8


def test_without_results_the_model_is_run(strongpose, tiny_model, tmp_path):
    annotations = write_dataset(tmp_path / "set", 2)
    out = tmp_path / "out"
    run = strongpose(
        *("diagnose", annotations, "--images", tmp_path / "set" / "people", "--model", tiny_model, "--out", out)
    )
    assert run.returncode == 0, run.stderr
    counts = json.loads((out / "report.json").read_text())["counts"]
    assert (counts["people"], counts["missed"], counts["shown"]) == (3, 3, 0)  # random weights find nobody
    assert (out / "missed.jpg").stat().st_size > 1000


def test_damaged_input_is_named(strongpose, data_set, tmp_path):
    annotations, photos, results = data_set

    def complaint(content: str | None, folder: object = photos) -> str:
        path = results
        if content is not None:
            path = tmp_path / "bad.json"
            path.write_text(content)
        run = strongpose("diagnose", annotations, "--images", folder, "--results", path, "--out", tmp_path / "out")
        assert run.returncode == 1
        assert "Traceback" not in run.stderr
        return run.stderr.strip()

    result = json.loads(results.read_text())[0]
    assert "bad.json, line 1: not JSON, or cut short" in complaint("[{")
    assert "bad.json: expected a list of results, got a dict" in complaint("{}")
    assert "bad.json: result 0 needs 'image_id'" in complaint("[{}]")
    assert "result 0 is about image 77, which is not annotated" in complaint(json.dumps([{**result, "image_id": 77}]))
    assert "result 0 needs 51 finite keypoint values" in complaint(json.dumps([{**result, "keypoints": [1, 2, 3]}]))
    assert "3 of the 3 annotated photos are missing" in complaint(None, tmp_path)
