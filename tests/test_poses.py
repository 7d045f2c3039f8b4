"""Poses: validation, indexing and the round trips through COCO, JSON and CSV."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from strongpose.exceptions import ImageError
from strongpose.poses import KEYPOINT_THRESHOLD, Poses
from strongpose.skeleton import COCO, Skeleton


def some_poses(people: int = 3) -> Poses:
    rng = np.random.default_rng(0)
    return Poses(rng.random((people, 17, 3)) * [640, 480, 1], np.linspace(0.9, 0.1, people))


def same(a: Poses, b: Poses) -> bool:
    return (
        len(a) == len(b)
        and a.skeleton == b.skeleton
        and np.abs(a.keypoints - b.keypoints).max(initial=0) < 1e-3
        and np.abs(a.scores - b.scores).max(initial=0) < 1e-5
        and np.abs(a.boxes - b.boxes).max(initial=0) < 1e-3
    )


def test_poses_have_a_length_and_give_people_by_index():
    poses = some_poses()
    assert len(poses) == 3
    assert poses[0].score == pytest.approx(0.9)
    np.testing.assert_array_equal(poses[-1].keypoints, poses.keypoints[2])
    np.testing.assert_array_equal(poses[1]["left_wrist"], poses.keypoints[1, 9])
    assert [pose.score for pose in poses] == pytest.approx([0.9, 0.5, 0.1])
    with pytest.raises(IndexError):
        poses[3]
    with pytest.raises(KeyError, match="no keypoint 'tail'"):
        poses[0]["tail"]


@pytest.mark.parametrize(
    ("index", "people"),
    [
        (slice(1, None), [1, 2]),
        ([2, 0], [2, 0]),
        ([True, False, True], [0, 2]),
        (np.array([0.9, 0.5, 0.1]) > 0.3, [0, 1]),
        ([], []),
    ],
)
def test_slices_lists_and_masks_give_poses(index, people):
    poses = some_poses()
    part = poses[index]
    assert isinstance(part, Poses)
    np.testing.assert_array_equal(part.keypoints, poses.keypoints[people])
    np.testing.assert_array_equal(part.scores, poses.scores[people])
    np.testing.assert_array_equal(part.boxes, poses.boxes[people])


@pytest.mark.parametrize(
    ("keypoints", "scores", "message"),
    [
        (np.zeros((2, 16, 3)), np.zeros(2), r"shape \(people, 17, 3\), got \(2, 16, 3\)"),
        (np.zeros((17, 3)), np.zeros(1), r"got \(17, 3\)"),
        (np.zeros((2, 17, 3)), np.zeros(3), r"scores of 2 people must have shape \(2,\), got \(3,\)"),
        (np.full((1, 17, 3), np.nan), np.zeros(1), "must be finite numbers, got"),
        (np.zeros((1, 17, 3)), np.array([np.inf]), "scores must be finite numbers, got 1 "),
    ],
)
def test_wrong_shapes_and_values_are_refused(keypoints, scores, message):
    with pytest.raises(ValueError, match=message):
        Poses(keypoints, scores)


def test_a_wrong_box_shape_is_refused():
    with pytest.raises(ValueError, match=r"boxes of 1 people must have shape \(1, 4\)"):
        Poses(np.zeros((1, 17, 3)), np.zeros(1), boxes=np.zeros((1, 3)))


def test_boxes_enclose_the_keypoints_that_are_sure():
    keypoints = np.zeros((1, 17, 3))
    keypoints[0, 0] = 10, 20, 0.9
    keypoints[0, 1] = 30, 25, 0.5
    keypoints[0, 2] = 900, 900, 0.01  # a guess
    np.testing.assert_array_equal(Poses(keypoints, [1.0]).boxes, [[10, 20, 30, 25]])


@pytest.mark.parametrize("people", [0, 1, 4])
def test_coco_json_and_csv_round_trips(people):
    poses = some_poses(people)
    assert same(Poses.from_json(poses.to_json(about={"photo": "é.jpg"})), poses)
    assert same(Poses.from_csv(poses.to_csv()), poses)
    assert same(Poses.from_coco(json.loads(json.dumps(poses.to_coco(7)))), poses)


def test_coco_results_have_the_official_layout():
    result = some_poses(1).to_coco(image_id=7)[0]
    assert set(result) == {"image_id", "category_id", "keypoints", "score"}
    assert (result["image_id"], result["category_id"], len(result["keypoints"])) == (7, 1, 51)


def test_json_names_the_keypoints_and_keeps_the_skeleton():
    skeleton = Skeleton.from_names("arm", ["elbow", "wrist"], [("elbow", "wrist")], [], [0.07, 0.06], [])
    poses = Poses([[[1, 2, 0.5], [3, 4, 0.25]]], [0.75], skeleton)
    data = json.loads(poses.to_json(about={"photo": "a.jpg"}))
    assert data["photo"] == "a.jpg"
    assert data["people"][0]["keypoints"] == {"elbow": [1, 2, 0.5], "wrist": [3, 4, 0.25]}
    assert Poses.from_json(poses.to_json()).skeleton == skeleton


def test_json_takes_more_facts_about_each_person():
    poses = some_poses(2)
    text = poses.to_json(details=[{"area": 7}, {"area": 8}])
    assert [person["area"] for person in json.loads(text)["people"]] == [7, 8]
    assert same(Poses.from_json(text), poses)
    with pytest.raises(ValueError, match="expected details of 2 people, got 1"):
        poses.to_json(details=[{}])


def layout(people: list) -> str:
    return json.dumps({"version": 1, "skeleton": COCO.to_dict(), "people": people})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "expected a JSON object with 'skeleton'"),
        (layout([]).replace('"version": 1', '"version": 2'), "expected version 1 of the layout, got 2"),
        (layout([{"score": 1}]), "person 0 needs"),
        (layout([{"score": 1, "box": [0] * 4, "keypoints": {"tail": 1}}]), "keypoint names differ"),
    ],
)
def test_damaged_json_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        Poses.from_json(text)


def test_damaged_csv_is_refused():
    text = some_poses(1).to_csv()
    with pytest.raises(ValueError, match="expected the columns score, x0"):
        Poses.from_csv(text.replace("score", "sure", 1))
    with pytest.raises(ValueError, match="every row must hold 56 numbers"):
        Poses.from_csv(text.rstrip() + ",1\n")
    with pytest.raises(ValueError, match=r"expected the columns .* got \[\]"):
        Poses.from_csv("")


def test_damaged_coco_results_are_refused():
    results = some_poses(2).to_coco(1)
    with pytest.raises(ValueError, match="results of one image"):
        Poses.from_coco([results[0], {**results[1], "image_id": 2}])
    with pytest.raises(ValueError, match="lacks score"):
        Poses.from_coco([{"keypoints": [0] * 51}])
    with pytest.raises(ValueError, match="expected 51 keypoint values"):
        Poses.from_coco([{"keypoints": [0] * 50, "score": 1}])


def test_supervision_gets_the_same_points():
    pytest.importorskip("supervision", reason="supervision is not installed")
    poses = some_poses()
    points = poses.to_supervision()
    np.testing.assert_array_equal(points.xy, poses.keypoints[..., :2])
    np.testing.assert_array_equal(points.keypoint_confidence, poses.keypoints[..., 2])


def test_supervision_draws_no_keypoint_below_the_threshold():
    supervision = pytest.importorskip("supervision", reason="supervision is not installed")
    keypoints = np.full((1, 17, 3), (20, 20, KEYPOINT_THRESHOLD), np.float32)
    keypoints[0, 0] = (60, 60, KEYPOINT_THRESHOLD - 0.01)
    points = Poses(keypoints, [0.9]).to_supervision()
    assert points.visible.tolist() == [[False] + [True] * 16]
    picture = supervision.VertexAnnotator().annotate(np.zeros((80, 80, 3), np.uint8), points)
    assert picture[15:25, 15:25].any() and not picture[50:70, 50:70].any()


def test_without_supervision_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(ImportError, match="pip install 'supervision"):
        some_poses().to_supervision()


def test_a_pose_and_its_skeleton_print_in_one_line():
    pose = Poses([[[1, 2, 0.5], [3, 4, 0.25]]], [0.75], Skeleton.from_names("arm", ["a", "b"], [], [], [1, 1], []))[0]
    assert repr(pose) == "Pose(score 0.75, box [1, 2, 3, 4], 1 of 2 keypoints with a score of 0.3 or more)"
    assert repr(COCO) == f"Skeleton('coco', 17 keypoints, {len(COCO.edges)} edges)"


def test_json_says_which_photo_could_not_be_opened():
    failed = replace(Poses.empty(), photo=Path("a.jpg"), error=ImageError("a.jpg: is damaged"))
    data = json.loads(failed.to_json())
    assert (data["photo"], data["error"], data["people"]) == ("a.jpg", "a.jpg: is damaged", [])
    again = Poses.from_json(failed.to_json())
    assert again.photo == Path("a.jpg") and str(again.error) == "a.jpg: is damaged"
