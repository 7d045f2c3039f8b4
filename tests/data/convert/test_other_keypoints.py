"""Annotations of one skeleton are read as those of another."""

import pytest
from samples import coco, named

from strongpose.data.convert import with_skeleton
from strongpose.exceptions import ConversionError
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


def test_keypoints_are_known_in_other_spellings_and_differences_are_said():
    spellings = (
        *(lambda name: name.replace("_", "-"), lambda name: name.replace("_", " ").title()),
        *(lambda name: "_".join(reversed(name.split("_"))), lambda name: name.replace("_", "")),
        *(lambda name: name.replace("left", "l").replace("right", "r"), lambda name: name.title().replace("_", "")),
    )
    for spell in spellings:
        data = coco()
        names = data["categories"][0]["keypoints"]
        data["annotations"][0]["keypoints"] = [v for k in range(17) for v in (k, k, 2)]
        data["categories"][0]["keypoints"] = ["nose", *map(spell, names[1:-1]), "tail"]
        said: list[str] = []
        coco17 = with_skeleton(data, load_skeleton("coco"), say=said.append)
        assert named(coco17) == {name: [k, k, 2] for k, name in enumerate(names[:-1])}
        assert said == [
            "keypoints of the data left out: tail; keypoints of skeleton 'coco' that they lack, unlabelled: right_ankle"
        ]
        neck = with_skeleton(data, load_skeleton("lsp14"), neck_from_shoulders=True, say=said.append)
        assert named(neck)["neck"] == [5.5, 5.5, 2]
        assert said[1].endswith("skeleton 'lsp14' that they lack, unlabelled: right_ankle, head_top")


def test_the_same_spelling_twice_is_not_guessed():
    data = coco()
    data["categories"][0]["keypoints"][1:3] = ["left-eye", "eye_left"]
    said: list[str] = []
    with_skeleton(data, load_skeleton("coco"), say=said.append)
    assert said == [
        "keypoints of the data left out: left-eye, eye_left; "
        "keypoints of skeleton 'coco' that they lack, unlabelled: left_eye, right_eye"
    ]


def test_a_neck_that_cannot_be_had_is_refused():
    with pytest.raises(ConversionError, match="needs a keypoint 'neck' in the skeleton"):
        with_skeleton(coco(), load_skeleton("coco"), neck_from_shoulders=True)
    data = coco()
    data["categories"][0]["keypoints"] = [f"part{k}" for k in range(17)]
    with pytest.raises(ConversionError, match="none of the keypoints of skeleton 'lsp14'"):
        with_skeleton(data, load_skeleton("lsp14"))
