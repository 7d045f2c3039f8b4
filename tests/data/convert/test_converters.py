"""Each format's converter on a small sample that is written out, and damaged ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from strongpose.data.coco import KeypointDataset
from strongpose.data.convert import (
    ConversionError,
    read_coco,
    read_crowdpose,
    read_lsp,
    read_mpii,
    read_ochuman,
    read_posetrack,
    read_yolo,
    with_skeleton,
    write_yolo,
)
from strongpose.skeletons import load_skeleton


def write_photo(path, width, height):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height)).save(path)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def named(data, index=0):
    """{keypoint name: [x, y, v]} of the labelled keypoints of an annotation."""
    values = data["annotations"][index]["keypoints"]
    names = data["categories"][0]["keypoints"]
    assert len(values) == 3 * len(names)
    return {name: values[3 * k : 3 * k + 3] for k, name in enumerate(names) if values[3 * k + 2]}


# --- LSP -------------------------------------------------------------------------------------------------------------


def lsp_joints():
    """(14, 3) with x = 10, 11 …, y = 50, 51 …; the flag is 1 for the right knee (1) and the head top (13)."""
    flags = np.zeros(14)
    flags[[1, 13]] = 1
    return np.stack([np.arange(10.0, 24.0), np.arange(50.0, 64.0), flags], axis=1)


def test_lsp_flags_hidden_joints(tmp_path):
    scipy_io = pytest.importorskip("scipy.io")
    write_photo(tmp_path / "images" / "im0001.jpg", 90, 120)
    scipy_io.savemat(tmp_path / "joints.mat", {"joints": lsp_joints().T[:, :, None]})  # (3, 14, 1)
    data = read_lsp(tmp_path / "joints.mat", tmp_path / "images")
    assert data["images"] == [{"id": 1, "file_name": "im0001.jpg", "width": 90, "height": 120}]
    keypoints = named(data)
    assert keypoints["right_ankle"] == [10, 50, 2]
    assert keypoints["right_knee"] == [11, 51, 1]
    assert keypoints["left_ankle"] == [15, 55, 2]
    assert keypoints["left_wrist"] == [21, 61, 2]
    assert keypoints["neck"] == [22, 62, 2]
    assert keypoints["head_top"] == [23, 63, 1]
    person = data["annotations"][0]
    assert (person["id"], person["image_id"], person["num_keypoints"]) == (1, 1, 14)
    assert person["bbox"] == [10, 50, 13, 13]
    assert person["area"] == pytest.approx(0.53 * 169, abs=1e-3)


def test_lsp_extended_flags_labelled_joints(tmp_path):
    scipy_io = pytest.importorskip("scipy.io")
    write_photo(tmp_path / "images" / "im00001.jpg", 90, 120)
    scipy_io.savemat(tmp_path / "joints.mat", {"joints": lsp_joints()[:, :, None]})  # (14, 3, 1)
    data = read_lsp(tmp_path / "joints.mat", tmp_path / "images")
    assert data["images"][0]["file_name"] == "im00001.jpg"
    assert named(data) == {"right_knee": [11, 51, 2], "head_top": [23, 63, 2]}


def test_damaged_lsp_is_explained(tmp_path):
    scipy_io = pytest.importorskip("scipy.io")
    path = tmp_path / "joints.mat"
    with pytest.raises(ConversionError, match=r"joints\.mat: cannot be read"):
        read_lsp(path, tmp_path)
    path.write_bytes(b"no matlab")
    with pytest.raises(ConversionError, match=r"joints\.mat: not a \.mat file"):
        read_lsp(path, tmp_path)
    scipy_io.savemat(path, {"other": np.zeros(3)})
    with pytest.raises(ConversionError, match="no variable 'joints'"):
        read_lsp(path, tmp_path)
    scipy_io.savemat(path, {"joints": np.zeros((2, 14, 5))})
    with pytest.raises(ConversionError, match=r"\(14, 3, N\), LSP-extended, got \(2, 14, 5\)"):
        read_lsp(path, tmp_path)
    scipy_io.savemat(path, {"joints": lsp_joints()[:, :, None]})
    with pytest.raises(ConversionError, match=r"joints\.mat, person 1: no photo .*im00001\.jpg"):
        read_lsp(path, tmp_path)
    with pytest.raises(ConversionError, match="name their folder with --images"):
        read_lsp(path, None)


# --- MPII ------------------------------------------------------------------------------------------------------------


def mpii_entry():
    joints = [[101.0 + k, 201.0 + k] for k in range(16)]
    joints[0] = [-1.0, -1.0]
    return {
        "joints_vis": [0, *[1] * 15],
        "joints": joints,
        "image": "015601864.jpg",
        "scale": 3.021046,
        "center": [594.0, 257.0],
    }


def test_mpii_counts_from_one(tmp_path):
    write_photo(tmp_path / "015601864.jpg", 640, 360)
    data = read_mpii(write(tmp_path / "train.json", [mpii_entry(), mpii_entry()]), tmp_path)
    assert data["images"] == [{"id": 1, "file_name": "015601864.jpg", "width": 640, "height": 360}]
    assert [person["image_id"] for person in data["annotations"]] == [1, 1]
    keypoints = named(data, 1)
    assert "right_ankle" not in keypoints
    assert data["annotations"][1]["keypoints"][:3] == [0, 0, 0]
    assert keypoints["right_knee"] == [101, 201, 2]
    assert keypoints["left_ankle"] == [105, 205, 2]
    assert keypoints["pelvis"] == [106, 206, 2]
    assert keypoints["head_top"] == [109, 209, 2]
    assert keypoints["right_wrist"] == [110, 210, 2]
    assert keypoints["left_wrist"] == [115, 215, 2]
    assert data["annotations"][0]["bbox"] == [101, 201, 14, 14]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"image": "a.jpg",\n "joints": }]', r"train\.json, line 2: not JSON"),
        ({}, "expected a list of people, got a dict"),
        ([{"image": "a.jpg", "center": [1, 2]}], r"entry 0 needs 'joints', 'joints_vis'; it has \['center', 'image'\]"),
        ([{**mpii_entry(), "joints": [[1, 2]]}], r"entry 0: expected 32 keypoint values \(16 × 2\), got 2"),
        ([{**mpii_entry(), "joints": [["a", 2]] * 16}], "entry 0: keypoints must be numbers"),
        ([mpii_entry()], "entry 0: no photo"),
    ],
)
def test_damaged_mpii_is_explained(tmp_path, content, message):
    with pytest.raises(ConversionError, match=message):
        read_mpii(write(tmp_path / "train.json", content), tmp_path)


# --- CrowdPose -------------------------------------------------------------------------------------------------------

CROWDPOSE_NAMES = (
    "left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist left_hip right_hip "
    "left_knee right_knee left_ankle right_ankle head neck"
).split()


def crowdpose():
    return {
        "images": [{"file_name": "106848.jpg", "id": 106848, "height": 600, "width": 450, "crowdIndex": 0.87}],
        "annotations": [
            {
                "num_keypoints": 2,
                "iscrowd": 0,
                "keypoints": [*[0] * 3, 208, 108, 2, *[0] * 33, 231, 63, 1],
                "image_id": 106848,
                "bbox": [100, 40, 200, 500],
                "category_id": 1,
                "id": 123803,
            }
        ],
        "categories": [
            {
                "supercategory": "person",
                "id": 1,
                "name": "person",
                "keypoints": CROWDPOSE_NAMES,
                "skeleton": [[16, 14], [14, 12]],  # left over from COCO
            }
        ],
    }


def test_crowdpose_gets_areas_and_its_own_limbs(tmp_path):
    data = read_crowdpose(write(tmp_path / "crowdpose_train.json", crowdpose()))
    assert named(data) == {"right_shoulder": [208, 108, 2], "neck": [231, 63, 1]}
    assert data["annotations"][0]["area"] == pytest.approx(53_000)
    assert data["annotations"][0]["id"] == 123803
    assert data["images"][0]["crowdIndex"] == 0.87
    assert max(max(limb) for limb in data["categories"][0]["skeleton"]) <= 14


def test_other_keypoints_than_crowdposes_are_refused(tmp_path):
    content = crowdpose()
    content["categories"][0]["keypoints"] = ["head", "neck"]
    content["annotations"][0]["keypoints"] = [1, 2, 2, 3, 4, 2]
    with pytest.raises(ConversionError, match="its keypoints are head, neck; CrowdPose's are left_shoulder"):
        read_crowdpose(write(tmp_path / "a.json", content))


# --- OCHuman ---------------------------------------------------------------------------------------------------------

OCHUMAN_NAMES = (
    "right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist right_hip right_knee right_ankle "
    "left_hip left_knee left_ankle head neck right_ear left_ear nose right_eye left_eye"
).split()


def ochuman():
    keypoints = [[0, 0, 0] for _ in OCHUMAN_NAMES]
    keypoints[0] = [11, 12, 1]
    keypoints[1] = [21, 22, 2]
    keypoints[2] = [31, 32, 3]
    keypoints[16] = [41, 42, 1]
    keypoints[12] = [51, 52, 1]
    person = {
        "bbox": [5, 6, 105, 206],
        "segms": {"outer": [[5, 6, 105, 6, 105, 206]], "inner": [], "height": 480, "width": 640},
        "keypoints": [v for point in keypoints for v in point],
        "max_iou": 0.8,
    }
    nobody = {"bbox": [300, 100, 340, 180], "segms": None, "keypoints": None, "max_iou": 0.1}
    return {
        "keypoint_names": OCHUMAN_NAMES,
        "keypoint_visible": {"missing": 0, "vis": 1, "self_occluded": 2, "others_occluded": 3},
        "images": [
            {
                "image_id": "0001",
                "file_name": "000001.jpg",
                "width": 640,
                "height": 480,
                "annotations": [person, nobody],
            }
        ],
    }


def test_ochuman_turns_corners_into_sizes_and_its_visibilities_into_cocos(tmp_path):
    data = read_ochuman(write(tmp_path / "ochuman.json", ochuman()))
    assert named(data) == {
        "right_shoulder": [11, 12, 2],
        "right_elbow": [21, 22, 2],
        "right_wrist": [31, 32, 1],
        "nose": [41, 42, 2],
        "head": [51, 52, 2],
    }
    person, nobody = data["annotations"]
    assert person["bbox"] == [5, 6, 100, 200]
    assert person["segmentation"] == [[5, 6, 105, 6, 105, 206]]
    assert (nobody["bbox"], nobody["num_keypoints"]) == ([300, 100, 40, 80], 0)
    assert "segmentation" not in nobody
    as_coco = with_skeleton(data, load_skeleton("coco"))
    assert as_coco["annotations"][0]["keypoints"][:3] == [41, 42, 2]
    assert as_coco["annotations"][0]["num_keypoints"] == 4  # COCO has no head


def test_damaged_ochuman_is_explained(tmp_path):
    content = ochuman()
    content["keypoint_visible"] = {"missing": 0, "vis": 1}
    with pytest.raises(ConversionError, match="keypoint_visible must say what missing, vis, self_occluded"):
        read_ochuman(write(tmp_path / "a.json", content))
    content = ochuman()
    content["images"][0]["annotations"][0]["keypoints"][2] = 7
    with pytest.raises(ConversionError, match="image 0, person 0: visibility"):
        read_ochuman(write(tmp_path / "a.json", content))


# --- PoseTrack -------------------------------------------------------------------------------------------------------

POSETRACK_NAMES = (
    "nose head_bottom head_top left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist "
    "right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"
).split()


def posetrack(video):
    base = 10_000_010_000 + 10_000 * video
    image = {"is_labeled": True, "nframes": 2, "vid_id": f"{video:06d}", "file_name": f"images/train/v{video}/0.jpg"}
    labelled = {
        **image,
        "id": base,
        "frame_id": base,
        "ignore_regions_x": [[10, 30, 30, 10]],
        "ignore_regions_y": [[5, 5, 45, 45]],
    }
    unlabelled = {**image, "id": base + 1, "is_labeled": False, "file_name": f"images/train/v{video}/1.jpg"}
    person = {
        "bbox": [50.0, 20.0, 40.0, 60.0],
        "bbox_head": [60, 20, 10, 10],
        "keypoints": [60.5, 25.0, 1.0, 61.0, 34.0, 1.0, *[0.0] * 45],
        "track_id": 3,
        "image_id": base,
        "category_id": 1,
        "id": base * 100,
    }
    head_only = {"bbox_head": [80, 20, 8, 9], "keypoints": [], "track_id": 4, "image_id": base, "category_id": 1}
    return {
        "images": [labelled, unlabelled],
        "annotations": [person, head_only, {**person, "image_id": base + 1}],
        "categories": [{"id": 1, "name": "person", "keypoints": POSETRACK_NAMES, "skeleton": [[16, 14]]}],
    }


def test_posetrack_joins_videos_and_keeps_regions_to_ignore(tmp_path):
    for video in (1, 2):
        write(tmp_path / "annotations" / f"00000{video}.json", posetrack(video))
        write_photo(tmp_path / f"images/train/v{video}/0.jpg", 160, 90)
    data = read_posetrack(tmp_path / "annotations", tmp_path)
    assert [image["file_name"] for image in data["images"]] == ["images/train/v1/0.jpg", "images/train/v2/0.jpg"]
    assert data["images"][0] == {
        "id": 10_000_020_000,
        "file_name": "images/train/v1/0.jpg",
        "width": 160,
        "height": 90,
    }
    region, person, head = data["annotations"][:3]
    assert [annotation["id"] for annotation in data["annotations"]] == [1, 2, 3, 4, 5, 6]
    assert (region["iscrowd"], region["bbox"], region["area"]) == (1, [10, 5, 20, 40], 800)
    assert region["segmentation"] == [[10, 5, 30, 5, 30, 45, 10, 45]]
    assert named(data, 1) == {"nose": [60.5, 25, 2], "head_bottom": [61, 34, 2]}
    assert (person["track_id"], person["bbox"]) == (3, [50, 20, 40, 60])
    assert (head["num_keypoints"], head["bbox"]) == (0, [80, 20, 8, 9])
    trained = with_skeleton(data, load_skeleton("posetrack15"))
    records = KeypointDataset(
        write(tmp_path / "all.json", trained), tmp_path, skeleton=load_skeleton("posetrack15")
    ).records
    assert records[0].keypoints.shape == (1, 15, 3)
    assert len(records[0].ignore) == 2


def test_damaged_posetrack_is_explained(tmp_path):
    write_photo(tmp_path / "images/train/v1/0.jpg", 160, 90)
    content = posetrack(1)
    content["images"][0]["ignore_regions_y"] = []
    with pytest.raises(ConversionError, match=r"v\.json: image 0: 1 ignore_regions_x but 0 ignore_regions_y"):
        read_posetrack(write(tmp_path / "v.json", content), tmp_path)
    content = posetrack(1)
    content["annotations"][0]["keypoints"] = [1.0, 2.0]
    with pytest.raises(ConversionError, match=r"v\.json: annotation 0: expected 51 keypoint values"):
        read_posetrack(write(tmp_path / "v.json", content), tmp_path)
    folder = tmp_path / "twice"
    write(folder / "a.json", posetrack(1))
    write(folder / "b.json", posetrack(1))
    with pytest.raises(ConversionError, match=r"b\.json: image 0: image id 10000020000 is in .*a\.json already"):
        read_posetrack(folder, tmp_path)
    with pytest.raises(ConversionError, match=r"holds no \.json files"):
        read_posetrack(tmp_path / "images", tmp_path)


# --- YOLO ------------------------------------------------------------------------------------------------------------


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


def coco():
    """Two photos; a person in the first, half outside of it, a crowd, and nobody in the second."""
    keypoints = [0] * 51
    keypoints[:3] = [20, 10, 2]
    keypoints[15:18] = [-4, 30, 2]  # left shoulder, outside
    person = {"id": 5, "image_id": 7, "category_id": 1, "bbox": [-10, 5, 40, 40], "area": 800, "keypoints": keypoints}
    crowd = {**person, "id": 6, "iscrowd": 1, "keypoints": [0] * 51}
    return {
        "images": [
            {"id": 7, "file_name": "train/a.jpg", "width": 80, "height": 50},
            {"id": 8, "file_name": "b.jpg", "width": 80, "height": 50},
        ],
        "annotations": [person, crowd, {**person, "id": 9, "category_id": 2}],
        "categories": [
            {"id": 1, "name": "person", "keypoints": list(load_skeleton("coco").names)},
            {"id": 2, "name": "dog"},
        ],
    }


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
        (lambda d: d.pop("images"), "needs 'images'"),
        (lambda d: d["categories"][0].pop("keypoints"), "no category has 'keypoints'"),
        (lambda d: d["images"][1].pop("width"), "image 1 needs 'width'"),
        (lambda d: d["annotations"][0].update(image_id=99), "annotation 0 is about image 99"),
        (lambda d: d["annotations"][0].update(keypoints=[1, 2, 2]), "annotation 0: expected 51 keypoint values"),
        (lambda d: d["annotations"][0].update(bbox=[1, 2]), "annotation 0, bbox: expected 4"),
    ],
)
def test_damaged_coco_is_explained(tmp_path, change, message):
    content = coco()
    change(content)
    with pytest.raises(ConversionError, match=message):
        read_coco(write(tmp_path / "a.json", content))


# --- Other keypoints -------------------------------------------------------------------------------------------------


def test_keypoints_are_taken_by_name_and_a_neck_lies_between_the_shoulders():
    data = coco()
    data["annotations"][0]["keypoints"][15:21] = [10, 30, 2, 21, 40, 1]  # shoulders
    lsp14 = load_skeleton("lsp14")
    plain = with_skeleton(data, lsp14)
    assert named(plain) == {"left_shoulder": [10, 30, 2], "right_shoulder": [21, 40, 1]}
    assert plain["annotations"][0]["num_keypoints"] == 2
    assert plain["categories"][0]["keypoints"][0] == "right_ankle"
    estimated = with_skeleton(data, lsp14, neck_from_shoulders=True)
    assert named(estimated)["neck"] == [15.5, 35, 1]
    assert "head_top" not in named(estimated)
    assert data["annotations"][0]["keypoints"][:3] == [20, 10, 2]  # untouched


def test_a_neck_that_cannot_be_had_is_refused():
    with pytest.raises(ConversionError, match="needs a keypoint 'neck' in the skeleton"):
        with_skeleton(coco(), load_skeleton("coco"), neck_from_shoulders=True)
    data = coco()
    data["categories"][0]["keypoints"] = [f"part{k}" for k in range(17)]
    with pytest.raises(ConversionError, match="none of the keypoints of skeleton 'lsp14'"):
        with_skeleton(data, load_skeleton("lsp14"))
