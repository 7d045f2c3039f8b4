"""Files for COCO's evaluation server: their names, their content, and what is refused."""

from __future__ import annotations

import io
import json
import math
import zipfile
from pathlib import Path

import pytest

from strongpose.evaluation.submission import check_results, find_split, pack_submission, require_coco, result_path
from strongpose.exceptions import EvaluationError
from strongpose.skeleton import COCO, Skeleton

RESULT = {"image_id": 1, "category_id": 1, "keypoints": [10.26, 20.04, 0.9] * 17, "score": 0.5}


def test_files_are_named_as_the_server_expects():
    assert result_path(Path("out"), "test-dev2017", "StrongPose-R101") == Path(
        "out/person_keypoints_test-dev2017_StrongPose-R101_results.zip"
    )
    assert result_path(Path("."), "val2017", "a").name == "person_keypoints_val2017_a_results.json"


@pytest.mark.parametrize("name", ["", "a_b", "a/b", "..", "a b", "ä"])
def test_other_names_are_refused(name):
    with pytest.raises(EvaluationError, match="expected letters, digits, dots and dashes"):
        result_path(Path("."), "test-dev2017", name)


def test_the_archive_holds_one_file_in_no_folder():
    with zipfile.ZipFile(io.BytesIO(pack_submission([], [1], "a.json"))) as archive:
        assert json.loads(archive.read("a.json")) == []
    other = {**RESULT, "image_id": 2}
    packed = pack_submission([RESULT, other], [1, 2], "person_keypoints_test-dev2017_a_results.json")
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.namelist() == ["person_keypoints_test-dev2017_a_results.json"]
        assert archive.testzip() is None
        found = json.loads(archive.read(archive.namelist()[0]))
    plain = {"category_id": 1, "keypoints": [10.3, 20.0, 1] * 17, "score": 0.5}
    assert found == [{"image_id": 1, **plain}, {"image_id": 2, **plain}]
    assert pack_submission([RESULT, other], [1, 2], "person_keypoints_test-dev2017_a_results.json") == packed
    assert RESULT["keypoints"][:3] == [10.26, 20.04, 0.9]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_id": 3}, "result 1 is about image 3, which is not in this split"),
        ({"image_id": True}, "about image True"),
        ({"category_id": 2}, "expected category 1, got 2"),
        ({"keypoints": [1.0] * 34}, "expected 51 finite keypoint values, got 34"),
        ({"keypoints": [math.nan] * 51}, "expected 51 finite keypoint values"),
        ({"keypoints": ["1"] * 51}, "expected 51 finite keypoint values"),
        ({"score": 1}, "expected a finite float as score, got 1"),
        ({"score": math.inf}, "expected a finite float as score, got inf"),
    ],
)
def test_results_that_the_server_would_refuse_are_refused(change, message):
    with pytest.raises(EvaluationError, match=message):
        pack_submission([RESULT, {**RESULT, **change}], [1, 2], "a.json")


def test_missing_fields_and_too_many_people_are_refused():
    with pytest.raises(EvaluationError, match="result 0 lacks category_id and score"):
        check_results([{"image_id": 1, "keypoints": RESULT["keypoints"]}], [1])
    check_results([RESULT] * 20 + [{**RESULT, "image_id": 2}] * 20, [1, 2])
    with pytest.raises(EvaluationError, match="image 1 has 21 results, at most 20 count"):
        check_results([RESULT] * 21, [1])
    check_results([], [1])


def test_only_coco_keypoints_are_accepted():
    require_coco(COCO)
    with pytest.raises(EvaluationError, match="the model's are a, b"):
        require_coco(Skeleton.from_names("two", ["a", "b"], [("a", "b")], [], [0.1, 0.1], []))


def test_the_official_layout_is_found_or_named(tmp_path):
    with pytest.raises(EvaluationError, match=r"_val2017\.json: not there; .* get coco --parts val2017"):
        find_split(tmp_path, "val2017")
    (tmp_path / "annotations").mkdir()
    info = tmp_path / "annotations" / "image_info_test-dev2017.json"
    info.write_text("{}")
    with pytest.raises(EvaluationError, match=r"test2017: not there; .* get coco --parts test2017"):
        find_split(tmp_path, "test-dev2017")
    (tmp_path / "test2017").mkdir()
    assert find_split(tmp_path, "test-dev2017") == (info, tmp_path / "test2017")
