"""``strongpose data convert`` and ``strongpose data check``, as a user runs them."""

from __future__ import annotations

import json

import pytest
from pictures import write_dataset


def test_coco_to_yolo_and_back_by_the_command_line(strongpose, tmp_path):
    annotations = write_dataset(tmp_path / "set", 2)
    folder, labels, back = annotations.with_suffix(""), tmp_path / "labels", tmp_path / "back.json"
    run = strongpose("data", "convert", annotations, "--from", "coco", "--to", "yolo", "--out", labels)
    assert run.returncode == 0, run.stderr
    assert "kpt_shape: [17, 3], flip_idx: [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]" in run.stdout
    assert len((labels / "1.txt").read_text().splitlines()) == 2
    run = strongpose("data", "convert", labels, "--from", "yolo", "--images", folder, "--out", back)
    assert run.returncode == 0, run.stderr
    before, after = (json.loads(path.read_text())["annotations"] for path in (annotations, back))
    for one, other in zip(before, after, strict=True):
        assert all(abs(a - b) < 2e-3 for a, b in zip(one["keypoints"], other["keypoints"], strict=True))
    run = strongpose("data", "check", back, "--images", folder, "--out", tmp_path / "report")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 photos, 3 people, skeleton coco" in run.stdout
    assert "0 errors, 0 warnings" in run.stdout


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["nose", "leftEye", "rightEye"], "kpt_shape: [3, 3], flip_idx: [0, 2, 1]"),
        (["eye.R", "Nose", "eye.L"], "kpt_shape: [3, 3], flip_idx: [2, 1, 0]"),
        (["nose", "l_eye", "r_eye", "FL_paw", "FR_paw"], "kpt_shape: [5, 3], flip_idx: [0, 2, 1, 4, 3]\n"),
        (
            ["left_eye", "right_eye", "nose", "paw1", "paw2"],
            "flip_idx: [1, 0, 2, 3, 4]; this takes 'paw1', 'paw2' as being in the middle: correct it by hand if not",
        ),
        (["nose", "left_eye", "right_ear"], "flip_idx is not known, as the names show no other side of 'left_eye', "),
        (["nose", "neck"], "flip_idx is not known, as no keypoint has a side by its name; if none has any, "),
    ],
)
def test_sides_of_other_keypoints_are_told_or_said_to_be_unknown(strongpose, tmp_path, names, said):
    person = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 50, 50], "keypoints": [20, 20, 2] * len(names)}
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}],
        "annotations": [person],
        "categories": [{"id": 1, "name": "person", "keypoints": names}],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    run = strongpose(
        "data", "convert", tmp_path / "a.json", "--from", "coco", "--to", "yolo", "--out", tmp_path / "out"
    )
    assert run.returncode == 0, run.stderr
    assert said in run.stdout
    assert ("flip_idx: [" in run.stdout) == ("flip_idx: [" in said)


def test_keypoints_that_a_chosen_skeleton_lacks_are_said(strongpose, tmp_path):
    annotations, out = write_dataset(tmp_path / "set", 1), tmp_path / "out.json"
    run = strongpose("data", "convert", annotations, "--from", "coco", "--skeleton", "lsp14", "--out", out)
    assert run.returncode == 0, run.stderr
    said = "data left out: nose, left_eye, right_eye, left_ear, right_ear; keypoints of skeleton 'lsp14' that they lack"
    assert f"strongpose: {annotations}: keypoints of the {said}, unlabelled: neck, head_top\n" in run.stderr


def test_ignore_regions_are_counted_apart_from_people(strongpose, tmp_path):
    annotations, out = write_dataset(tmp_path / "set", 2), tmp_path / "out.json"
    data = json.loads(annotations.read_text())
    data["annotations"][0]["iscrowd"] = 1
    annotations.write_text(json.dumps(data))
    run = strongpose("data", "convert", annotations, "--from", "coco", "--out", out)
    assert f"{out}: 2 photos, 2 people, 1 ignore region, " in run.stdout, run.stderr
    run = strongpose("data", "check", out, "--images", annotations.with_suffix(""))
    assert f"{out}: 2 photos, 2 people, skeleton coco" in run.stdout, run.stderr


def test_photos_are_compared_with_the_sizes_that_coco_files_state(strongpose, tmp_path):
    annotations = write_dataset(tmp_path / "set", 2)
    data = json.loads(annotations.read_text())
    data["images"][1].update(width=160, height=192)
    annotations.write_text(json.dumps(data))
    options = ("--from", "coco", "--to", "yolo", "--out", tmp_path / "labels")
    run = strongpose("data", "convert", annotations, *options, "--images", annotations.with_suffix(""))
    assert run.returncode == 1 and not (tmp_path / "labels").exists()
    assert "1.png has 192×160 pixels, but is annotated as one of 160×192" in run.stderr


def test_a_check_with_errors_ends_with_status_1(strongpose, tmp_path):
    annotations = write_dataset(tmp_path / "set", 2)
    data = json.loads(annotations.read_text())
    data["images"][0]["file_name"] = "gone.png"
    data["annotations"][1]["keypoints"][0] = 500.0
    annotations.write_text(json.dumps(data))
    run = strongpose("data", "check", annotations, "--out", tmp_path / "out")
    assert run.returncode == 1
    assert "1 × missing photo (error)" in run.stdout
    assert "1.png, annotation 2: nose" in run.stdout
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["counts"]["outside the picture"] == 1
    assert (tmp_path / "out" / "outside-the-picture.jpg").stat().st_size > 1000


def test_mistakes_are_explained(strongpose, tmp_path):
    annotations = write_dataset(tmp_path / "set", 1)
    out = tmp_path / "out.json"
    for arguments, message in (
        (("convert", tmp_path / "no.json", "--from", "mpii", "--out", out), "no.json: no such file"),
        (("convert", annotations, "--from", "coco", "--out", tmp_path / "out"), "the name must end in .json"),
        (("convert", annotations, "--from", "coco", "--skeleton", "lsp", "--out", out), "no skeleton 'lsp'"),
        (("convert", annotations, "--from", "crowdpose", "--out", out), "CrowdPose's are left_shoulder"),
        (("convert", annotations, "--from", "coco", "--neck-from-shoulders", "--out", out), "needs a --skeleton"),
        (("check", tmp_path / "no.json"), "no.json: no such file"),
        (("check", annotations, "--images", tmp_path / "nowhere"), "neither the folder"),
    ):
        run = strongpose("data", *arguments)
        assert run.returncode == 1, arguments
        assert message in run.stderr
        assert "Traceback" not in run.stderr
    assert not out.exists()
