"""MPII's joints become COCO annotations."""

import pytest
from samples import named, write, write_photo

from strongpose.data.convert import read_mpii
from strongpose.exceptions import ConversionError, JsonError


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
    with pytest.raises((JsonError, ConversionError), match=message):
        read_mpii(write(tmp_path / "train.json", content), tmp_path)
