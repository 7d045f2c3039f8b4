"""The same photo, model and runtime give the same bytes, and another number of threads the same poses."""

from __future__ import annotations

import numpy as np
import pytest

from strongpose import Poses, StrongPose
from strongpose.runtime import installed_runtimes

MODELS = [("base", "openvino"), ("base", "onnx"), ("base", "torch"), ("fast", "openvino")]
SIZE = 257  # pixels, for speed
NAMES = ("group", "astronaut", "grace_hopper", "cameraman")  # not in the order of the alphabet


@pytest.fixture(scope="module", params=MODELS, ids="-".join)
def kind(request):
    """A model and what runs it, where that is installed."""
    model, runtime = request.param
    if runtime not in installed_runtimes():
        pytest.skip(f"{runtime} is not installed")
    return model, runtime


@pytest.fixture(scope="module")
def paths(photos):
    return [photos / f"{name}.jpg" for name in NAMES]


@pytest.fixture(scope="module")
def found(kind, paths):
    """The estimator, with one thread, and the poses that it finds in each photo."""
    model, runtime = kind
    estimator = StrongPose.from_pretrained(model, size=SIZE, threshold=0, runtime=runtime, threads=1)
    return estimator, [estimator(path) for path in paths]


def content(poses: Poses) -> tuple[bytes, ...]:
    return poses.keypoints.tobytes(), poses.scores.tobytes(), poses.boxes.tobytes()


def test_another_call_gives_the_same_bytes(found, paths):
    estimator, expected = found
    assert [len(poses[poses.scores >= 0.25]) for poses in expected] == [3, 1, 1, 1]
    for path, poses in zip(paths, expected, strict=True):
        assert content(estimator(path)) == content(poses)
        assert (np.diff(poses.scores) <= 0).all(), "the best first"


def test_many_photos_keep_their_order_and_give_the_bytes_of_one(found, paths):
    estimator, expected = found
    backwards = list(map(content, estimator.predict_many(paths[::-1])))
    assert backwards == list(map(content, expected))[::-1]


def test_photos_of_one_size_in_a_batch_are_as_on_their_own(found, paths):
    """Nothing is padded then. A runtime may still add numbers in another order, which moves nothing to speak of."""
    estimator, expected = found
    for poses in estimator.predict_many([paths[0]] * 3, batch=3):
        assert len(poses) == len(expected[0])
        np.testing.assert_allclose(poses.keypoints[..., :2], expected[0].keypoints[..., :2], atol=0.05)
        np.testing.assert_allclose(poses.scores, expected[0].scores, atol=1e-3)


def test_another_thread_moves_no_keypoint_by_a_twentieth_of_a_pixel(kind, found, paths):
    model, runtime = kind
    estimator = StrongPose.from_pretrained(model, size=SIZE, threshold=0, runtime=runtime, threads=2)
    for path, poses in zip(paths, found[1], strict=True):
        other = estimator(path)
        assert len(other) == len(poses)
        np.testing.assert_allclose(other.keypoints[..., :2], poses.keypoints[..., :2], atol=0.05)
        np.testing.assert_allclose(other.keypoints[..., 2], poses.keypoints[..., 2], atol=1e-3)


def test_files_are_the_same_in_every_process(strongpose_process, kind, found, paths, tmp_path):
    """JSON and pictures, the regions of people included; and the JSON is that of the API."""
    model, runtime = kind
    if runtime == "torch":
        pytest.skip("too slow to start for every run; benchmarks/determinism.py does it")
    options = ["--threads", 1, "--size", SIZE, "--model", model, "--runtime", runtime, "--bodies"]
    options += ["--fields"] * (kind == MODELS[0])  # drawn alike whatever ran the network
    kinds = ["poses.json", "poses.jpg", "fields.jpg"][: 2 + (kind == MODELS[0])]
    written = []
    for folder in ("one", "two"):
        run = strongpose_process("predict", *paths[:2], "--out", tmp_path / folder, *options)
        assert run.returncode == 0, run.stderr
        told = [line.split(": ")[0].split("] ")[1] for line in run.stdout.splitlines() if line.startswith("[")]
        assert told == list(map(str, paths[:2])), "photos in the order in which they were named"
        written.append({path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()})
    assert sorted(written[0]) == sorted(f"{name}.{kind}" for name in NAMES[:2] for kind in kinds)
    assert written[0] == written[1]
    for name, poses in zip(NAMES[:2], found[1][:2], strict=True):
        again = Poses.from_json(written[0][f"{name}.poses.json"].decode())
        shown = poses[poses.scores >= 0.25]
        np.testing.assert_allclose(again.keypoints, shown.keypoints, atol=0.0006, err_msg="three digits are kept")


def test_folders_are_read_in_the_order_of_their_names(strongpose, photos, tmp_path):
    for name in ("b.jpg", "C.jpg", "a.jpg", "10.jpg", "9.jpg"):
        (tmp_path / name).write_bytes((photos / "cameraman.jpg").read_bytes())
    run = strongpose("predict", tmp_path, "--out", tmp_path / "out", "--threads", 1, "--size", 129)
    assert run.returncode == 0, run.stderr
    told = [line.split(": ")[0].rsplit("/", 1)[1] for line in run.stdout.splitlines() if line.startswith("[")]
    assert told == ["10.jpg", "9.jpg", "C.jpg", "a.jpg", "b.jpg"]
