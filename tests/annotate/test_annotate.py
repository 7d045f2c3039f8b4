"""Keypoints for people without them: crops, the choice of poses, and what becomes of annotations."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from strongpose import Poses, StrongPose
from strongpose.annotate.closer_look import AnnotateOptions, choose_poses, crop_window, propose
from strongpose.annotate.complete import complete_annotations
from strongpose.annotations import load_annotations
from strongpose.data.coco import KeypointDataset
from strongpose.exceptions import ImageError
from strongpose.images import open_image
from strongpose.oks import similarity_to
from strongpose.skeleton import COCO

BOXES = [[18.0, 12.0, 282.0, 408.0], [422.0, 15.0, 356.0, 405.0], [778.0, 52.0, 270.0, 368.0]]
"""x, y, width, height of the three people in group.jpg, measured by eye, as are their noses."""
CATEGORY = {"id": 1, "name": "person", "keypoints": list(COCO.names), "skeleton": []}
NOSES = [[183, 100], [603, 165], [982, 130]]


@pytest.fixture(scope="module")
def estimator():
    return StrongPose.from_pretrained(size=353, runtime="onnx")


@pytest.fixture(scope="module")
def group(photos):
    return open_image(photos / "group.jpg")


def undefined(identifier, box, image_id=1, **more):
    area = 0.53 * box[2] * box[3]
    return {"id": identifier, "image_id": image_id, "category_id": 1, "iscrowd": 0, "bbox": box, "area": area} | more


def data_set(annotations):
    images = [{"id": 1, "file_name": "group.jpg", "width": 1198, "height": 420}]
    return {"info": {"year": 2026}, "images": images, "annotations": annotations, "categories": [CATEGORY]}


def pose(x, y, side):
    """(17, 3) keypoints that fill a square."""
    steps = np.linspace(0, side, 17)
    return np.stack([x + steps, y + steps[::-1] ** 2 / side, np.full(17, 0.9)], axis=1)


def test_the_crop_is_the_box_with_its_margin_cut_off_at_the_border():
    assert crop_window(np.array([100, 50, 20, 40]), 0.5, (400, 600)) == (80, 30, 140, 110)
    assert crop_window(np.array([100.5, 50, 20, 40]), 0, (400, 600)) == (100, 50, 121, 90)
    assert crop_window(np.array([590, 0, 20, 40]), 1, (60, 600)) == (550, 0, 600, 60)
    assert crop_window(np.array([700, 0, 20, 40]), 0.5, (60, 600))[:3:2] == (600, 600)  # outside: empty


def test_poses_are_shared_out_best_fit_first_and_nobody_twice():
    left, right = pose(0, 0, 100), pose(60, 0, 100)
    found = Poses(np.stack([left, right]), np.array([0.6, 0.9]))
    boxes = np.array([[0, 0, 100, 100], [60, 0, 100, 100], [61, 0, 100, 100], [500, 0, 100, 100]], dtype=float)
    chosen = choose_poses([found] * 4, boxes, np.zeros((0, 17, 3)), AnnotateOptions(), COCO)
    assert [None if one is None else round(one.score, 2) for one in chosen] == [0.6, 0.9, None, None]
    np.testing.assert_allclose(chosen[0].keypoints, left, rtol=1e-6)
    known = right[None].copy()
    known[..., 2] = 2
    chosen = choose_poses([found] * 4, boxes, known, AnnotateOptions(), COCO)
    assert [one is None for one in chosen] == [False, True, True, True]


def test_a_region_claims_no_pose_that_does_not_fill_it():
    found = Poses(pose(0, 0, 100)[None], np.array([0.8]))
    boxes = np.array([[0, 0, 200, 200], [-50, -50, 210, 220]], dtype=float)  # overlaps .25 and .22

    def chosen(least_overlaps):
        proposals = choose_poses([found] * 2, boxes, np.zeros((0, 17, 3)), AnnotateOptions(), COCO, least_overlaps)
        return [one is not None for one in proposals]

    assert chosen(None) == [True, False]
    assert chosen(np.array([0.3, 0.2])) == [False, True]


def test_keypoints_outside_of_the_box_are_not_sure():
    stray = pose(0, 0, 100)
    stray[9, :2] = 50, 300
    found = Poses(stray[None], np.array([0.8]), boxes=np.array([[0, 0, 100, 300]]))
    [chosen] = choose_poses([found], np.array([[0.0, 0, 100, 100]]), np.zeros((0, 17, 3)), AnnotateOptions(), COCO)
    assert (chosen.keypoints[:, 2] > 0).tolist() == [k != 9 for k in range(17)]
    np.testing.assert_allclose(chosen.keypoints[9, :2], [50, 300])


def test_hidden_people_of_a_photo_get_near_the_poses_of_the_whole_photo(estimator, group):
    proposals = propose(estimator, group, np.array(BOXES), np.zeros((0, 17, 3)), AnnotateOptions())
    whole = StrongPose(estimator.runtime)(group)[:3]
    for box, proposal, nose in zip(BOXES, proposals, NOSES, strict=True):
        near = similarity_to(
            proposal.keypoints[:, :2],
            0.53 * box[2] * box[3],
            whole.keypoints[..., :2],
            whole.keypoints[..., 2] > 0.3,
            np.array(COCO.sigmas),
        )
        assert near.max() > 0.8
        assert np.abs(proposal.keypoints[0, :2] - nose).max() < 12
        assert proposal.score > 0.3


def test_people_too_small_for_the_whole_photo_are_found(estimator, group):
    """The photo at a fifth of its size: people of 60 pixels."""
    small = np.ascontiguousarray(group[2::5, 2::5])
    boxes = np.array(BOXES) / 5
    [*proposals] = propose(estimator, small, boxes, np.zeros((0, 17, 3)), AnnotateOptions())
    assert sum(one is not None and one.score > 0.3 for one in proposals) >= 2


def test_what_was_labelled_stays_and_the_rest_is_completed(estimator, group):
    labelled = [v for x, y, _ in pose(805, 90, 205) for v in (round(x), round(y), 2)]
    given = [
        undefined(7, BOXES[2], keypoints=labelled, num_keypoints=17),
        undefined(8, BOXES[0], keypoints=[0] * 51, num_keypoints=0),
        undefined(9, [1100.0, 5.0, 80.0, 60.0]),  # sky
        undefined(10, [0.0, 0.0, 50.0, 50.0], iscrowd=1),
        undefined(11, BOXES[1], keypoints=labelled, num_keypoints=17, keypoint_source="teacher"),
    ]
    data = data_set(given)
    before = copy.deepcopy(data)
    done = complete_annotations(estimator, data, lambda name: group)
    assert data == before
    human, new, empty, crowd, teacher = done.data["annotations"]
    assert human == given[0] | {"keypoint_source": "human"}
    assert teacher == given[4]
    assert crowd == given[3] | {"keypoint_source": "ignore"}
    assert (empty["iscrowd"], empty["num_keypoints"], empty["keypoint_source"]) == (1, 0, "ignore")
    assert (new["id"], new["bbox"], new["keypoint_source"], new["iscrowd"]) == (8, BOXES[0], "strongpose", 0)
    assert new["keypoint_score"] > 0.3
    triples = np.reshape(new["keypoints"], (17, 3))
    assert new["num_keypoints"] == (triples[:, 2] == 2).sum() >= 6
    assert (triples[triples[:, 2] == 0] == 0).all()
    assert done.counts == {"human": 1, "ignore": 2, "strongpose": 1, "teacher": 1}
    assert done.errors == []
    assert done.data["info"] == {"year": 2026}
    assert json.dumps(complete_annotations(estimator, data, lambda name: group).data) == json.dumps(done.data)


def test_regions_to_ignore_are_looked_at_again_only_when_asked(estimator, group):
    around = [0.0, 0.0, 1198.0, 420.0]  # of everybody: no pose fills it
    ignored = {"iscrowd": 1, "keypoint_source": "ignore", "keypoints": [0] * 51, "num_keypoints": 0}
    given = [
        undefined(1, BOXES[0], **ignored),
        undefined(2, around, **ignored),
        undefined(3, BOXES[2], iscrowd=1),
        undefined(4, [1100.0, 5.0, 80.0, 60.0], **ignored),
    ]
    data = data_set(given)
    once = complete_annotations(estimator, data, lambda name: group)
    assert once.data["annotations"] == [*given[:2], given[2] | {"keypoint_source": "ignore"}, given[3]]
    again = complete_annotations(estimator, data, lambda name: group, AnnotateOptions(again=True))
    person, *rest = again.data["annotations"]
    assert (person["keypoint_source"], person["iscrowd"], person["bbox"]) == ("strongpose", 0, BOXES[0])
    assert np.abs(np.subtract(person["keypoints"][:2], NOSES[0])).max() < 12
    assert rest == once.data["annotations"][1:]


def test_a_region_of_two_people_stays_one(estimator, group):
    around = undefined(1, [0.0, 0.0, 800.0, 420.0], iscrowd=1, keypoint_source="ignore")
    done = complete_annotations(estimator, data_set([around]), lambda name: group, AnnotateOptions(again=True))
    assert done.data["annotations"] == [around]  # the better of the two fills a quarter of it
    person = undefined(1, around["bbox"])
    done = complete_annotations(estimator, data_set([person]), lambda name: group)
    assert done.counts == {"strongpose": 1}  # of somebody's own box that is enough


def test_detections_that_nobody_annotated_become_people(estimator, group):
    data = data_set([undefined(3, BOXES[0]), undefined(4, BOXES[1], iscrowd=1)])
    detector = StrongPose(estimator.runtime)
    done = complete_annotations(estimator, data, lambda name: group, detector=detector)
    assert [(a["id"], a["keypoint_source"]) for a in done.data["annotations"]] == [
        (3, "strongpose"),
        (4, "ignore"),
        (5, "strongpose"),
    ]
    new = done.data["annotations"][2]
    assert abs(new["keypoints"][0] - NOSES[2][0]) < 12
    x, _, width, _ = new["bbox"]
    assert 770 < x < x + width < 1100
    load_annotations(done.data, COCO)


def test_training_learns_from_what_is_written(estimator, group, photos, tmp_path):
    data = data_set([undefined(1, BOXES[0]), undefined(2, [1100.0, 5.0, 80.0, 60.0])])
    done = complete_annotations(estimator, data, lambda name: group)
    (tmp_path / "done.json").write_text(json.dumps(done.data))
    [record] = KeypointDataset(tmp_path / "done.json", photos).records
    assert len(record.keypoints) == 1
    assert len(record.ignore) == 1
    [record] = KeypointDataset(tmp_path / "done.json", photos, leave_out=("strongpose",)).records
    assert len(record.keypoints) == 0


def test_photos_that_do_not_fit_leave_their_annotations_alone(estimator, group):
    data = data_set([undefined(1, BOXES[0], image_id=2), undefined(2, BOXES[0])])
    data["images"].insert(0, {"id": 2, "file_name": "bad.jpg", "width": 9, "height": 9})

    def open_photo(name):
        if name == "bad.jpg":
            raise ImageError("bad.jpg: damaged")
        return group

    data["images"].append({"id": 3, "file_name": "group.jpg", "width": 420, "height": 1198})
    data["annotations"].append(undefined(3, BOXES[0], image_id=3))
    seen = []
    done = complete_annotations(estimator, data, open_photo, progress=lambda *counts: seen.append(counts))
    assert [str(error) for error in done.errors] == [
        "bad.jpg: damaged",
        "group.jpg has 1198×420 pixels, but is annotated as one of 420×1198, it seems without the EXIF "
        "rotation; save it without that rotation, or annotate it anew",
    ]
    assert done.data["annotations"][2] == data["annotations"][2]
    assert done.data["annotations"][0] == data["annotations"][0]
    assert done.data["annotations"][1]["keypoint_source"] == "strongpose"
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_options_out_of_range_are_refused():
    with pytest.raises(ValueError, match="least_score must be from 0 to 1, got 3"):
        AnnotateOptions(least_score=3)
    with pytest.raises(ValueError, match="margin must be from 0 to 10"):
        AnnotateOptions(margin=-0.1)
    with pytest.raises(ValueError, match="least_keypoints must be at least 1"):
        AnnotateOptions(least_keypoints=0)
