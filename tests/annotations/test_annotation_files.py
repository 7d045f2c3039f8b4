"""Reading annotation files: encodings, ids, categories and entries as other tools write them."""

from __future__ import annotations

import json

import pytest
from annotation_files import content, perfect_ap, read

from strongpose.annotations import load_annotations, people_categories, read_annotations
from strongpose.data.coco import KeypointDataset
from strongpose.evaluation import evaluate_results
from strongpose.exceptions import AnnotationError
from strongpose.skeleton import COCO


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_every_encoding_of_json_is_read(path, encoding):
    data = content(path, lambda d: d["images"][0].update(file_name="фото.png"))
    path.write_bytes(json.dumps(data, ensure_ascii=False).encode(encoding))
    assert read_annotations(path)["images"] == data["images"]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('{"a": "müde"}'.encode("latin-1"), r"people\.json: not JSON, or text in another encoding .* save it as UTF-8"),
        (b'{"images": [\n', r"people\.json, line 2: not JSON, or cut short"),
        (b"", r"people\.json: the file is empty"),
        (b"\x1f\x8b\x08", r"people\.json: is packed by gzip; unpack it first"),
        (b"PK\x03\x04", r"people\.json: is a zip archive"),
        (b"version https://git-lfs.github.com/spec/v1", r"people\.json: is a pointer of Git LFS"),
        (b'{"id": 1}\n{"id": 2}\n', r"people\.json, line 2: more follows behind the first JSON value"),
    ],
)
def test_what_is_no_json_is_named_for_what_it_is(path, written, message):
    path.write_bytes(written)
    with pytest.raises(AnnotationError, match=message):
        read_annotations(path)


@pytest.mark.parametrize(
    "ids", [["frame-0", "frame-1", "frame-2"], [2**53, 2**53 + 1, 2**53 + 2], [2**70, 5, -1], [0.0, 1.0, 2.0]]
)
def test_any_ids_can_be_evaluated(path, ids):
    def change(data):
        for image in data["images"]:
            image["id"] = ids[image["id"]]
        for person in data["annotations"]:
            person["image_id"] = ids[person["image_id"]]

    assert perfect_ap(content(path, change)) == pytest.approx(1)


@pytest.mark.parametrize("wrong", [None, True, 1.5, float("nan"), [1], 2**200])
def test_what_cannot_be_an_id_is_refused(path, wrong):
    with pytest.raises(AnnotationError, match=r"people\.json: image 1 needs 'id' and 'file_name'"):
        read(path, lambda d: d["images"][1].update(id=wrong))


def test_images_that_cannot_be_told_apart_are_refused(path):
    whole = path.read_text()
    with pytest.raises(AnnotationError, match="image id 1 is there twice"):
        read(path, lambda d: d["images"][0].update(id=1))
    path.write_text(whole)
    with pytest.raises(AnnotationError, match=r"0\.png is listed twice, as image 0 and 2; the people of both"):
        read(path, lambda d: d["images"][2].update(file_name="0.png"))


def test_categories_with_the_same_keypoints_are_one(path):
    def change(data):
        data["categories"].insert(0, {**data["categories"][0], "id": 7, "name": "child"})
        data["annotations"][2].update(category_id=7)

    data, said = read(path, change)
    assert [person["category_id"] for person in data["annotations"]] == [7] * 4
    assert [category["id"] for category in data["categories"]] == [7]
    assert said == [f"{path}: categories child, person have the same keypoints and are taken as one"]
    assert perfect_ap(content(path)) == pytest.approx(1)
    assert [len(record.keypoints) for record in KeypointDataset(path).records] == [1, 2, 1]


def test_what_is_not_people_is_left_out_and_said(path):
    def change(data):
        ball = {"id": 3, "name": "ball", "keypoints": ["centre"]}
        data["categories"] = [ball, {"id": 4, "name": "car"}, *data["categories"]]
        data["annotations"] += [
            {"id": 90, "image_id": 0, "category_id": 3, "bbox": [1, 1, 5, 5], "area": 25, "keypoints": [3, 3, 2]},
            {"id": 91, "image_id": 0, "category_id": 4, "bbox": [0, 0, 90, 90], "segmentation": []},
            {"id": 92, "image_id": 1, "category_id": 4, "bbox": [0, 0, 90, 90]},
        ]

    data, said = read(path, change)
    assert len(data["annotations"]) == 4
    assert said == [f"{path}: left out 3 annotations of categories that are not people: car (2), ball (1)"]
    assert perfect_ap(content(path)) == pytest.approx(1)
    assert all(record.ignore == () for record in KeypointDataset(path).records)  # a car hides no unknown person
    assert len(read_annotations(path)["annotations"]) == 4  # "person" of two kinds that both have annotations


def test_people_that_cannot_be_told_are_refused(path):
    data = content(path)
    data["categories"][0]["name"] = "skater"
    data["categories"].append({"id": 3, "name": "ball", "keypoints": ["centre"]})
    assert people_categories(data, "a.json")[0]["name"] == "skater"  # of the balls there are no annotations
    data["annotations"].append({**data["annotations"][0], "category_id": 3, "keypoints": [1, 2, 2]})
    with pytest.raises(
        AnnotationError, match=r"a\.json: has categories with different keypoints \(skater \(17\), ball"
    ):
        people_categories(data, "a.json")
    whole = path.read_text()
    with pytest.raises(AnnotationError, match=r"none of its 4 annotations is of a category .*\(category_id 1\); .* 9"):
        read(path, lambda d: [person.update(category_id=9) for person in d["annotations"]])
    path.write_text(whole)
    with pytest.raises(
        AnnotationError, match=r"annotation 2 is of category '1', but the category's id is 1; write both as"
    ):
        read(path, lambda d: d["annotations"][2].update(category_id="1"))
    path.write_text(whole)
    with pytest.raises(
        AnnotationError, match=r"annotation 2 is about image '1', but the image's id is 1; write both as"
    ):
        read(path, lambda d: d["annotations"][2].update(image_id="1"))


def test_the_same_annotation_twice_is_taken_once(path):
    data, said = read(path, lambda d: d["annotations"].extend(json.loads(json.dumps(d["annotations"][:2]))))
    assert len(data["annotations"]) == 4
    assert said == [f"{path}: 2 annotations listed twice, with the same id and content; one of each is taken"]


def test_results_of_any_merged_category_count(path):
    def change(data):
        data["categories"].append({**data["categories"][0], "id": 2, "name": "child"})
        data["annotations"][2].update(category_id=2)

    data = content(path, change)
    keys = ("image_id", "category_id", "keypoints")
    results = [{**{key: person[key] for key in keys}, "score": 0.9} for person in data["annotations"]]
    assert evaluate_results(results, data, COCO.sigmas).ap == pytest.approx(1)
    assert evaluate_results(results, load_annotations(data), COCO.sigmas).ap == pytest.approx(1)


def test_a_single_category_need_not_be_named_by_its_annotations(path):
    data, _ = read(path, lambda d: [person.pop("category_id") for person in d["annotations"]])
    assert len(data["annotations"]) == 4
