"""The comparison with peers: their pre- and post-processing on drawn maps, and the script on photos."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from pictures import annotation

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import network_times  # noqa: E402
import peer_models  # noqa: E402
import peer_runs  # noqa: E402
import peers  # noqa: E402
import tradeoff_chart  # noqa: E402

from strongpose import Poses  # noqa: E402


def write_model(path, h, w, *outputs):
    """An OpenVINO model that says the same about every photo, and takes (1, 3, h, w)."""
    import openvino
    from openvino import opset13 as ops

    image = ops.parameter([1, 3, h, w], np.float32, name="image")
    nothing = ops.multiply(ops.reduce_mean(image, np.array([0, 1, 2, 3])), np.float32(0))
    results = [ops.result(ops.add(ops.constant(output), nothing)) for output in outputs]
    openvino.save_model(openvino.Model(results, [image]), path, compress_to_fp16=False)
    return path


def write_onnx(path, h, w, output):
    """The same as an ONNX file, with one output."""
    import onnx
    from onnx import helper, numpy_helper

    number = onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("Constant", [], ["fixed"], value=numpy_helper.from_array(output)),
        helper.make_node("ReduceMean", ["image"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["fixed", "nothing"], ["found"]),
    ]
    ends = [("image", (1, 3, h, w)), ("found", output.shape)]
    image, found = (helper.make_tensor_value_info(name, number, shape) for name, shape in ends)
    zero = numpy_helper.from_array(np.float32(0), "zero")
    graph = helper.make_graph(nodes, "fixed", [image], [found], [zero])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture
def photo(tmp_path):
    """A grey photo of 320 × 160 pixels."""
    import cv2

    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), np.full((160, 320, 3), 50, dtype=np.uint8))
    return path


def test_letterbox_centres_the_photo():
    pixels, scale, corner = peer_models.letterbox(np.zeros((160, 320, 3), dtype=np.uint8), (640, 640))
    assert (scale, corner.tolist()) == (2.0, [0.0, 160.0])
    assert pixels.shape == (640, 640, 3)
    filled = np.isclose(pixels[:, 0, 0], 114 / 255)
    assert filled[:160].all() and filled[480:].all() and not pixels[160:480].any()


def test_the_weaker_of_two_overlapping_boxes_is_dropped():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 10, 10], [50, 0, 10, 10]], dtype=np.float32)
    scores = np.array([0.3, 0.9, 0.5], dtype=np.float32)
    assert peer_models.suppress(boxes, scores, 0.65).tolist() == [1, 2]
    assert peer_models.suppress(boxes, scores, 0.9).tolist() == [1, 2, 0]
    assert peer_models.suppress(boxes[:0], scores[:0], 0.65).tolist() == []


def test_the_highest_cell_moves_a_quarter_towards_the_higher_neighbour():
    heat = np.zeros((2, 5, 6), dtype=np.float32)
    heat[0, 2, 3], heat[0, 2, 4], heat[0, 1, 3] = 0.9, 0.5, 0.4
    heat[1, 4, 0] = 0.7  # on the border: left where it is
    np.testing.assert_allclose(peer_models.highest(heat), [[3.25, 1.75, 0.9], [0, 4, 0.7]], rtol=1e-6)


@pytest.mark.parametrize(("write", "name"), [(write_model, "some.xml"), (write_onnx, "some.onnx")])
def test_yolo_candidates_become_poses_in_photo_pixels(photo, tmp_path, write, name):
    found = np.zeros((1, 56, 8400), dtype=np.float32)
    found[0, :5, 7] = (300, 320, 100, 200, 0.75)
    found[0, :5, 8] = (302, 320, 100, 200, 0.625)  # the same person
    found[0, :5, 9] = (500, 320, 100, 200, 0.5)
    found[0, 5::3, 7], found[0, 6::3, 7], found[0, 7::3, 7] = 280, 260, 0.875
    system = peer_models.YoloPose(write(tmp_path / name, 640, 640, found), 1)
    assert system.name.startswith("some, OpenVINO in ")
    answer = system(photo)
    np.testing.assert_allclose(answer.poses.scores, [0.75, 0.5])
    np.testing.assert_allclose(answer.poses.keypoints[0], np.tile((140, 50, 0.875), (17, 1)))
    assert 0 < answer.network < 5


def test_yolo_alone_is_timed_in_the_column_of_641_pixels(tmp_path):
    path = write_model(tmp_path / "some.xml", 640, 640, np.zeros((1, 56, 8400), dtype=np.float32))
    (one,) = network_times.yolo(path, (network_times.ONNX, network_times.FLOAT32), 1)
    assert (one.model, one.runtime, one.size) == ("some, 640×640 px", network_times.FLOAT32, 641)
    assert one.kind == "OpenVINO in float32" and one.sides == (640, 640)
    assert 0 < one.run() < 5


@pytest.mark.parametrize("flip", [False, True])
def test_top_down_boxes_and_maps_become_poses_in_photo_pixels(photo, tmp_path, flip):
    boxes, scores = np.zeros((1, 2125, 4), dtype=np.float32), np.zeros((1, 1, 2125), dtype=np.float32)
    boxes[0, 3], scores[0, 0, 3] = (100, 60, 160, 220), 0.5  # 60 × 80 in the photo, whose height is stretched by 2
    heat = np.zeros((1, 17, 64, 48), dtype=np.float32)
    heat[0, :, 32, 24] = 0.75  # the middle; mirrored it lies there again
    detector = write_model(tmp_path / "a.xml", 320, 320, boxes, scores)
    answer = peer_models.TopDown(detector, write_model(tmp_path / "b.xml", 256, 192, heat), 1, flip=flip)(photo)
    np.testing.assert_allclose(answer.poses.boxes, [[100, 30, 160, 110]], rtol=1e-6)
    np.testing.assert_allclose(answer.poses.scores, [0.375], rtol=1e-6)
    np.testing.assert_allclose(answer.poses.keypoints[0], np.tile((130, 70, 0.75), (17, 1)), rtol=1e-6)


def test_nobody_is_found_where_the_detector_sees_nobody(photo, tmp_path):
    nobody = np.zeros((1, 2125, 4), dtype=np.float32), np.zeros((1, 1, 2125), dtype=np.float32)
    detector = write_model(tmp_path / "a.xml", 320, 320, *nobody)
    keypoints = write_model(tmp_path / "b.xml", 256, 192, np.zeros((1, 17, 64, 48), dtype=np.float32))
    assert len(peer_models.TopDown(detector, keypoints, 1)(photo).poses) == 0


def test_a_model_with_other_outputs_is_refused(tmp_path):
    path = write_model(tmp_path / "other.xml", 640, 640, np.zeros((1, 6, 8400), dtype=np.float32))
    with pytest.raises(ValueError, match=r"other\.xml: expected outputs of shapes \(\(1, 56, 8400\),\)"):
        peer_models.YoloPose(path, 1)


def test_a_model_with_another_input_is_refused():
    model = ROOT / "src" / "strongpose" / "models" / "base.onnx"
    with pytest.raises(ValueError, match=r"base\.onnx: expected one input of shape \(1, 3, h, w\)"):
        peer_models.YoloPose(model, 1)


def test_every_photo_goes_through_all_systems_before_the_next_one():
    calls = []

    class System:
        def __init__(self, name):
            self.name = name

        def __call__(self, photo):
            calls.append((photo.name, self.name))
            return peer_runs.Answer(Poses.empty(), 0.5)

    runs = peer_runs.side_by_side([System("a"), System("b")], [Path("1"), Path("2")], repeats=2)
    untimed = [("1", "a"), ("1", "b"), ("2", "b"), ("2", "a")]
    assert calls == [*untimed, *untimed, ("1", "b"), ("1", "a"), ("2", "a"), ("2", "b")]
    assert [len(run.poses) for run in runs] == [2, 2]
    assert [run.network for run in runs] == [[[0.5, 0.5], [0.5, 0.5]]] * 2
    assert all(0 < seconds < 0.5 for run in runs for photo in run.total for seconds in photo)


def test_times_are_in_milliseconds():
    t = peer_runs.times([[0.1, 0.3], [0.2]], [[0.05, 0.05], [0.01]])
    assert t == pytest.approx((200, 290, 50))


def annotated(folder):
    """Two photos of the tests, annotated with what `base` finds in them: it must then find everybody."""
    from strongpose import StrongPose

    model = StrongPose.from_pretrained("base", size=257, threads=1, runtime="onnx")
    images, annotations = [], []
    for i, (name, people) in enumerate((("astronaut.jpg", 1), ("group.jpg", 3)), start=1):
        images.append({"id": i, "file_name": name})
        for keypoints in model(ROOT / "tests" / "photos" / name).keypoints[:people]:
            known = keypoints[:, 2:] > 0.3
            annotations.append(annotation(len(annotations) + 1, i, np.hstack([known * keypoints[:, :2], 2 * known])))
    category = {"id": 1, "name": "person", "keypoints": list(model.info.skeleton.names)}
    path = folder / "annotations.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [category]}))
    return path


def run(*arguments):
    command = [sys.executable, str(BENCHMARKS / "peers.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_script_prints_a_row_for_each_runtime(tmp_path):
    figures, chart = tmp_path / "peers.csv", tmp_path / "chart.svg"
    arguments = ["--sizes", "257", "--threads", "1", "--csv", figures]
    done = run(annotated(tmp_path), ROOT / "tests" / "photos", *arguments)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| base")]
    assert [row[0].split(", ")[1] for row in rows] == ["257 px"] * 4
    assert "OpenVINO" in rows[0][0] and "ONNX Runtime" in rows[1][0]
    assert float(rows[0][1]) > 0.8 and float(rows[1][1]) > 0.95  # bfloat16 differs a little
    assert "1 person: 1 photos" in done.stdout and "2 to 4: 1 photos" in done.stdout

    models = tradeoff_chart.read(figures, leave_out=("ONNX",))
    assert [(name, [point.label for point in points]) for name, points in models.items()] == [("base", ["257"])]
    assert models["base"][0].ap == pytest.approx(float(rows[0][1]), abs=6e-4)
    [line] = tradeoff_chart.chart(models).axes[0].lines
    assert line.get_xydata().tolist() == [[models["base"][0].ms, models["base"][0].ap]]
    tradeoff_chart.main(tradeoff_chart.Arguments(figures, chart))
    words = [element.text for element in ET.parse(chart).getroot().iter("{http://www.w3.org/2000/svg}text")]
    assert {"base", "257", "AP"} <= set(words)


@pytest.mark.parametrize("missing", ["--detector", "--keypoints"])
def test_half_a_pair_is_refused(tmp_path, missing):
    with pytest.raises(SystemExit, match="needs both --detector and --keypoints"):
        peers.peers(peer_runs.Chosen(**{missing[2:]: tmp_path / "a.xml"}))
