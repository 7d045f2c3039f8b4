"""The reader of annotation files: encodings, ids, categories and sizes as other tools write them; what is filled in."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from pictures import write_dataset
from PIL import Image

from strongpose.annotations import AnnotationError, load_annotations, people_categories, photo_paths, read_annotations
from strongpose.data.coco import KeypointDataset
from strongpose.evaluation import evaluate_results
from strongpose.skeleton import COCO
from strongpose.training.validation import check_validation


@pytest.fixture
def path(tmp_path) -> Path:
    """Three drawn photos of 192×160 pixels with 1, 2 and 1 people."""
    return write_dataset(tmp_path / "set", 3)


def content(path: Path, change=lambda data: None) -> dict:
    data = json.loads(path.read_text())
    change(data)
    return data


def read(path: Path, change, skeleton=COCO) -> tuple[dict, list[str]]:
    """What the reader makes of the changed file, and what it says."""
    path.write_text(json.dumps(content(path, change)))
    said: list[str] = []
    return read_annotations(path, skeleton, said.append), said


def perfect_ap(data: dict) -> float:
    """Average precision of results that repeat the people of `load_annotations`."""
    people = load_annotations(data, COCO)["annotations"]
    category = load_annotations(data, COCO)["categories"][0]["id"]
    results = [{**p, "category_id": category, "score": 0.9} for p in people]
    keys = ("image_id", "category_id", "keypoints", "score")
    return evaluate_results([{key: r[key] for key in keys} for r in results], data, COCO.sigmas).ap


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


@pytest.mark.parametrize("area", [0, 0.0, 1e-3, None])
def test_a_person_without_an_area_has_the_usual_share_of_the_box(path, area):
    """An area of 0 would leave no distance at which a keypoint is right."""
    data, said = read(path, lambda d: [person.update(area=area) for person in d["annotations"]])
    _, _, width, height = data["annotations"][0]["bbox"]
    assert data["annotations"][0]["area"] == pytest.approx(0.53 * width * height)
    assert said == [f"{path}: 4 people have no area, or 0; 0.53 of the box is taken"]


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
    assert said == [f"{path}: 1 people have no box, or one without an area; that of their keypoints is taken"]
    assert perfect_ap(content(path)) == pytest.approx(1)


def test_labels_are_counted_whatever_is_stated(path):
    """People of whom a tool says that they have no keypoints are measured all the same."""
    data, said = read(path, lambda d: [person.update(num_keypoints=0) for person in d["annotations"]])
    assert [person["num_keypoints"] for person in data["annotations"]] == [17] * 4
    assert said == [f"{path}: 4 people state another num_keypoints than are labelled; the labels count"]


def test_keypoints_in_shares_of_the_photo_are_refused(path):
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

    with pytest.raises(
        AnnotationError, match=r"the keypoints of annotation 3 lie within 0 to 1: they look like shares"
    ):
        read(path, change_one)


def test_boxes_in_shares_or_as_corners_are_refused(path):
    def in_shares(data):
        for person in data["annotations"]:
            person["bbox"] = [v / 200 for v in person["bbox"]]

    def as_corners(data):
        for person in data["annotations"]:
            x, y, width, height = person["bbox"]
            person["bbox"] = [x, y, x + width, y + height]

    whole = path.read_text()
    with pytest.raises(AnnotationError, match=r"people\.json: its boxes lie within 0 to 1\.5: they look like shares"):
        read(path, in_shares)
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
    assert said[0] == f"{path}: 1 keypoints that are labelled at 0 0, or negative, are taken as unlabelled"


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


def test_the_same_annotation_twice_is_taken_once(path):
    data, said = read(path, lambda d: d["annotations"].extend(json.loads(json.dumps(d["annotations"][:2]))))
    assert len(data["annotations"]) == 4
    assert said == [f"{path}: 2 annotations are there twice, with the same id and content; one of each is taken"]


def test_a_data_set_in_which_nobody_is_labelled_is_told(path):
    assert read(path, lambda d: [person.update(iscrowd=1) for person in d["annotations"]])[1] == []
    said: list[str] = []
    load_annotations(path, COCO, said.append)
    assert [line.split(" (")[0] for line in said] == [f"{path}: nobody has labelled keypoints"]
    with pytest.raises(AnnotationError, match=r"people\.json: nobody has keypoints to learn"):
        KeypointDataset(path)


def test_results_of_any_merged_category_count(path):
    def change(data):
        data["categories"].append({**data["categories"][0], "id": 2, "name": "child"})
        data["annotations"][2].update(category_id=2)

    data = content(path, change)
    keys = ("image_id", "category_id", "keypoints")
    results = [{**{key: person[key] for key in keys}, "score": 0.9} for person in data["annotations"]]
    assert evaluate_results(results, data, COCO.sigmas).ap == pytest.approx(1)
    assert evaluate_results(results, load_annotations(data), COCO.sigmas).ap == pytest.approx(1)


@pytest.mark.parametrize("file_name", ["sub\\1.png", "sub/1.png", "./sub/1.png"])
def test_names_of_photos_may_have_other_separators(path, file_name):
    folder = path.with_suffix("")
    (folder / "sub").mkdir()
    (folder / "1.png").rename(folder / "sub" / "1.png")
    data, _ = read(path, lambda d: d["images"][1].update(file_name=file_name))
    assert photo_paths(data, folder)[1].is_file()
    assert KeypointDataset(path).open(1)[0].shape == (160, 192, 3)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_of_photos_may_write_accents_as_one_sign_or_two(path, form):
    folder = path.with_suffix("")
    (folder / "1.png").rename(folder / unicodedata.normalize(form, "café.png"))
    data, _ = read(path, lambda d: d["images"][1].update(file_name=unicodedata.normalize("NFD", "café.png")))
    assert photo_paths(data, folder)[1].is_file()


def test_sizes_that_are_not_stated_are_those_of_the_photos(path):
    data, _ = read(path, lambda d: [d["images"][1].pop(side) for side in ("width", "height")])
    assert KeypointDataset(path).records[1].width == 192
    assert len(photo_paths(data, path.with_suffix(""))) == 3
    resize(path, 96, 80)
    with pytest.raises(
        AnnotationError, match=r"annotation \d has keypoints outside of .*1\.png, which has 96×80 pixels"
    ):
        photo_paths(data, path.with_suffix(""))


@pytest.mark.parametrize(
    ("segmentation", "points"),
    [([1, 2, 30, 2, 30, 40], 3), ([[[1, 2], [30, 2], [30, 40]]], 3), ([None, [1, 2, 30, 2, 30, 40]], 3)],
)
def test_outlines_are_read_in_every_nesting(path, segmentation, points):
    read(path, lambda d: d["annotations"][0].update(segmentation=segmentation))
    assert len(KeypointDataset(path).records[0].silhouettes[0].polygons[0]) == points


def test_an_outline_that_cannot_be_read_is_named(path):
    with pytest.raises(
        AnnotationError, match=r"people\.json: segmentation of annotation 1 \(image 0\): expected a list of"
    ):
        read(path, lambda d: d["annotations"][0].update(segmentation=["x"]))
        KeypointDataset(path)


def test_a_single_category_need_not_be_named_by_its_annotations(path):
    data, _ = read(path, lambda d: [person.pop("category_id") for person in d["annotations"]])
    assert len(data["annotations"]) == 4


def resize(path: Path, width: int, height: int, orientation: int = 1, name: str = "1.png") -> None:
    """Another size for one photo of a data set, and a turn in its EXIF data."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = path.with_suffix("") / name
    with Image.open(photo) as image:
        changed = image.resize((width, height))
    changed.save(photo, exif=exif)


def test_photos_of_another_size_are_refused_before_they_are_looked_at(path):
    data, folder = load_annotations(path), path.with_suffix("")
    assert list(photo_paths(data, folder)) == [0, 1, 2]
    resize(path, 96, 80)
    with pytest.raises(
        AnnotationError,
        match=r"a\.json: .*1\.png has 96×80 pixels, but is annotated as one of 192×160; take the photos",
    ):
        photo_paths(data, folder, "a.json")
    resize(path, 96, 80, name="2.png")
    with pytest.raises(
        AnnotationError, match=r"^annotations: 2 of the 3 photos have another size than is annotated, the f"
    ):
        photo_paths(data, folder)
    with pytest.raises(AnnotationError, match=r"people\.json: 2 of the 3 photos"):
        check_validation(path, folder, COCO, lambda line: None)


def test_photos_that_were_annotated_without_their_turn_are_refused(path):
    resize(path, 192, 160, orientation=6)
    with pytest.raises(
        AnnotationError, match=r"1\.png has 160×192 pixels, .* 192×160, it seems without the turn in its EXIF"
    ):
        photo_paths(load_annotations(path), path.with_suffix(""))
    with pytest.raises(AnnotationError, match=r"people\.json: 1\.png has 160×192 pixels"):
        KeypointDataset(path)


@pytest.mark.parametrize("size", [(96, 80), (97, 80), (768, 640), (100, 83)])
def test_training_scales_annotations_to_photos_of_the_same_shape(path, size):
    """But for the rounding of the sides to whole pixels."""
    resize(path, *size)
    said: list[str] = []
    photo, record = KeypointDataset(path, say=said.append).open(1)
    assert photo.shape[1::-1] == size and (record.width, record.height) == (192, 160)
    assert said == [
        f"{path}: 1 of its 3 photos have another size than is annotated, the first is 1.png; the annotations are "
        "scaled to them"
    ]


def test_training_refuses_photos_of_another_shape(path):
    resize(path, 160, 160)
    with pytest.raises(
        AnnotationError, match=r"people\.json: 1\.png has 160×160 pixels, but is annotated as one of 192×160"
    ):
        KeypointDataset(path)


def test_training_says_which_photos_are_missing(path):
    said: list[str] = []
    folder = path.with_suffix("")
    (folder / "0.png").unlink()
    KeypointDataset(path, say=said.append)
    assert said == [f"{path}: 1 of its 3 photos are not in {folder}, the first is 0.png; they are left out"]
    (folder / "1.png").unlink()
    (folder / "2.png").unlink()
    with pytest.raises(
        AnnotationError, match=r"people\.json: none of its 3 photos is in .*people, the first is 0\.png"
    ):
        KeypointDataset(path)


@pytest.mark.parametrize(
    ("outlines", "points"), [([[]], None), ([[5, 5]], None), ([[5, 5, 9, 9]], None), ([[], [1, 2, 30, 2, 30, 40]], [3])]
)
def test_outlines_of_fewer_than_three_points_are_none(path, outlines, points):
    def change(data):
        data["annotations"][0]["segmentation"] = outlines
        data["annotations"][1].update(segmentation=outlines, iscrowd=1)

    read(path, change)
    first, second, _ = KeypointDataset(path).records
    if points is None:
        assert first.silhouettes == (None,)
        assert second.ignore[0].polygons[0].shape == (4, 2)  # the box instead
    else:
        assert [len(polygon) for polygon in first.silhouettes[0].polygons] == points
        assert [len(polygon) for polygon in second.ignore[0].polygons] == points
