"""Poses kept in a file: continued after an interruption, and only by the same run."""

from __future__ import annotations

import hashlib
import json

import pytest

from strongpose import StrongPose
from strongpose.evaluation.results_log import PhotoResults, ResultsLog, describe_run, find_poses
from strongpose.exceptions import EvaluationError
from strongpose.runtime import resolve_model

ABOUT = {"model": "a", "sizes": [561]}


def write(path, photos):
    with ResultsLog(path, ABOUT) as log:
        for image_id in photos:
            log.add(image_id, PhotoResults([{"image_id": image_id, "score": 0.5}], 0.25))


def test_what_was_kept_is_read_again(tmp_path):
    path = tmp_path / "new" / "a.jsonl"
    write(path, [7, "b"])
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        ABOUT,
        {"image_id": 7, "results": [{"image_id": 7, "score": 0.5}], "seconds": 0.25},
        {"image_id": "b", "results": [{"image_id": "b", "score": 0.5}], "seconds": 0.25},
    ]
    with ResultsLog(path, ABOUT) as log:
        assert log.done == {
            7: PhotoResults([{"image_id": 7, "score": 0.5}], 0.25),
            "b": PhotoResults([{"image_id": "b", "score": 0.5}], 0.25),
        }
        log.remove()
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("missing", range(1, 120))
def test_a_file_that_was_cut_anywhere_is_continued(tmp_path, missing):
    path = tmp_path / "a.jsonl"
    write(path, [1, 2])
    whole = path.read_bytes()
    path.write_bytes(whole[: max(0, len(whole) - missing)])
    with ResultsLog(path, ABOUT) as log:
        left = [image_id for image_id in (1, 2) if image_id not in log.done]
        for image_id in left:
            log.add(image_id, PhotoResults([{"image_id": image_id, "score": 0.5}], 0.25))
    assert left
    assert path.read_bytes() == whole


def test_another_run_is_not_continued(tmp_path):
    write(tmp_path / "a.jsonl", [1])
    with pytest.raises(EvaluationError, match=r"a\.jsonl: .* \(its sizes is \[561\], now it is \[401\]\)"):
        ResultsLog(tmp_path / "a.jsonl", {**ABOUT, "sizes": [401]})
    with pytest.raises(EvaluationError, match="its flip is None, now it is True"):
        ResultsLog(tmp_path / "a.jsonl", {**ABOUT, "flip": True})


@pytest.mark.parametrize("line", [b"[]\n", b"nothing\n", b'{"image_id": 1}\n', b"\xff\n"])
def test_damage_is_named_with_its_line(tmp_path, line):
    path = tmp_path / "a.jsonl"
    write(path, [1, 2])
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], line, *lines[2:]]))
    with pytest.raises(EvaluationError, match=r"a\.jsonl, line 3: damaged"):
        ResultsLog(path, ABOUT)
    path.write_bytes(b"".join([line, *lines[1:]]))
    with pytest.raises(EvaluationError, match=r"a\.jsonl(, line 1: damaged|: holds poses of another)"):
        ResultsLog(path, ABOUT)


def test_photos_done_earlier_are_not_looked_at_again(photos, tmp_path):
    model = resolve_model("base")
    estimator = StrongPose.from_pretrained(model, size=161, runtime="onnx", threads=1)
    paths = {1: photos / "group.jpg", 2: photos / "astronaut.jpg", 3: photos / "grace_hopper.jpg"}
    about = describe_run(estimator, model, paths)
    expected, _ = find_poses(estimator, paths)
    assert {result["image_id"] for result in expected} == {1, 2, 3}
    assert min(result["score"] for result in expected) < estimator.threshold  # AP is about people of all scores
    assert find_poses(estimator.with_threshold(0.9), paths)[0] == expected
    with ResultsLog(tmp_path / "a.jsonl", about) as log:
        find_poses(estimator, {1: paths[1], 2: paths[2]}, log=log)
    steps: list[tuple[int, int]] = []
    with ResultsLog(tmp_path / "a.jsonl", about) as log:
        before = dict(log.done)
        gone = {1: tmp_path / "gone.jpg", 2: tmp_path / "gone.jpg", 3: paths[3]}
        results, seconds = find_poses(estimator, gone, progress=lambda *step: steps.append(step), log=log)
    assert results == expected
    assert seconds[:2] == [before[1].seconds, before[2].seconds]
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_a_run_is_described_by_what_changes_its_poses(photos, tmp_path):
    model = resolve_model("base")
    paths = {1: photos / "group.jpg"}

    def describe(path=model, photos=paths, **options):
        return describe_run(StrongPose.from_pretrained(path, runtime="onnx", threads=1, **options), path, photos)

    about = describe()
    assert about == json.loads(json.dumps(about)) == describe()
    assert about["model"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert "disk_radius" in about["options"]
    assert {key for key, value in describe(size=(401, 561)).items() if value != about[key]} == {"merged_sizes"}
    assert {key for key, value in describe(flip=True).items() if value != about[key]} == {"flip"}
    assert {key for key, value in describe(threshold=0.4).items() if value != about[key]} == {"threshold"}
    assert {key for key, value in describe(photos={1: photos / "x.jpg"}).items() if value != about[key]} == {"photos"}
    copy = tmp_path / "base.onnx"
    copy.write_bytes(model.read_bytes())
    assert describe(copy) == about
