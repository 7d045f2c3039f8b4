"""COCO evaluation: parity with pycocotools, and clear errors for damaged annotations."""

import contextlib
import copy
import io
import json
import math

import numpy as np
import pytest
from made_up_results import made_up, perfect
from pycocotools.coco import COCO as Truth
from pycocotools.cocoeval import COCOeval

from strongpose.annotations import load_annotations
from strongpose.evaluation import Metrics, evaluate_results
from strongpose.exceptions import AnnotationError, EvaluationError
from strongpose.skeleton import COCO, Skeleton

ARM = Skeleton.from_names("arm", ["shoulder", "elbow", "wrist"], [("shoulder", "elbow")], [], [0.08, 0.07, 0.06], [])


def pycocotools_figures(results: list, data: dict, sigmas: tuple[float, ...]) -> list[float]:
    with contextlib.redirect_stdout(io.StringIO()):
        truth = Truth()
        truth.dataset = copy.deepcopy(data)
        truth.createIndex()
        found = Truth()
        found.dataset = {"images": data["images"], "annotations": [], "categories": data["categories"]}
        found.createIndex()
        if results:
            found = truth.loadRes(copy.deepcopy(results))
        run = COCOeval(truth, found, "keypoints")
        run.params.kpt_oks_sigmas = np.array(sigmas)
        run.evaluate()
        run.accumulate()
        run.summarize()
    return [float(v) for v in run.stats]


def values(metrics: Metrics) -> list[float]:
    return [-1.0 if v is None else v for v in metrics.to_dict().values()]


@pytest.mark.parametrize("skeleton", [COCO, ARM], ids=["coco", "arm"])
@pytest.mark.parametrize(("people", "detections"), [(3, 25), (1, 4), (3, 0), (0, 5), (0, 0)], ids=lambda n: str(n))
def test_the_ten_figures_are_those_of_pycocotools(skeleton, people, detections):
    data, results = made_up(skeleton, people, detections)
    before = copy.deepcopy((data, results))
    got = values(evaluate_results(results, data, skeleton.sigmas))
    assert got == pytest.approx(pycocotools_figures(results, data, skeleton.sigmas), abs=1e-9)
    assert (data, results) == before  # what was passed in is left as it was
    if people and detections:
        assert 0 < got[0] < 1  # neither side is trivial


def test_perfect_results_score_one():
    data, results = perfect()
    metrics = evaluate_results(results, data, COCO.sigmas)
    assert metrics.ap == pytest.approx(1)
    assert metrics.ar == pytest.approx(1)
    assert evaluate_results(results[1:], data, COCO.sigmas).ar < 1


def test_a_person_without_keypoints_is_not_missed():
    data, results = perfect()
    data["annotations"].append({"image_id": 0, "category_id": 1, "area": 9000.0, "bbox": [0, 0, 90, 100]})
    assert evaluate_results(results, data, COCO.sigmas).ar == pytest.approx(1)


def test_annotations_may_come_from_a_file(tmp_path):
    data, results = made_up()
    (tmp_path / "a.json").write_text(json.dumps(data))
    assert evaluate_results(results, tmp_path / "a.json", COCO.sigmas) == evaluate_results(results, data, COCO.sigmas)


def test_figures_that_are_not_defined_are_nan_and_shown_as_a_dash():
    data, results = made_up(people=0)
    metrics = evaluate_results(results, data, COCO.sigmas)
    assert math.isnan(metrics.ap)
    assert metrics.to_dict()["ap"] is None
    assert "–" in str(metrics)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("images"), "expected a list 'images'"),
        (lambda d: d["images"].clear(), "holds no images"),
        (lambda d: d["images"][0].pop("file_name"), "image 0 needs 'id' and 'file_name'"),
        (lambda d: d["categories"][0].pop("keypoints"), "no category has 'keypoints'"),
        (lambda d: d["annotations"][1].pop("image_id"), "annotation 1 needs 'image_id'"),
        (lambda d: d["annotations"][1].update(image_id=77), "about image 77, which is not among the images"),
        (lambda d: d["annotations"][1].update(area=-1), "annotation 1 needs a number 'area' of 0 or more"),
        (lambda d: d["annotations"][1].update(bbox=[1, 2]), "annotation 1 needs 'bbox'"),
        (lambda d: d["annotations"][1]["keypoints"].pop(), "needs 51 keypoint values .* got 50"),
        (lambda d: d["annotations"][1]["keypoints"].__setitem__(3, None), "not all numbers"),
    ],
)
def test_damaged_annotations_are_named_with_the_file(tmp_path, change, message):
    data, _ = made_up()
    change(data)
    path = tmp_path / "people.json"
    path.write_text(json.dumps(data))
    with pytest.raises(AnnotationError, match=message) as caught:
        load_annotations(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", ", line 1: not JSON, or cut short"), ("[]", ": expected a JSON object"), (None, ": no such file")],
)
def test_files_that_are_no_annotations_are_named(tmp_path, content, message):
    path = tmp_path / "people.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(AnnotationError, match=rf"people\.json{message}"):
        load_annotations(path)


def test_other_keypoints_than_the_models_are_refused():
    data, _ = made_up(ARM)
    with pytest.raises(AnnotationError, match="its keypoints are shoulder, elbow, wrist, but the model's are nose"):
        load_annotations(data, COCO)


def test_results_about_unknown_images_or_other_skeletons_are_refused():
    data, results = made_up()
    with pytest.raises(EvaluationError, match="about 1 image that is not annotated, the first 99"):
        evaluate_results([{**results[0], "image_id": 99}], data, COCO.sigmas)
    with pytest.raises(EvaluationError, match="annotations have 17 keypoints, but 3 tolerances"):
        evaluate_results(results, data, ARM.sigmas)
    short = {**results[0], "keypoints": results[0]["keypoints"][:9]}
    with pytest.raises(EvaluationError, match="expected 51 keypoint values a result, got 9"):
        evaluate_results([short], data, COCO.sigmas)
    with pytest.raises(EvaluationError, match="result 1 is of category 2, expected 1"):
        evaluate_results([results[0], {**results[1], "category_id": 2}], data, COCO.sigmas)
