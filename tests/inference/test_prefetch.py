"""Many photos: the same poses as one at a time, in order, lazily, and without threads or photos left behind."""

from __future__ import annotations

import gc
import signal
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from strongpose import Poses, StrongPose
from strongpose.exceptions import ImageError
from strongpose.images import padded_stack
from strongpose.inference.prefetch import AHEAD, overlap
from strongpose.runtime import OnnxRuntime

FIELDS = ("heatmaps", "offsets", "displacements", "body")


@pytest.fixture(scope="module")
def base() -> StrongPose:
    """The packaged model, on small inputs."""
    return StrongPose.from_pretrained(size=257, threads=1, runtime="onnx")


@pytest.fixture(scope="module")
def paths(photos) -> list[Path]:
    """Photos of three shapes: one square, one high, two wide."""
    return [photos / f"{name}.jpg" for name in ("astronaut", "group", "grace_hopper", "cameraman")]


def equal(poses: Poses, expected: Poses) -> bool:
    """Whether poses are the same to the bit."""
    pairs = [(getattr(poses, name), getattr(expected, name)) for name in ("keypoints", "scores", "boxes")]
    return all(np.array_equal(a, b) for a, b in pairs)


def threads() -> list[str]:
    """Names of the pipeline's threads that run."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("strongpose")]


def test_the_poses_are_those_of_one_photo_at_a_time(base, paths):
    expected = [base(path) for path in paths]
    assert [len(poses) for poses in expected] == [1, 3, 1, 1]
    found = list(base.predict_many(iter(paths)))
    assert all(equal(a, b) for a, b in zip(found, expected, strict=True))
    assert list(base.predict_many([])) == []


@pytest.mark.parametrize("options", [{"flip": True}, {"size": (129, 257)}, {"size": (129, 193), "flip": True}], ids=str)
def test_several_sizes_and_mirrored_photos_too(base, paths, options):
    model = StrongPose(base.runtime, **{"size": 193, **options})
    for poses, path in zip(model.predict_many(paths[:2]), paths[:2], strict=True):
        expected = model(path)
        assert len(expected) and equal(poses, expected)
    for prediction, path in zip(model.predictions(paths[:2], batch=2), paths[:2], strict=True):
        expected = model.fields(path)
        assert prediction.fields.size == expected.size
        seen = (prediction.fields.heatmaps > 0.3) & (expected.heatmaps > 0.3)
        assert seen.sum() > 30
        assert np.abs(prediction.fields.heatmaps - expected.heatmaps).max() < 0.25


def test_batches_of_equal_sizes_give_the_same_fields(base, photos):
    image = np.asarray(Image.open(photos / "astronaut.jpg"))
    images = [image, image[:, ::-1], np.ascontiguousarray(image[::-1]), image // 2]
    predictions = list(base.predictions(images, batch=3))
    assert len(predictions) == 4
    for prediction, single in zip(predictions, images, strict=True):
        assert np.array_equal(prediction.photo, single)
        expected = base.fields(single)
        for name in FIELDS:
            np.testing.assert_allclose(
                getattr(prediction.fields, name), getattr(expected, name), atol=2e-4, err_msg=name
            )


def test_batches_of_unlike_sizes_move_keypoints_by_little(base, paths):
    """By four input pixels at most for keypoints that are seen, mostly far less; nobody comes or goes."""
    singles = [base(path) for path in paths]
    batched = list(base.predict_many(paths, batch=4))
    moved = []
    for poses, expected, path in zip(batched, singles, paths, strict=True):
        sure = expected.keypoints[expected.scores > 0.3][..., 2] > 0.3
        assert (poses.scores > 0.3).sum() == (expected.scores > 0.3).sum()
        pairs = zip(poses[poses.scores > 0.3], expected[expected.scores > 0.3], sure, strict=True)
        scale = float(base.fit(path).scale[0])
        moved += [scale * np.linalg.norm(a.keypoints[s, :2] - b.keypoints[s, :2], axis=1) for a, b, s in pairs]
    distances = np.concatenate(moved)
    assert len(distances) > 40
    assert np.median(distances) < 0.1
    assert distances.max() < 4


def test_smaller_inputs_are_padded_right_and_below():
    images = [np.full((2, 5, 3), 9, np.uint8), np.full((4, 3, 3), 7, np.uint8)]
    stack = padded_stack(images)
    assert stack.shape == (2, 4, 5, 3)
    assert np.array_equal(stack[0, :2], images[0]) and (stack[0, 2:] == 127).all()
    assert np.array_equal(stack[1, :, :3], images[1]) and (stack[1, :, 3:] == 127).all()
    assert np.array_equal(padded_stack(images[:1]), images[0][None])


@pytest.mark.parametrize("batch", [1, 3])
def test_a_photo_that_cannot_be_opened_is_named_in_its_turn(tiny_model, paths, tmp_path, batch):
    model = StrongPose.from_pretrained(tiny_model, threads=1)
    (tmp_path / "cut.jpg").write_bytes(paths[0].read_bytes()[:9000])
    sources = [paths[0], tmp_path / "cut.jpg", paths[1], tmp_path / "nope.jpg"]
    predictions = list(model.predictions(sources, batch))
    assert [isinstance(prediction, ImageError) for prediction in predictions] == [False, True, False, True]
    assert "cut.jpg: damaged or cut short" in str(predictions[1])
    assert "nope.jpg: no such file" in str(predictions[3])
    assert predictions[2].photo.shape == (420, 1198, 3)
    assert predictions[2].fitted.photo_size == (420, 1198)
    results = model.predict_many(sources, batch, strict=True)
    assert isinstance(next(results), Poses)
    with pytest.raises(ImageError, match=r"cut\.jpg: damaged or cut short"):
        next(results)
    assert threads() == []


@pytest.mark.parametrize("batch", [1, 2])
def test_photos_are_asked_for_a_few_ahead_and_not_kept(tiny_model, batch):
    model = StrongPose.from_pretrained(tiny_model, threads=1)
    asked: list[weakref.ref] = []

    def images():
        for _ in range(20):
            image = np.zeros((40, 60, 3), np.uint8)
            asked.append(weakref.ref(image))
            yield image

    alive, ahead = [], []
    results = model.predict_many(images(), batch)
    assert asked == []
    for done, _ in enumerate(results, start=1):
        ahead.append(len(asked) - done)
        alive.append(sum(ref() is not None for ref in asked))
    assert done == 20
    assert max(ahead) == (AHEAD + 1) * batch - 1
    assert max(alive) <= 1  # the one that the generator above holds
    predictions = model.predictions(images(), batch)
    alive = [sum(ref() is not None for ref in asked) for _ in predictions]
    assert max(alive) <= (AHEAD + 2) * batch


def test_arrays_and_pillow_images_may_be_reused_at_once(tiny_model, paths):
    model = StrongPose.from_pretrained(tiny_model, threads=1)

    def reused():
        buffer = np.zeros((40, 60, 3), np.uint8)
        for value in range(8):
            buffer[:] = 30 * value
            yield buffer

    for value, prediction in enumerate(model.predictions(reused())):
        assert (prediction.fitted.pixels[:40, :60] == 30 * value).all()

    def closed():
        for path in paths:
            with Image.open(path) as image:
                yield image

    assert len(list(model.predict_many(closed()))) == len(paths)


def test_closing_early_ends_the_threads_soon(base, paths):
    before = threading.active_count()
    results = base.predict_many(paths * 100, batch=2)
    next(results)
    assert len(threads()) == 2
    start = time.perf_counter()
    results.close()
    assert time.perf_counter() - start < 20  # 400 photos take minutes
    assert threading.active_count() == before
    results = base.predict_many(paths * 100)
    next(results)
    del results
    gc.collect()
    assert threads() == []


def test_errors_of_the_source_come_after_the_photos_before_them(tiny_model):
    model = StrongPose.from_pretrained(tiny_model, threads=1)

    def images():
        for _ in range(3):
            yield np.zeros((40, 60, 3), np.uint8)
        raise OSError("the camera is gone")

    for batch in (1, 2, 8):
        results = model.predict_many(images(), batch)
        assert [len(next(results)) for _ in range(3)] == [0, 0, 0]
        with pytest.raises(OSError, match="the camera is gone"):
            next(results)
        assert threads() == []


def test_errors_of_the_network_are_raised_in_their_turn():
    def run(group: list[int]) -> list[int]:
        if 4 in group:
            raise RuntimeError("the network is out of memory")
        return [10 * value for value in group]

    results = overlap(["0", "1", "2", "3", "4", "5"], lambda image: int(str(image)), run, 2)
    assert [next(results) for _ in range(4)] == [0, 10, 20, 30]
    with pytest.raises(RuntimeError, match="out of memory"):
        next(results)
    assert threads() == []


def test_an_interrupt_ends_the_threads(base, paths):
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.3, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT])
    try:
        with pytest.raises(KeyboardInterrupt):
            timer.start()
            for _ in base.predict_many(paths * 100):
                pass
    finally:
        timer.join()
        signal.signal(signal.SIGINT, handler)
    gc.collect()
    assert threads() == []


def test_opening_network_and_caller_work_at_the_same_time():
    """Each takes its time of 10 photos; together not much longer than one of them."""
    at_once: list[int] = []
    lock, busy = threading.Lock(), set()

    def work(who: str) -> None:
        with lock:
            busy.add(who)
            at_once.append(len(busy))
        time.sleep(0.02)
        with lock:
            busy.discard(who)

    def opened(image):
        work("open")
        return image

    def run(group):
        work("network")
        return group

    for number, found in enumerate(overlap([str(i) for i in range(10)], opened, run)):
        assert found == str(number)
        work("caller")
    assert max(at_once) == 3


def test_batches_hold_at_least_one_photo(tiny_model):
    model = StrongPose(OnnxRuntime(tiny_model, 1))
    for many in (model.predict_many, model.predictions):
        with pytest.raises(ValueError, match="batch must be at least 1 photo, got 0"):
            many([], batch=0)
