"""examples/motion.py: its words on a short film of a photo, and its rules on drawn poses."""

from __future__ import annotations

import contextlib
import importlib.util
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from pictures import STANDING

from strongpose import COCO
from strongpose.images import open_image
from strongpose.video import VideoWriter

EXAMPLE = Path(__file__).parents[2] / "examples" / "motion.py"


@pytest.fixture(scope="module")
def motion():
    spec = importlib.util.spec_from_file_location("motion_example", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pose(**moved):
    """(17, 3) somebody standing, 100 pixels tall, with joints put elsewhere: left_knee=(x, y) in body heights."""
    points = STANDING.copy()
    for name, place in moved.items():
        points[COCO.names.index(name)] = place
    return np.concatenate([100 * points, np.full((17, 1), 0.7)], axis=1)


def lying():
    return pose()[:, [1, 0, 2]]


def bent_over():
    points = pose()
    points[:11, :2] = points[:11, 1::-1] + [-52, 52]  # the trunk forwards, the legs below it
    return points


SEATED = {"left_knee": (0.2, 0.54), "right_knee": (0.18, 0.56), "left_ankle": (0.2, 0.76), "right_ankle": (0.18, 0.78)}


@pytest.mark.parametrize(("pixels", "expected"), [(0, ["standing"]), (10, ["standing", "walking"])])
def test_it_prints_what_somebody_in_a_film_does(motion, pixels, expected, photos, tmp_path, monkeypatch, capsys):
    photo = cv2.resize(open_image(photos / "group.jpg"), (600, 210), interpolation=cv2.INTER_AREA)
    with VideoWriter(tmp_path / "film.mp4", Fraction(10)) as writer:
        for n in range(10):
            writer.write(np.roll(photo, pixels * n, axis=1), n / 10)
    monkeypatch.setattr("sys.argv", ["motion.py", str(tmp_path / "film.mp4")])
    motion.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("person 1 ")[1] for line in lines] == expected


@pytest.mark.parametrize(
    ("keypoints", "words"),
    [
        (pose(), ("standing",)),
        (pose(**SEATED), ("sitting",)),
        (lying(), ("lying",)),
        (bent_over(), ()),
        (pose(left_wrist=(0.2, -0.1)), ("standing", "hand raised")),
    ],
    ids=["standing", "sitting", "lying", "bent over", "hand raised"],
)
def test_one_moment_is_enough_for_postures(motion, keypoints, words):
    assert motion.describe(np.zeros(1), keypoints[None]) == words


def test_walking_takes_a_while_and_hips_that_are_seen(motion):
    times = np.arange(7) / 10
    keypoints = np.stack([pose() for _ in times])
    keypoints[..., 0] += 40 * times[:, None]  # 0.4 body heights a second
    assert motion.describe(times, keypoints) == ("walking",)
    assert motion.describe(times[:4], keypoints[:4]) == ("standing",)
    keypoints[:, [11, 12], 2] = 0.1
    assert motion.describe(times, keypoints) == ()


def ended(motion, monkeypatch, *arguments):
    """The line with which the script ends."""
    monkeypatch.setattr("sys.argv", ["motion.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        motion.main()
    assert end.value.code.startswith("motion.py: ")
    assert "\n" not in end.value.code
    return end.value.code.removeprefix("motion.py: ")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nope.mp4", "nope.mp4: no such file"),
        ("empty.mp4", "empty.mp4: the file is empty"),
        (".", ".: is a folder"),
        ("group.jpg", "group.jpg: is a photo"),
        ("77", "camera 77: "),
    ],
)
def test_what_is_no_video_is_one_line(motion, monkeypatch, tmp_path, photos, source, message):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "group.jpg").write_bytes((photos / "group.jpg").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert ended(motion, monkeypatch, source).startswith(message)


def with_keypoints(motion, monkeypatch, names):
    """Let the model find keypoints of these names."""
    model = SimpleNamespace(info=SimpleNamespace(skeleton=SimpleNamespace(names=names)))
    monkeypatch.setattr(motion.StrongPose, "from_pretrained", lambda name: model)


def test_models_are_refused_that_do_not_exist_or_lack_keypoints(motion, monkeypatch):
    assert ended(motion, monkeypatch, "film.mp4", "--model", "nope").startswith("nope: no such model")
    with_keypoints(motion, monkeypatch, COCO.names[:15])
    expected = "fast: has no keypoints left_ankle, right_ankle; name a model that has all of COCO's"
    assert ended(motion, monkeypatch, "film.mp4", "--model", "fast") == expected


def test_keypoints_are_found_by_name(motion, monkeypatch, capsys):
    with_keypoints(motion, monkeypatch, ("neck", *reversed(COCO.names)))
    keypoints = np.concatenate([np.zeros((1, 3)), pose(**SEATED)[::-1]])
    people = SimpleNamespace(ids=np.array([4]), time=0.0, poses=SimpleNamespace(keypoints=keypoints[None]))
    track = [(SimpleNamespace(time=0.0), people)]
    monkeypatch.setattr(motion, "VideoEstimator", lambda model: SimpleNamespace(track=lambda *_, **__: track))
    monkeypatch.setattr(motion, "open_video", lambda source: contextlib.nullcontext(SimpleNamespace(live=False)))
    motion.watch("film.mp4", "own.onnx")
    assert capsys.readouterr().out == "0.00 s: person 4 sitting\n"
