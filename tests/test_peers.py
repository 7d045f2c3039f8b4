"""The comparison with peers: their pre- and post-processing on drawn maps, the script on photos, and its charts."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from pictures import annotation, person

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import charts  # noqa: E402
import network_times  # noqa: E402
import peer_models  # noqa: E402
import peers  # noqa: E402
from results_file import Results, read_results, write_results  # noqa: E402

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
    (one,) = network_times.yolo_entries(path, (network_times.ONNX, network_times.FLOAT32), 1)
    assert (one.model, one.runtime, one.size) == ("some, 640×640 px", network_times.FLOAT32, 641)
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
            return peer_models.Answer(Poses.empty(), 0.5)

    runs = peers.side_by_side([System("a"), System("b")], [Path("1"), Path("2")], repeats=2)
    untimed = [("1", "a"), ("1", "b"), ("2", "b"), ("2", "a")]
    assert calls == [*untimed, *untimed, ("1", "b"), ("1", "a"), ("2", "a"), ("2", "b")]
    assert [len(run.poses) for run in runs] == [2, 2]
    assert [run.network for run in runs] == [[[500, 500], [500, 500]]] * 2
    assert all(0 < ms < 500 for run in runs for photo in run.total for ms in photo)


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


def cells(results):
    return [dict(zip(results.columns, row, strict=True)) for row in results.rows]


def words(chart):
    return {element.text for element in ET.parse(chart).getroot().iter("{http://www.w3.org/2000/svg}text")}


def test_the_script_measures_and_its_figures_are_drawn(tmp_path):
    photos, annotations = ROOT / "tests" / "photos", annotated(tmp_path)
    chosen = {"sizes": (257,), "threads": 1}
    peers.accuracy(
        peers.Chosen(annotations, photos, runtimes=("openvino", "onnx"), json=tmp_path / "peers.json", **chosen)
    )
    rows = cells(accuracy := read_results(tmp_path / "peers.json"))
    assert rows[0]["system"].startswith("base, 257 px, OpenVINO") and "ONNX Runtime" in rows[1]["system"]
    assert rows[0]["AP"] > 0.8 and rows[1]["AP"] > 0.95  # bfloat16 differs a little
    assert rows[1]["AP, 1 person"] > 0.95 and rows[1]["AP, 2 to 4"] > 0.9 and rows[1]["AP, 5 or more"] == "–"
    assert all(0 < row["network, ms"] < row["end-to-end, ms"] <= row["95th percentile, ms"] for row in rows)

    people = tmp_path / "people.json"
    whole = np.hstack([person(150, 40, 300, np.random.default_rng(5))])
    people.write_text(json.dumps({**json.loads(annotations.read_text()), "annotations": [annotation(1, 1, whole)]}))
    peers.crowds(peers.Chosen(people, photos, json=tmp_path / "crowds.json", **chosen), people=(1, 3), pictures=2)
    end_to_end, network, found = cells(crowds := read_results(tmp_path / "crowds.json"))
    assert [row["measure"] for row in (end_to_end, network, found)] == [peers.END_TO_END, peers.NETWORK, peers.FOUND]
    assert all(0 < network[n] < end_to_end[n] and 0 <= found[n] <= int(n) for n in ("1", "3"))

    [line] = charts.tradeoff(accuracy).axes[0].lines  # both are base, on two runtimes
    assert sorted(line.get_xydata().tolist()) == sorted([row["end-to-end, ms"], row["AP"]] for row in rows)
    [line] = charts.scaling(crowds).axes[0].lines
    assert line.get_xydata().tolist() == [[1, end_to_end["1"]], [3, end_to_end["3"]]]
    rows = [["a", 1000, 0.2], ["b", 2000, 0.1], ["a", 3000, 0.3]]
    curves = Results("train", "a CPU", "abc", "2026-01-01", ["network", "crops seen", "AP"], rows)
    write_results(tmp_path / "learning-curves.json", curves.columns, rows)
    lines = {line.get_label(): line.get_xydata().tolist() for line in charts.learning(curves).axes[0].lines}
    assert lines == {"a": [[1, 0.2], [3, 0.3]], "b": [[2, 0.1]]}
    charts.main(charts.Arguments(tmp_path, tmp_path))
    assert {"base", "257 px", "AP"} <= words(tmp_path / "tradeoff.svg")
    assert {"base, 257 px", "people in the picture"} <= words(tmp_path / "scaling.svg")
    assert {"a", "b", "crops seen (thousands)"} <= words(tmp_path / "learning.svg")


def test_the_chart_has_released_models_and_all_settings_of_peers():
    rows = [
        ["base, 129 + 257 px", 0.45, 12],
        ["base, 257 px", 0.4, 10],
        ["trial, 257 px", 0.5, 9],
        ["a + b, fast", 0.5, 20],
        ["a + b, mirrored", 0.6, 90],
    ]
    results = Results("peers.py", "a CPU", "abc", "2026-01-01", ["system", "AP", peers.END_TO_END], rows)
    axes = charts.tradeoff(results).axes[0]
    drawn = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert drawn == {"base": [[10, 0.4], [12, 0.45]], "a + b": [[20, 0.5], [90, 0.6]]}
    assert {text.get_text(): text.xy for text in axes.texts if text.get_text()} == {
        "257 px": (10, 0.4),
        "129 + 257 px": (12, 0.45),
    }


def test_people_count_once_and_only_among_the_best_poses():
    rng = np.random.default_rng(1)
    people = np.stack([person(100, 100, 170, rng), person(500, 100, 170, rng)])
    far = person(900, 100, 170, rng)

    def poses(*found):
        return Poses(np.stack(found) / (1, 1, 2), np.linspace(1, 0.5, len(found)))

    assert peers.count(poses(people[1], people[0]), people) == 2
    assert peers.count(poses(people[0], people[0]), people) == 1
    assert peers.count(poses(far, people[0], people[1]), people) == 1  # the third is not among the two best
    assert peers.count(Poses.empty(), people) == 0


def test_too_many_people_are_refused(tmp_path):
    with pytest.raises(SystemExit, match="places for 60 people, got --people 61"):
        peers.crowds(peers.Chosen(tmp_path / "a.json", tmp_path), people=(61,))


@pytest.mark.parametrize("missing", ["detector", "keypoints"])
def test_half_a_pair_is_refused(tmp_path, missing):
    with pytest.raises(SystemExit, match="needs both --detector and --keypoints"):
        peers.Chosen(tmp_path / "a.json", tmp_path, **{missing: tmp_path / "a.xml"}).systems({})
