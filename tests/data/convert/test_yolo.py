"""YOLO-pose labels become COCO annotations, and these YOLO-pose labels."""

import pytest
from PIL import Image
from samples import coco, named, write, write_photo

from strongpose.annotations import AnnotationError
from strongpose.data.convert import ConversionError, read_coco, read_yolo, write_yolo
from strongpose.skeletons import load_skeleton


def yolo_line(visibilities=True):
    """A box with the middle (0.5, 0.25), half the photo wide, a fifth high; nose and right ankle labelled."""
    keypoints = [("0.5", "0.2", "2"), *[("0", "0", "0")] * 15, ("0.375", "0.3", "1")]
    parts = [" ".join(point if visibilities else point[:2]) for point in keypoints]
    return " ".join(["0 0.5 0.25 0.5 0.2", *parts])


@pytest.mark.parametrize("visibilities", [True, False])
def test_yolo_shares_become_pixels(tmp_path, visibilities):
    write_photo(tmp_path / "images/train/b.jpg", 80, 200)
    write_photo(tmp_path / "images/empty.png", 40, 30)
    write(tmp_path / "labels/train/b.txt", yolo_line(visibilities) + "\n\n")
    data = read_yolo(tmp_path / "labels", tmp_path / "images", load_skeleton("coco"))
    assert data["images"] == [
        {"id": 1, "file_name": "empty.png", "width": 40, "height": 30},
        {"id": 2, "file_name": "train/b.jpg", "width": 80, "height": 200},
    ]
    (person,) = data["annotations"]
    assert (person["image_id"], person["bbox"]) == (2, [20, 30, 40, 40])
    hidden = 1 if visibilities else 2
    assert named(data) == {"nose": [40, 40, 2], "right_ankle": [30, 60, hidden]}


def test_photos_that_lie_on_their_side_are_measured_as_they_are_shown(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    (tmp_path / "images").mkdir()
    Image.new("RGB", (80, 200)).save(tmp_path / "images/a.jpg", exif=turned)
    (tmp_path / "labels").mkdir()
    data = read_yolo(tmp_path / "labels", tmp_path / "images", load_skeleton("coco"))
    assert (data["images"][0]["width"], data["images"][0]["height"]) == (200, 80)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 0.5 0.5 0.1 0.1 0.5 0.5 2", r"a\.txt, line 2: expected 56 or 39 numbers for the 17 keypoints.* got 8"),
        (yolo_line().replace("0.375", "x"), r"a\.txt, line 2: not a number"),
        ("3" + yolo_line()[1:], r"a\.txt, line 2: class 3; only class 0"),
        (yolo_line().replace("0.25 0.5", "0.25 50"), r"a\.txt, line 2: the box 0.5 0.25 50 0.2 is not in shares"),
        (yolo_line().replace("0.3 1", "0.3 7"), r"a\.txt, line 2: visibilities must be 0, 1 or 2"),
    ],
)
def test_damaged_yolo_names_the_line(tmp_path, text, message):
    write_photo(tmp_path / "images/a.jpg", 80, 200)
    write(tmp_path / "labels/a.txt", f"{yolo_line()}\n{text}\n")
    with pytest.raises(ConversionError, match=message):
        read_yolo(tmp_path / "labels", tmp_path / "images", load_skeleton("coco"))


def test_yolo_folders_must_fit(tmp_path):
    coco = load_skeleton("coco")
    write_photo(tmp_path / "images/a.jpg", 80, 200)
    write(tmp_path / "labels/b.txt", yolo_line())
    with pytest.raises(ConversionError, match=r"b\.txt: no photo"):
        read_yolo(tmp_path / "labels", tmp_path / "images", coco)
    with pytest.raises(ConversionError, match="name the folder of the photos with --images"):
        read_yolo(tmp_path / "labels", None, coco)
    write_photo(tmp_path / "images/a.png", 80, 200)
    with pytest.raises(ConversionError, match=r"a\.png: a\.jpg has the same name"):
        read_yolo(tmp_path / "labels", tmp_path / "images", coco)


def test_coco_becomes_yolo_and_comes_back(tmp_path):
    data = read_coco(write(tmp_path / "a.json", coco()))
    assert [annotation["id"] for annotation in data["annotations"]] == [5, 6]
    assert write_yolo(data, tmp_path / "labels") == 1
    assert (tmp_path / "labels/b.txt").read_text() == ""
    words = (tmp_path / "labels/train/a.txt").read_text().split()
    assert words[:8] == ["0", "0.187500", "0.500000", "0.375000", "0.800000", "0.250000", "0.200000", "2"]
    assert words[20:23] == ["0.000000", "0.000000", "0"]  # the shoulder
    for name in ("train/a.jpg", "b.jpg"):
        write_photo(tmp_path / "images" / name, 80, 50)
    back = read_yolo(tmp_path / "labels", tmp_path / "images", load_skeleton("coco"))
    assert named(back) == {"nose": [20, 10, 2]}
    assert back["annotations"][0]["bbox"] == [0, 5, 30, 40]


def test_photos_that_would_share_a_label_file_are_refused(tmp_path):
    content = coco()
    content["images"][1]["file_name"] = "train/a.png"
    with pytest.raises(ConversionError, match=r"train/a\.png and train/a\.jpg would share"):
        write_yolo(read_coco(write(tmp_path / "a.json", content)), tmp_path / "labels")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("images"), "expected a list 'images'"),
        (lambda d: d["categories"][0].pop("keypoints"), "no category has 'keypoints'"),
        (lambda d: d["images"][1].pop("width"), "image 1 needs 'width'"),
        (lambda d: d["annotations"][0].update(image_id=99), "annotation 0 is about image 99"),
        (lambda d: d["annotations"][0].update(keypoints=[1, 2, 2]), "annotation 0 needs 51 keypoint values"),
        (lambda d: d["annotations"][0].update(bbox=[1, 2]), "annotation 0 needs 'bbox', four numbers"),
    ],
)
def test_damaged_coco_is_explained(tmp_path, change, message):
    content = coco()
    change(content)
    with pytest.raises((AnnotationError, ConversionError), match=message):
        read_coco(write(tmp_path / "a.json", content))
