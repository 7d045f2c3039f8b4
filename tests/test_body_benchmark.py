"""What is measured of the body heat map: ranks by body, duplicates, and the script on drawn people."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pictures import person, write_dataset

from strongpose import Poses
from strongpose.fields import Fields
from strongpose.skeleton import COCO

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import body  # noqa: E402
from body import Setting  # noqa: E402
from bootstrap import Matches  # noqa: E402


@pytest.fixture(scope="module")
def crowd():
    """Two people apart, the second one's double, and a pose where there is nobody; drawn, and the body heat map."""
    rng = np.random.default_rng(0)
    first, second, wrong = (person(x, 20, 200, rng) for x in (80, 220, 360))
    keypoints = np.stack([first, second, wrong, second + np.array([4, 4, 0])]) / (1, 1, 2)
    poses = Poses(keypoints, [0.9, 0.8, 0.7, 0.6])
    k, edges, size = len(COCO.names), 2 * len(COCO.edges), (32, 60)
    maps = (np.zeros((k, *size)), np.zeros((k, 2, *size)), np.zeros((edges, 2, *size)))
    empty = Fields(*maps, np.zeros(size), 8, COCO)
    drawn = body.drawn_bodies(poses, empty)
    return poses, drawn, drawn[:2].max(axis=0).reshape(size)


@pytest.mark.parametrize(
    ("setting", "people", "scores"),
    [
        (Setting(), [0, 1, 2, 3], [0.9, 0.8, 0.7, 0.6]),
        (Setting(overlap=0.7), [0, 1, 2], [0.9, 0.8, 0.7]),
        (Setting(overlap=0.7, left=0.5), [0, 1, 2, 3], [0.9, 0.8, 0.7, 0.3]),
    ],
)
def test_the_double_is_dropped_or_weakened(crowd, setting, people, scores):
    poses, drawn, heat = crowd
    found = body.with_body(poses, drawn, heat, setting)
    np.testing.assert_array_equal(found.keypoints, poses.keypoints[people])
    assert found.scores.tolist() == pytest.approx(scores)


def test_a_pose_where_there_is_no_body_ranks_last(crowd):
    poses, drawn, heat = crowd
    found = body.with_body(poses, drawn, heat, Setting(rank=0.5))
    np.testing.assert_array_equal(found.keypoints, poses.keypoints[[0, 1, 3, 2]])
    assert found.scores.tolist()[:2] == pytest.approx([0.9, 0.8]) and found.scores[3] < 0.1


def test_nobody_stays_nobody(crowd):
    assert len(body.with_body(Poses.empty(), np.zeros((0, 1920)), crowd[2], Setting(overlap=0.7))) == 0


def test_false_positives_are_counted_where_as_many_people_are_found():
    def matches(*hits):
        hits = np.array([hits], dtype=bool)
        return Matches(np.array([0.9, 0.8, 0.3, 0.2]), np.array([0, 0, 0, 1]), hits, ~hits & False, np.array([2, 2]))

    complete = np.array([True, False])
    plain = matches(True, False, True, False)
    assert body.shown(plain, plain, complete, 0.25) == (2, 1, 1)
    assert body.shown(matches(False, True, True, True), plain, complete, 0.5) == (1, 1, 1)
    assert body.shown(matches(False, False, True, True), plain, complete, 0.1)[2] == 2  # never so many
    assert body.without_wrong(plain).scores.tolist() == [0.9, 0.3]


def test_the_script_measures_several_files_as_one_set(tmp_path):
    whole = json.loads(write_dataset(tmp_path, 4).read_text())
    (tmp_path / "people").rename(tmp_path / "images")
    files = [tmp_path / "first.json", tmp_path / "second.json"]
    for file, some in zip(files, ((0, 1), (2, 3)), strict=True):
        images = [image for image in whole["images"] if image["id"] in some]
        people = [each for each in whole["annotations"] if each["image_id"] in some]
        file.write_text(json.dumps({**whole, "images": images, "annotations": people}))
    command = [sys.executable, BENCHMARKS / "body.py", "fast", *files, "--size", "193", "--together.gate", "0.2"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("4 photos; found and false: people a photo, on the 4 annotated completely")
    lines = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    assert [line[0] for line in lines[1:-1]] == ["off", *map(str, body.SETTINGS)]
    assert lines[-1][0].startswith("gate 0.2, ") and "by dropping false positives: +" in done.stdout
