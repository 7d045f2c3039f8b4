"""People in annotation files: what is filled in, what is taken for unlabelled, and units that are refused."""

from __future__ import annotations

import pytest
from annotation_files import content, perfect_ap, read

from strongpose.annotations import load_annotations, read_annotations
from strongpose.data.coco import KeypointDataset
from strongpose.exceptions import AnnotationError
from strongpose.skeleton import COCO


@pytest.mark.parametrize("area", [0, 0.0, 1e-3, None])
def test_a_person_without_an_area_has_the_usual_share_of_the_box(path, area):
    """An area of 0 would leave no distance at which a keypoint is right."""
    data, said = read(path, lambda d: [person.update(area=area) for person in d["annotations"]])
    _, _, width, height = data["annotations"][0]["bbox"]
    assert data["annotations"][0]["area"] == pytest.approx(0.53 * width * height)
    assert said == [f"{path}: 4 people without an area, or with 0; 0.53 of the box is taken"]


def test_a_person_without_any_size_can_be_learnt_from_but_not_measured(path):
    def change(data):
        data["annotations"][0].update(area=0, bbox=[10, 10, 0, 0], keypoints=[10, 10, 2] + [0] * 48, num_keypoints=1)

    data, said = read(path, change)
    assert data["annotations"][0]["area"] == 0 and said == []
    assert len(KeypointDataset(path).records) == 3
    with pytest.raises(
        AnnotationError, match=r"people\.json: annotation 1 has labelled keypoints but an area of 0, and"
    ):
        load_annotations(path)


@pytest.mark.parametrize("box", [None, [0, 0, 0, 0], [5, 5, 30, 0]])
def test_a_box_without_an_area_is_that_of_the_keypoints(path, box):
    whole = content(path)["annotations"][0]["bbox"]
    data, said = read(path, lambda d: d["annotations"][0].update(bbox=box))
    assert data["annotations"][0]["bbox"] == pytest.approx(whole, abs=1e-3)
    assert said == [f"{path}: 1 person without a box, or with an empty one; that of the keypoints is taken"]
    assert perfect_ap(content(path)) == pytest.approx(1)


def test_labels_are_counted_whatever_is_stated(path):
    """People of whom a tool says that they have no keypoints are measured all the same."""
    data, said = read(path, lambda d: [person.update(num_keypoints=0) for person in d["annotations"]])
    assert [person["num_keypoints"] for person in data["annotations"]] == [17] * 4
    assert said == [f"{path}: 4 people with another num_keypoints than are labelled; the labels count"]


def test_normalised_keypoints_are_refused(path):
    def change(data):
        for person in data["annotations"]:
            person["keypoints"] = [v / 200 if i % 3 < 2 else v for i, v in enumerate(person["keypoints"])]

    whole = path.read_text()
    with pytest.raises(
        AnnotationError, match=r"people\.json: the keypoints of annotation 1 lie within 0 to 0\.\d+: they"
    ):
        read(path, change)
    path.write_text(whole)

    def change_one(data):
        data["annotations"][2]["keypoints"] = [min(v, 1) for v in data["annotations"][2]["keypoints"]]

    with pytest.raises(AnnotationError, match=r"the keypoints of annotation 3 lie within 0 to 1: they look like"):
        read(path, change_one)


def test_normalised_boxes_and_corners_are_refused(path):
    def normalised(data):
        for person in data["annotations"]:
            person["bbox"] = [v / 200 for v in person["bbox"]]

    def as_corners(data):
        for person in data["annotations"]:
            x, y, width, height = person["bbox"]
            person["bbox"] = [x, y, x + width, y + height]

    whole = path.read_text()
    with pytest.raises(AnnotationError, match=r"people\.json: its boxes lie within 0 to 1\.5: they look like"):
        read(path, normalised)
    path.write_text(whole)
    with pytest.raises(
        AnnotationError, match=r"people\.json: \d boxes reach out .* fit as corners x0, y0, x1, y1; COCO's are"
    ):
        read(path, as_corners)
    path.write_text(whole)
    assert read(path, lambda d: d["annotations"][1].update(bbox=[150, 100, 90, 90]))[1] == [
        f"{path}: boxes that reach far out of their photos: 1"
    ]


def test_percents_are_doubted(path):
    def change(data):
        for image in data["images"]:
            image.update(width=1920, height=1600)
        for person in data["annotations"]:
            person["keypoints"] = [v / 2 if i % 3 < 2 else v for i, v in enumerate(person["keypoints"])]

    assert read(path, change)[1][-1].endswith(" pixels; are they percents?")


@pytest.mark.parametrize("nowhere", [[0, 0, 2], [-1, -1, 2], [0.0, 0.0, 1]])
def test_keypoints_labelled_where_none_can_be_are_unlabelled(path, nowhere):
    data, said = read(path, lambda d: d["annotations"][0]["keypoints"].__setitem__(slice(0, 3), nowhere))
    assert data["annotations"][0]["keypoints"][:3] == [0, 0, 0] and data["annotations"][0]["num_keypoints"] == 16
    assert said[0] == f"{path}: 1 keypoint labelled at 0 0, or negative; taken as unlabelled"


@pytest.mark.parametrize("unlabelled", [[None, None, None], [None, None, 0], [float("nan"), float("nan"), 0]])
def test_unlabelled_keypoints_may_be_nothing(path, unlabelled):
    data, _ = read(path, lambda d: d["annotations"][0]["keypoints"].__setitem__(slice(3, 6), unlabelled))
    assert data["annotations"][0]["keypoints"][3:6] == [0, 0, 0]


def test_keypoints_may_be_lists_of_three_and_iscrowd_null(path):
    whole = read_annotations(path)["annotations"]

    def change(data):
        for person in data["annotations"]:
            values = person["keypoints"]
            person.update(keypoints=[values[k : k + 3] for k in range(0, 51, 3)], iscrowd=None)

    assert read(path, change)[0]["annotations"] == whole


def test_a_data_set_in_which_nobody_is_labelled_is_told(path):
    assert read(path, lambda d: [person.update(iscrowd=1) for person in d["annotations"]])[1] == []
    said: list[str] = []
    load_annotations(path, COCO, said.append)
    assert [line.split(" (")[0] for line in said] == [f"{path}: nobody has labelled keypoints"]
    with pytest.raises(AnnotationError, match=r"people\.json: nobody has keypoints to learn"):
        KeypointDataset(path)
