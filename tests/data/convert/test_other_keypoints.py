"""Annotations of one skeleton are read as those of another."""

import pytest
from samples import coco, named

from strongpose.data.convert import ConversionError, with_skeleton
from strongpose.skeletons import load_skeleton


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
