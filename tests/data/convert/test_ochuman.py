"""OCHuman's corners and visibilities become COCO's."""

import pytest
from samples import named, write

from strongpose.data.convert import read_ochuman, with_skeleton
from strongpose.exceptions import ConversionError
from strongpose.skeletons import load_skeleton

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
