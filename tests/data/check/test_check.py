"""The check of a data set finds each kind of mistake, and nothing in a right one."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from pictures import write_dataset

from strongpose.data.check import check_data_set
from strongpose.data.check.findings import KINDS
from strongpose.data.check.sheets import draw_findings
from strongpose.exceptions import AnnotationError
from strongpose.images import open_image


@pytest.fixture
def data_set(tmp_path):
    """Three drawn photos with 1, 2 and 1 people."""
    return write_dataset(tmp_path / "set", 3)


def found(path, change):
    """{kind: [texts]} after a change of the content."""
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    _, photos = check_data_set(path)
    kinds: dict[str, list[str]] = {}
    for photo in photos:
        for finding in photo.findings:
            kinds.setdefault(finding.kind, []).append(finding.text)
    return kinds


def copy_person(data):
    twin = {**data["annotations"][2], "id": 77}
    twin["keypoints"] = [v + 0.2 if k % 3 < 2 else v for k, v in enumerate(twin["keypoints"])]
    del twin["area"]  # not stated, so it is the box's
    data["annotations"].append(twin)


def trade_hips(data):
    keypoints = data["annotations"][0]["keypoints"]
    keypoints[33:39] = [*keypoints[36:39], *keypoints[33:36]]


def put_outside(data):
    keypoints = data["annotations"][0]["keypoints"]
    keypoints[0], keypoints[4] = -3.5, 160.5  # the nose; the left eye is within the margin


def test_a_right_data_set_has_no_findings(data_set):
    assert found(data_set, lambda d: None) == {}
    skeleton, photos = check_data_set(data_set)
    assert skeleton.name == "coco"
    assert [(photo.file_name, len(photo.keypoints)) for photo in photos] == [
        ("", 0),
        ("0.png", 1),
        ("1.png", 2),
        ("2.png", 1),
    ]


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        (lambda d: d["images"][0].update(width="x"), "damaged entry", "image 0 needs a number of pixels as 'width'"),
        (lambda d: d["images"][0].pop("width"), "no size", "its width and height are not stated"),
        (
            lambda d: d["annotations"][0].update(bbox=[150, 100, 90, 90]),
            "box outside the picture",
            "annotation 1: a box to 240, 190",
        ),
        (
            lambda d: d["annotations"][0]["keypoints"].__setitem__(slice(0, 3), [0, 0, 2]),
            "labelled at 0 0",
            "annotation 1: nose",
        ),
        (
            lambda d: [p.update(bbox=[v / 200 for v in p["bbox"]]) for p in d["annotations"]],
            "wrong unit",
            "its boxes lie within 0 to 1.5: they look like normalised coordinates",
        ),
        (lambda d: d["annotations"][1].update(image_id=99), "damaged entry", "annotation 1 is about no photo"),
        (lambda d: d["images"][0].update(file_name="no.png"), "missing photo", "not in"),
        (
            lambda d: d["images"][0].update(height=170),
            "other photo size",
            "but is annotated as one of 192×170",
        ),
        (lambda d: d["images"].append({**d["images"][0], "id": 9}), "listed twice", "the file is there twice"),
        (
            lambda d: d["images"].append({**d["images"][0], "id": 9, "file_name": "./" + d["images"][0]["file_name"]}),
            "listed twice",
            "the file is there twice",
        ),
        (lambda d: d["annotations"][1].update(id=1), "listed twice", "annotation id 1 is there twice"),
        (
            lambda d: d["annotations"][0].update(keypoints=[1, 2, 2]),
            "wrong keypoints",
            "annotation 1: expected 51 keypoint values, got 3",
        ),
        (
            lambda d: d["annotations"][0].update(keypoints=[1, 2, 5] * 17),
            "wrong keypoints",
            "annotation 1: visibilities must be 0, 1 or 2, got ['5']",
        ),
        (
            lambda d: d["annotations"][0].update(bbox=[5, 5, 0, 9]),
            "empty box",
            "annotation 1 has a box of 0×9 pixels",
        ),
        (lambda d: d["annotations"][0].pop("bbox"), "empty box", "annotation 1 has no box"),
        (lambda d: d["annotations"][0].update(area=0.0), "no area", "annotation 1: area 0.0 for a box of "),
        (lambda d: d["annotations"][0].update(area=0.2), "no area", "annotation 1: area 0.2 for a box of "),
        (lambda d: d["annotations"][0].update(segmentation=[[]]), "empty polygon", "annotation 1: a polygon of fewer"),
        (
            lambda d: d["annotations"][0].update(segmentation=[[9, 9, 9, 50, 50, 50], [9, 9, 20, 20]]),
            "empty polygon",
            "annotation 1: a polygon of fewer",
        ),
        (
            lambda d: d["annotations"][0].update(segmentation=[[1, 2, 3, 4, 5, 6, 7]]),
            "damaged polygon",
            "annotation 1, segmentation: a polygon must be pairs of x and y",
        ),
        (
            lambda d: d["annotations"][0].update(segmentation={"size": [9, 9], "counts": [81]}),
            "damaged polygon",
            "annotation 1, segmentation: a mask of [9, 9] for a photo of [160, 192]",
        ),
        (
            lambda d: d["annotations"][0].update(category_id=None),
            "damaged entry",
            "annotation 0 has no 'category_id' that can be one",
        ),
        (put_outside, "outside the picture", "annotation 1: nose"),
        (copy_person, "duplicate people", "annotation 3 and annotation 77: alike, OKS 0.998"),
        (trade_hips, "swapped sides", "annotation 1: hips against shoulders"),
        (
            lambda d: d["annotations"][0].update(keypoints=[0] * 51, num_keypoints=0),
            "no keypoints",
            "annotation 1: nobody labelled this person",
        ),
        (
            lambda d: d["annotations"][0].update(num_keypoints=3),
            "wrong count",
            "annotation 1: num_keypoints 3, but 17 are labelled",
        ),
        (
            lambda d: d["annotations"][0]["keypoints"].__setitem__(slice(3, 9), [90, 40, 2, 90, 40, 2]),
            "sides at one place",
            "annotation 1: left_eye and right_eye",
        ),
        (
            lambda d: d["annotations"][0].update(bbox=[*d["annotations"][0]["bbox"][:3], 50]),
            "far outside the box",
            "annotation 1: left_knee, right_knee, left_ankle, right_ankle",
        ),
    ],
)
def test_each_kind_is_found(data_set, change, kind, text):
    kinds = found(data_set, change)
    assert kind in kinds, kinds
    assert any(text in one for one in kinds[kind]), kinds[kind]
    assert set(kinds) <= {kind, "far outside the box"}


def test_photos_that_cannot_be_read(data_set):
    (data_set.with_suffix("") / "1.png").write_bytes(b"nothing")
    assert "unreadable photo" in found(data_set, lambda d: None)


def test_crowds_and_other_categories_are_left_alone(data_set):
    def change(data):
        data["annotations"][0].update(iscrowd=1, keypoints=[0] * 51, num_keypoints=0)
        data["categories"].append({"id": 2, "name": "dog"})
        data["annotations"].append({"id": 50, "image_id": 0, "category_id": 2, "bbox": [0, 0, 0, 0]})

    assert found(data_set, change) == {"other category": ["skipped: annotations of category_id 2 (1)"]}


def test_categories_with_the_same_keypoints_are_all_looked_at(data_set):
    def change(data):
        data["categories"].append({**data["categories"][0], "id": 2, "name": "child"})
        data["annotations"][1].update(category_id=2, keypoints=[1, 2, 2])

    assert found(data_set, change) == {"wrong keypoints": ["annotation 2: expected 51 keypoint values, got 3"]}


@pytest.mark.parametrize("fins", [("left_fin", "right_fin"), ("leftFin", "rightFin"), ("fin.L", "fin.R")])
def test_an_unknown_skeleton_is_taken_from_the_category(data_set, fins):
    def change(data):
        names = [*fins, "tail"]
        data["categories"][0].update(keypoints=names, skeleton=[[1, 3], [2, 3], [3, 9]])
        for annotation in data["annotations"]:
            annotation.update(keypoints=annotation["keypoints"][3:12], num_keypoints=3)

    assert found(data_set, change) == {}
    skeleton, _ = check_data_set(data_set)
    assert (skeleton.name, skeleton.flip_pairs, skeleton.limbs) == ("annotated", ((0, 1),), ((0, 2), (1, 2)))


def test_files_that_are_no_annotations_are_refused(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"images": [],\n "annotations": [}')
    with pytest.raises(AnnotationError, match=r"a\.json, line 2: not JSON"):
        check_data_set(path)
    path.write_text("[]")
    with pytest.raises(AnnotationError, match="expected a JSON object as in COCO's files, got a list"):
        check_data_set(path)
    path.write_text(json.dumps({"images": [], "annotations": [], "categories": [{"id": 1}]}))
    with pytest.raises(AnnotationError, match="no category has 'keypoints'"):
        check_data_set(path)


def test_sheets_show_what_was_found(data_set):
    found(data_set, lambda d: (trade_hips(d), copy_person(d)))
    skeleton, photos = check_data_set(data_set)
    folder = data_set.with_suffix("")
    sheets = dict(draw_findings(photos, lambda name: open_image(folder / name), skeleton))
    assert set(sheets) == {"duplicate-people", "swapped-sides"}
    red = (sheets["swapped-sides"] == (255, 40, 40)).all(-1)
    assert cv2.connectedComponents(red.astype(np.uint8))[0] - 1 >= 1


def test_every_kind_is_an_error_or_a_warning():
    assert sum(KINDS.values()) == 11
    assert not KINDS["swapped sides"]
