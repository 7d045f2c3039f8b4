"""YOLO-pose labels become COCO annotations, and these YOLO-pose labels."""

import pytest
from PIL import Image
from samples import coco, named, write, write_photo

from strongpose.data.convert import read_coco, read_yolo, write_yolo
from strongpose.exceptions import AnnotationError, ConversionError
from strongpose.skeletons import load_skeleton


def yolo_line(visibilities=True):
    """A box with the middle (0.5, 0.25), half the photo wide, a fifth high; nose and right ankle labelled."""
    keypoints = [("0.5", "0.2", "2"), *[("0", "0", "0")] * 15, ("0.375", "0.3", "1")]
    parts = [" ".join(point if visibilities else point[:2]) for point in keypoints]
    return " ".join(["0 0.5 0.25 0.5 0.2", *parts])


@pytest.mark.parametrize("visibilities", [True, False])
def test_normalised_coordinates_become_pixels(tmp_path, visibilities):
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


@pytest.mark.parametrize("nobody", ["0 0", "-1 -1", "-1.000000 -1"])
def test_keypoints_without_visibilities_that_are_not_labelled(tmp_path, nobody):
    write_photo(tmp_path / "images/a.jpg", 80, 200)
    write(tmp_path / "labels/a.txt", " ".join(["0 0.5 0.25 0.5 0.2", "0.5 0.2", *[nobody] * 15, "-0.05 0.3"]))
    data = read_yolo(tmp_path / "labels", tmp_path / "images", load_skeleton("coco"))
    assert named(data) == {"nose": [40, 40, 2], "right_ankle": [-4, 60, 2]}


def test_photos_that_lie_on_their_side_are_measured_as_they_are_shown(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    (tmp_path / "images").mkdir()
    Image.new("RGB", (80, 200)).save(tmp_path / "images/a.jpg", exif=turned)
    write(tmp_path / "labels/a.txt", "")
    data = read_yolo(tmp_path / "labels", tmp_path / "images", load_skeleton("coco"))
    assert (data["images"][0]["width"], data["images"][0]["height"]) == (200, 80)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 0.5 0.5 0.1 0.1 0.5 0.5 2", r"a\.txt, line 2: expected 56 or 39 numbers for the 17 keypoints.* got 8"),
        (yolo_line().replace("0.375", "x"), r"a\.txt, line 2: not a number"),
        ("3" + yolo_line()[1:], r"a\.txt, line 2: class 3; only class 0"),
        (yolo_line().replace("0.25 0.5", "0.25 50"), r"a\.txt, line 2: the box 0.5 0.25 50 0.2 is not in normalised"),
        (yolo_line().replace("0.3 1", "0.3 7"), r"a\.txt, line 2: visibilities must be 0, 1 or 2"),
    ],
)
def test_damaged_yolo_names_the_line(tmp_path, text, message):
    write_photo(tmp_path / "images/a.jpg", 80, 200)
    write(tmp_path / "labels/a.txt", f"{yolo_line()}\n{text}\n")
    with pytest.raises(ConversionError, match=message):
        read_yolo(tmp_path / "labels", tmp_path / "images", load_skeleton("coco"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "\ufeff\n3" + yolo_line()[1:],
            r"a\.txt, line 2: class 3; .*make people class 0, and remove the lines of other",
        ),
        (
            yolo_line().replace("0.375", "0,375"),
            r"a\.txt, line 1: not a number \(.*0,375.*\); numbers have a decimal point",
        ),
        (yolo_line().replace(" ", ","), r"a\.txt, line 1: not a number .*blanks between them"),
        (
            yolo_line() + " 0.93",
            r"a\.txt, line 1: .*got 57; remove the number at the end if it is a confidence or a track",
        ),
        (yolo_line(False) + " 7", r"a\.txt, line 1: .*got 40; remove the number at the end"),
        ("0 0.5 0.5 0.1 0.1", r"a\.txt, line 1: .*got 5; a box without keypoints is no pose label"),
        (yolo_line().replace("0.5 0.2 2", "40 40 2"), r"a\.txt, line 1: the keypoint 40 40 is not in normalised"),
        (
            yolo_line(False).replace("0.375 0.3", "-1 0.3"),
            r"line 1: the keypoint -1 0\.3 is not in .*write zeros for one",
        ),
        (yolo_line(False).replace("0.375 0.3", "-2 -2"), r"line 1: the keypoint -2 -2 is not in normalised"),
        (yolo_line().replace("0.375 0.3 1", "-1 -1 1"), r"line 1: the keypoint -1 -1 is not in normalised"),
        (yolo_line().replace("0.3 1", "0.3 -1"), r"line 1: visibilities .* got -1; write 0 for a keypoint that is not"),
        (yolo_line().replace("0.375", "nan"), r"line 1: not all numbers are finite; write zeros for what is not"),
        ("# people\n" + yolo_line(), r"line 1: not a number .*; labels have no comments, remove the line"),
        (
            yolo_line().replace("0 0.5 0.25", "0 1.01 0.25"),
            r"a\.txt, line 1: the box 1\.01 0\.25 0\.5 0\.2 is not in normalised",
        ),
        (
            yolo_line().replace("0 0.5 0.25 0.5", "0 0.5 0.25 -0.5"),
            r"line 1: the box 0\.5 0\.25 -0\.5 0\.2 is not in normalised",
        ),
    ],
)
def test_labels_of_other_kinds_name_the_line_and_the_remedy(tmp_path, text, message):
    write_photo(tmp_path / "images/a.jpg", 80, 200)
    write(tmp_path / "labels/a.txt", text)
    with pytest.raises(ConversionError, match=message):
        read_yolo(tmp_path / "labels", tmp_path / "images", load_skeleton("coco"))


def test_labels_that_are_no_text_name_the_file(tmp_path):
    write_photo(tmp_path / "images/a.jpg", 80, 200)
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_bytes(yolo_line().encode("utf-16"))
    with pytest.raises(ConversionError, match=r"a\.txt: not a text file in UTF-8"):
        read_yolo(tmp_path / "labels", tmp_path / "images", load_skeleton("coco"))


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ("0.75 0.5 0.500001 1.000001", [40, 0, 40, 200]),  # edges beyond the photo by rounding
        ("-0.0000005 0.5 0.5 0.5", [0, 50, 20, 100]),
        ("1.0000001 1.0005 0.5 0.5", [60, 150, 20, 50]),
        ("0.9 0.5 0.4 0.5", [56, 50, 24, 100]),  # a person whom the border cuts
    ],
)
def test_boxes_beyond_the_photo_are_cut_off_at_its_border(tmp_path, box, expected):
    write_photo(tmp_path / "images/a.jpg", 80, 200)
    keypoints = " ".join(["1.0000005 -0.0000005 2", *["0 0 0"] * 16])
    write(tmp_path / "labels/a.txt", f"0 {box} {keypoints}")
    data = read_yolo(tmp_path / "labels", tmp_path / "images", load_skeleton("coco"))
    assert data["annotations"][0]["bbox"] == pytest.approx(expected, abs=0.11)
    x, y, w, h = data["annotations"][0]["bbox"]
    assert x >= 0 and y >= 0 and x + w <= 80 and y + h <= 200
    assert named(data) == {"nose": [80, 0, 2]}


def test_labels_are_found_whatever_the_case_of_their_names(tmp_path):
    for photo, label in (("A.JPG", "A.TXT"), ("sub/b.jpg", "sub/B.Txt"), ("c.png", "c.txt")):
        write_photo(tmp_path / "images" / photo, 80, 200)
        path = write(tmp_path / "labels" / label, yolo_line())
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes() + b"\r\n\r\n")  # as editors on Windows do
    data = read_yolo(tmp_path / "labels", tmp_path / "images", load_skeleton("coco"))
    assert [image["file_name"] for image in data["images"]] == ["A.JPG", "c.png", "sub/b.jpg"]
    assert [person["image_id"] for person in data["annotations"]] == [1, 2, 3]
    write(tmp_path / "labels/C.txt", yolo_line())
    with pytest.raises(ConversionError, match=r"c\.txt: C\.txt is about the same photo; keep one of them"):
        read_yolo(tmp_path / "labels", tmp_path / "images", load_skeleton("coco"))


def test_lists_of_classes_and_hidden_files_are_no_labels(tmp_path):
    write_photo(tmp_path / "images/a.jpg", 80, 200)
    write(tmp_path / "labels/a.txt", yolo_line())
    for name in ("classes.txt", "sub/Labels.txt", "obj.names", "data.yaml", "notes.json"):
        write(tmp_path / "labels" / name, "person\n")
    for name in ("labels/._a.txt", "labels/__MACOSX/._a.txt", "labels/.cache.txt", "images/._a.jpg", "images/._b.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X        ")
    data = read_yolo(tmp_path / "labels", tmp_path / "images", load_skeleton("coco"))
    assert (len(data["images"]), len(data["annotations"])) == (1, 1)


def test_text_files_that_are_no_labels_are_left_out_and_named(tmp_path):
    write_photo(tmp_path / "images/a.jpg", 80, 200)
    write(tmp_path / "labels/a.txt", yolo_line())
    write(tmp_path / "labels/classes.txt", "person\n")
    for name, text in (("README", "5 photos of 2020\n"), ("train", "images/a.jpg\n"), ("sub/notes", "no box 1 2 3")):
        write(tmp_path / f"labels/{name}.txt", text)
    said = []
    folders = tmp_path / "labels", tmp_path / "images"
    data = read_yolo(*folders, load_skeleton("coco"), said.append)
    assert (len(data["images"]), len(data["annotations"])) == (1, 1)
    assert said == [f"{folders[0]}: left out 3 text files that are no labels (README.txt, train.txt, notes.txt)"]
    for text in (yolo_line(), "person\n" + yolo_line().replace(" ", ", "), ""):
        write(tmp_path / "labels/train.txt", text)
        with pytest.raises(
            ConversionError, match=r"train\.txt: no photo .*or move the file elsewhere if it is no label"
        ):
            read_yolo(*folders, load_skeleton("coco"))
    write_photo(tmp_path / "images/train.jpg", 80, 200)
    write(tmp_path / "labels/train.txt", "images/a.jpg")
    with pytest.raises(ConversionError, match=r"train\.txt, line 1: not a number"):
        read_yolo(*folders, load_skeleton("coco"))


def test_photos_of_which_none_has_a_label_file_are_refused(tmp_path):
    write_photo(tmp_path / "images/a.jpg", 80, 200)
    (tmp_path / "labels").mkdir()
    for name in (None, "a.json", "README.txt"):
        if name is not None:
            write(tmp_path / "labels" / name, "not a label")
        with pytest.raises(ConversionError, match=r"labels: none of 1 photo in .*images has a label file, a \.txt"):
            read_yolo(tmp_path / "labels", tmp_path / "images", load_skeleton("coco"))


@pytest.mark.parametrize("sub", ["{}", "{}/train", "train/{}"])
def test_photos_and_labels_below_one_folder(tmp_path, sub):
    photo = f"{sub.format('images')}/a.jpg"
    write_photo(tmp_path / photo, 80, 200)
    write(tmp_path / sub.format("labels") / "a.txt", yolo_line())
    for labels, images in ((".", "."), ("labels", "."), (".", "images")):
        if (tmp_path / labels).is_dir() and (tmp_path / images).is_dir():
            data = read_yolo(tmp_path / labels, tmp_path / images, load_skeleton("coco"))
            assert len(data["annotations"]) == 1
            assert tmp_path / images / data["images"][0]["file_name"] == tmp_path / photo


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
    assert write_yolo(data, tmp_path / "labels") == (1, 1)
    assert (tmp_path / "labels/b.txt").read_text() == ""
    words = (tmp_path / "labels/train/a.txt").read_text().split()
    assert words[:8] == ["0", "0.187500", "0.500000", "0.375000", "0.800000", "0.250000", "0.200000", "2"]
    assert words[20:23] == ["0.000000", "0.000000", "0"]  # the shoulder
    for name in ("train/a.jpg", "b.jpg"):
        write_photo(tmp_path / "images" / name, 80, 50)
    back = read_yolo(tmp_path / "labels", tmp_path / "images", load_skeleton("coco"))
    assert named(back) == {"nose": [20, 10, 2]}
    assert back["annotations"][0]["bbox"] == [0, 5, 30, 40]


def test_every_labelled_keypoint_is_written_as_hidden_or_visible(tmp_path):
    content = coco()
    visibilities = [0.4, 0.93, 0.04, 1, 1.5, 2, 3, 0, -1]
    content["images"], content["annotations"] = content["images"][:1], content["annotations"][:1]
    content["annotations"][0]["keypoints"] = [v for k in range(17) for v in (20, 10, [*visibilities, *[0] * 8][k])]
    written = write_yolo(read_coco(write(tmp_path / "a.json", content)), tmp_path / "labels")
    words = (tmp_path / "labels/train/a.txt").read_text().split()
    assert words[7::3] == [*"222122200", *"0" * 8]
    assert written == (1, 7)
    write_photo(tmp_path / "images/train/a.jpg", 80, 50)
    back = read_yolo(tmp_path / "labels", tmp_path / "images", load_skeleton("coco"))
    assert back["annotations"][0]["num_keypoints"] == 7


def test_people_without_a_box_in_the_photo_are_left_out_and_counted(tmp_path):
    content, said = coco(), []
    content["annotations"][0]["bbox"] = [-30, 10, 20, 30]
    content["annotations"][1].update(iscrowd=0, bbox=[90, 0, 10, 10])
    written = write_yolo(read_coco(write(tmp_path / "a.json", content)), tmp_path / "labels", said.append)
    assert written == (0, 0)
    assert said == [f"{tmp_path}/labels: left out 2 people whose box is empty or lies outside of the photo"]


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


def test_backslashes_in_file_names_part_folders(tmp_path):
    content = coco()
    content["images"][0]["file_name"] = "train\\sub\\a.jpg"
    write_yolo(read_coco(write(tmp_path / "a.json", content)), tmp_path / "labels")
    assert sorted(path.name for path in (tmp_path / "labels").iterdir()) == ["b.txt", "train"]
    assert len((tmp_path / "labels/train/sub/a.txt").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    "name",
    ["https://a.b/c.jpg", "s3://a/b.jpg", "/data/a.jpg", "C:\\x\\a.jpg", "c:/x/a.jpg", "\\\\nas\\a.jpg", "..\\a.jpg"],
)
def test_photos_that_lie_elsewhere_are_refused(tmp_path, name):
    content = coco()
    content["images"][1]["file_name"] = name
    with pytest.raises(ConversionError, match=r"does not lie in the photos' folder; give file names relative to that"):
        write_yolo(read_coco(write(tmp_path / "a.json", content)), tmp_path / "labels")
    assert not (tmp_path / "labels").exists()
