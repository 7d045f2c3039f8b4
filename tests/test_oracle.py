"""The oracle: annotations → fields → poses, on drawn and on real annotations."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from strongpose.data.convert import read_coco, with_skeleton
from strongpose.skeleton import COCO, COCO_19, COCO_TREE
from strongpose.skeletons import load_skeleton

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from oracle import disconnected, oracle, thinned, upper_bound


@pytest.fixture(scope="module")
def drawn_annotations(tmp_path_factory):
    """A COCO file of three drawn crowds in photos of different shapes, in which everybody hides one joint."""
    rng = np.random.default_rng(3)
    template = np.array(
        [
            *((0, -0.45), (0.02, -0.47), (-0.02, -0.47), (0.05, -0.45), (-0.05, -0.45)),
            *((0.1, -0.3), (-0.1, -0.3), (0.15, -0.12), (-0.13, -0.12), (0.18, 0.05), (-0.14, 0.04)),
            *((0.07, 0.02), (-0.07, 0.02), (0.09, 0.26), (-0.08, 0.27), (0.1, 0.48), (-0.08, 0.48)),
        ]
    )
    images, annotations = [], []
    for image_id, (w, h) in enumerate([(640, 480), (300, 500), (640, 480)], start=1):
        images.append({"id": image_id, "file_name": f"{image_id}.jpg", "width": w, "height": h})
        for x in np.arange(60, w - 50, 120):
            for y in np.arange(90, h - 80, 170):
                body = np.ones((17, 3)) * 2
                body[:, :2] = template * rng.uniform(90, 150) + (x, y) + rng.normal(0, 1.5, (17, 2))
                body[rng.integers(17)] = 0
                seen = body[body[:, 2] > 0, :2]
                box = [*seen.min(axis=0), *np.ptp(seen, axis=0)]
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": image_id,
                        "category_id": 1,
                        "iscrowd": 0,
                        "bbox": [float(v) for v in box],
                        "area": float(0.53 * box[2] * box[3]),
                        "keypoints": body.ravel().tolist(),
                        "num_keypoints": len(seen),
                    }
                )
    category = {"id": 1, "name": "person", "keypoints": list(COCO.names), "skeleton": []}
    path = tmp_path_factory.mktemp("drawn") / "annotations.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [category]}))
    return path


@pytest.mark.parametrize("stride", [4, 8, 16])
def test_drawn_crowds(drawn_annotations, stride):
    result = oracle(drawn_annotations, stride)
    assert result.people == 24
    assert result.poses == 24
    assert result.metrics.ap == pytest.approx(1, abs=1e-3)


def test_redundant_edges_are_worth_their_channels(drawn_annotations):
    assert oracle(drawn_annotations, 8, COCO_TREE).metrics.ap < oracle(drawn_annotations, 8, COCO).metrics.ap


def test_a_hidden_keypoint_disconnects_a_tree_and_bounds_its_accuracy(drawn_annotations):
    people = json.loads(drawn_annotations.read_text())["annotations"]
    assert disconnected(people, COCO) == 0 and upper_bound(drawn_annotations, people, COCO) == pytest.approx(1)
    assert disconnected(people, COCO_TREE) > 30
    assert upper_bound(drawn_annotations, people, COCO_TREE) < 0.9
    assert [len(graph.edges) for graph in thinned().values()] == [34, 33, 31, 29]


@pytest.mark.parametrize(
    ("skeleton", "stride", "least"), [(COCO, 8, 0.97), (COCO, 16, 0.95), (COCO_19, 8, 0.92), (COCO_TREE, 8, 0.75)]
)
def test_real_annotations(data_dir, skeleton, stride, least):
    result = oracle(data_dir / "coco-tune" / "annotations.json", stride, skeleton)
    assert result.people == 310
    assert result.poses >= 300
    assert result.metrics.ap >= least


@pytest.mark.parametrize("name", ["lsp14", "crowdpose14", "mpii16", "posetrack15"])
def test_packaged_skeletons_lose_as_little(data_dir, name, tmp_path):
    skeleton = load_skeleton(name)
    data = with_skeleton(read_coco(data_dir / "coco-tune" / "annotations.json"), skeleton, "neck" in skeleton.names)
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps(data))
    result = oracle(path, 8, skeleton)
    assert result.people >= 304  # of six only the face is labelled
    assert result.metrics.ap >= 0.97
