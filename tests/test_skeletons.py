"""Skeleton files: the packaged ones, anybody's, and a run through every verb with one of one's own."""

from __future__ import annotations

import json

import pytest
from pictures import write_dataset

from strongpose.skeleton import COCO, COCO_TREE
from strongpose.skeletons import load_skeleton, packaged_skeletons, skeleton_named_like

STAR = {
    "name": "star",
    "names": ["nose", "left_wrist", "right_wrist", "left_ankle", "right_ankle"],
    "edges": [
        *(["nose", "left_wrist"], ["nose", "right_wrist"], ["nose", "left_ankle"], ["nose", "right_ankle"]),
        *(["left_wrist", "left_ankle"], ["right_wrist", "right_ankle"]),
    ],
    "flip_pairs": [["left_wrist", "right_wrist"], ["left_ankle", "right_ankle"]],
    "sigmas": [0.026, 0.062, 0.062, 0.089, 0.089],
    "limbs": [["nose", "left_wrist"], ["nose", "right_wrist"], ["nose", "left_ankle"], ["nose", "right_ankle"]],
}


def test_packaged_skeletons():
    assert packaged_skeletons() == ("coco", "coco-19", "coco-tree", "crowdpose14", "lsp14", "mpii16", "posetrack15")
    assert load_skeleton("coco") is COCO
    assert load_skeleton("coco-tree") is COCO_TREE
    for name in packaged_skeletons():
        skeleton = load_skeleton(name)
        assert skeleton.name == name
        reached = {skeleton.edges[0][0]}
        for _ in skeleton.names:  # people can grow to every keypoint from any
            reached |= {b for edge in skeleton.edges for a, b in (edge, edge[::-1]) if a in reached}
        assert len(reached) == skeleton.num_keypoints
        sided = [n for n in skeleton.names if n.startswith(("left_", "right_"))]
        assert len(sided) == 2 * len(skeleton.flip_pairs)
        for a, b in skeleton.flip_pairs:
            assert skeleton.names[a].replace("left_", "right_") == skeleton.names[b]


def test_lsp_lists_its_joints_in_the_order_of_the_data_set():
    lsp14 = load_skeleton("lsp14")
    assert lsp14.names[:6] == ("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle")
    assert lsp14.names[12:] == ("neck", "head_top")
    assert lsp14.sigmas[0] == 0.089
    assert skeleton_named_like(lsp14.names) is lsp14
    assert skeleton_named_like(("nose",)) is None


def test_files_of_ones_own(tmp_path):
    path = tmp_path / "star.json"
    with pytest.raises(ValueError, match=r"star\.json: no such file"):
        load_skeleton(str(path))
    path.write_text(json.dumps(STAR), encoding="utf-8-sig")  # with a byte order mark, as on Windows
    assert load_skeleton(str(path)).edges[4] == (1, 3)
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps({**STAR, "edges": [["nose", "tail"]]}))
    with pytest.raises(ValueError, match=r"broken\.json: does not describe a skeleton .*'tail'"):
        load_skeleton(str(broken))
    with pytest.raises(ValueError, match="no skeleton 'lsp'; give one of coco, coco-19"):
        load_skeleton("lsp")


def test_a_skeleton_file_is_all_that_other_keypoints_need(strongpose, photos, tmp_path):
    coco = write_dataset(tmp_path / "set", 2)
    folder = coco.with_suffix("")
    skeleton, star = tmp_path / "star.json", tmp_path / "set" / "star-people.json"
    skeleton.write_text(json.dumps(STAR))

    def run(*arguments):
        done = strongpose(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    said = run("data", "convert", coco, "--from", "coco", "--skeleton", skeleton, "--out", star)
    assert "2 photos, 3 people, 15 labelled keypoints of 5 kinds" in said
    options = "--steps 2 --batch-size 2 --crop-size 65 --workers 0 --no-bf16 --val-size 129 --neck-channels 0".split()
    said = run(
        *("train", "--skeleton", skeleton, "--data", star, "--images", folder, "--out", tmp_path / "run", *options),
        *("--val", star, "--val-images", folder, "--val-every", 2),
    )
    assert "AP" in said
    model = tmp_path / "star.onnx"
    said = run("export", tmp_path / "run" / "weights.safetensors", "--out", model, "--size", 129)
    assert "skeleton star" in said
    results = tmp_path / "results.json"
    assert "AP" in run("evaluate", star, "--images", folder, "--model", model, "--results", results)
    run(
        *("predict", photos / "astronaut.jpg", "--model", model, "--out", tmp_path / "out", "--fields", "--bodies"),
        *("--threshold", 0),
    )
    assert (tmp_path / "out" / "astronaut.fields.jpg").stat().st_size > 1000
    written = json.loads((tmp_path / "out" / "astronaut.poses.json").read_text())
    assert written["skeleton"]["names"] == STAR["names"]
    run("diagnose", star, "--images", folder, "--model", model, "--results", results, "--out", tmp_path / "errors")

    other = strongpose("evaluate", coco, "--images", folder, "--model", model)
    assert other.returncode == 1
    assert "but the model's are nose, left_wrist" in other.stderr
