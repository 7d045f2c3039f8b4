"""``strongpose annotate``: the completed file, and clear errors for damaged input."""

from __future__ import annotations

import json
import shutil

from strongpose.skeleton import COCO

CATEGORY = {"id": 1, "name": "person", "keypoints": list(COCO.names), "skeleton": []}


def write_annotations(path, names):
    """An annotation file with one person without keypoints on each photo, the left one of group.jpg."""
    images = [{"id": i, "file_name": name, "width": 1198, "height": 420} for i, name in enumerate(names)]
    box = {"bbox": [18.0, 12.0, 282.0, 408.0], "area": 60980.0, "iscrowd": 0}
    people = [{"id": 5 + i, "image_id": i, "category_id": 1, **box} for i in range(len(names))]
    path.write_text(json.dumps({"images": images, "annotations": people, "categories": [CATEGORY]}))
    return path


def test_a_data_set_is_completed_and_a_damaged_photo_named(strongpose, photos, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    shutil.copy(photos / "group.jpg", folder)
    (folder / "bad.jpg").write_bytes(b"no photo")
    annotations = write_annotations(tmp_path / "people.json", ["bad.jpg", "group.jpg", "gone.jpg"])
    out = tmp_path / "new" / "done.json"
    run = strongpose("annotate", annotations, "--images", folder, "--out", out)
    assert run.returncode == 1
    assert run.stdout == f"{out}: 3 photos; 1 strongpose\n"
    bad, gone = run.stderr.splitlines()
    assert "bad.jpg" in bad
    assert bad.endswith("its annotations are kept as they were")
    assert "gone.jpg: no such file" in gone
    before = json.loads(annotations.read_text())["annotations"]
    first, second, third = json.loads(out.read_text())["annotations"]
    assert [first, third] == [before[0], before[2]]
    assert second["keypoint_source"] == "strongpose"
    assert second["num_keypoints"] >= 6
    assert [p.name for p in out.parent.iterdir()] == ["done.json"]


def test_damaged_input_is_named_and_nothing_written(strongpose, photos, tmp_path):
    annotations = write_annotations(tmp_path / "people.json", ["group.jpg"])
    out = tmp_path / "done.json"

    def complaint(*arguments: object) -> str:
        run = strongpose("annotate", *arguments)
        assert run.returncode == 1
        assert "Traceback" not in run.stderr
        assert not out.exists()
        return run.stderr.strip()

    (tmp_path / "cut.json").write_text(annotations.read_text()[:300])
    assert "cut.json, line 1: not JSON" in complaint(tmp_path / "cut.json", "--images", photos, "--out", out)
    assert "check --images" in complaint(annotations, "--images", tmp_path / "none", "--out", out)
    assert "must end in .json" in complaint(annotations, "--images", photos, "--out", tmp_path)
    assert "least_score must be from 0 to 1" in complaint(
        *(annotations, "--images", photos, "--out", out, "--least-score", 7)
    )
