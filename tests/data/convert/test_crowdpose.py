"""CrowdPose's files get areas and its own limbs."""

import pytest
from samples import named, write

from strongpose.data.convert import read_crowdpose
from strongpose.exceptions import ConversionError

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
