"""PoseTrack's videos become one COCO file."""

import pytest
from samples import named, write, write_photo

from strongpose.data.coco import KeypointDataset
from strongpose.data.convert import read_posetrack, with_skeleton
from strongpose.exceptions import ConversionError
from strongpose.skeletons import load_skeleton

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
    said: list[str] = []
    data = read_posetrack(tmp_path / "annotations", tmp_path, said.append)
    assert said == [f"{tmp_path}/annotations: left out 2 annotations of frames that are not labelled"]
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


def test_files_that_a_mac_hides_are_no_annotations(tmp_path):
    for name in ("._a.json", ".b.json"):
        (tmp_path / name).write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X        ")
    with pytest.raises(ConversionError, match=r"holds no \.json files"):
        read_posetrack(tmp_path, tmp_path)


def test_damaged_posetrack_is_explained(tmp_path):
    write_photo(tmp_path / "images/train/v1/0.jpg", 160, 90)
    content = posetrack(1)
    content["images"][0]["ignore_regions_y"] = []
    with pytest.raises(ConversionError, match=r"v\.json: image 0: 1 ignore_regions_x but 0 ignore_regions_y"):
        read_posetrack(write(tmp_path / "v.json", content), tmp_path)
    content = posetrack(1)
    content["annotations"][1]["image_id"] = "10000020000"
    with pytest.raises(ConversionError, match=r"annotation 1 is about image '10000020000', which is not among .*; ids"):
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
