"""Measuring in this process and in a fresh one: steps, people, results, and errors."""

from __future__ import annotations

import time

import numpy as np
import pytest

from strongpose import StrongPose
from strongpose.benchmarking import Job, measure, measure_afresh
from strongpose.exceptions import BenchmarkError, EvaluationError, ImageError, ModelError
from strongpose.skeleton import COCO


@pytest.fixture(scope="module")
def two(photos):
    return (str(photos / "group.jpg"), str(photos / "astronaut.jpg"))


def test_every_step_of_every_look_is_timed(two):
    told = []
    start = time.perf_counter()
    found = measure(
        Job("base", "onnx", two, (161,), threads=1, repeat=2), lambda done, total: told.append((done, total))
    )
    wall_ms = 1e3 * (time.perf_counter() - start)
    times = np.array([found.read_ms, found.network_ms, found.decode_ms])
    assert times.shape == (3, 2, 2)
    assert (times > 0).all()
    assert times.sum() + 1e3 * found.start_s < wall_ms
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert found.sizes == [161]
    assert found.file_mb == pytest.approx(11.05, abs=0.05)
    assert found.version.startswith("onnxruntime 1.")


def test_people_and_results_are_those_of_the_estimator(two):
    found = measure(Job("base", "onnx", two, (321, 241), flip=True))
    estimator = StrongPose.from_pretrained("base", size=(321, 241), flip=True, threshold=0, runtime="onnx")
    for i, photo in enumerate(two):
        poses = estimator(photo)
        assert found.people[i] == (poses.scores >= 0.25).sum() > 0
        results = [result for result in found.results if result["image_id"] == i]
        assert len(results) == min(len(poses), 20)
        assert max(r["score"] for r in results) == pytest.approx(float(poses.scores.max()), abs=1e-4)
    assert found.sizes == [241, 321]
    assert found.sigmas == list(COCO.sigmas)


def test_what_cannot_be_measured_is_named(two, tmp_path):
    with pytest.raises(ModelError, match="nope: no such model"):
        measure(Job("nope", "onnx", two))
    with pytest.raises(ImageError, match=r"nope\.jpg: no such file"):
        measure(Job("base", "onnx", (*two, str(tmp_path / "nope.jpg")), (65,)))
    with pytest.raises(EvaluationError, match="but those of the annotations tip, tail"):
        measure(Job("base", "onnx", two, (65,), keypoints=("tip", "tail")))


def test_a_fresh_process_tells_its_errors(two):
    with pytest.raises(BenchmarkError, match=r"^size must be at least 1 pixel, got \(0,\)$"):
        measure_afresh(Job("base", "onnx", two, (0,)))


def test_memory_of_a_fresh_process_is_its_own(two):
    """What this process holds does not count."""
    ballast = np.ones(40_000_000)  # 320 MB
    found = measure_afresh(Job("base", "onnx", two[:1], (65,), threads=1))
    assert found.peak_mb is not None
    assert 40 < found.peak_mb < ballast.nbytes / 1e6
    assert found.other_cores is None or 0 <= found.other_cores < 1000
