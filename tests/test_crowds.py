"""Crowds put together from people cut out of photos, and the picture of how time grows with them."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import cv2
import numpy as np
import pytest
from pictures import annotation, draw, person

from strongpose import Poses
from strongpose.skeleton import COCO

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import crowds  # noqa: E402
import crowds_chart  # noqa: E402


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Two drawn photos: one person alone, and two of whom one covers the other."""
    folder, rng = tmp_path_factory.mktemp("crowds"), np.random.default_rng(5)
    people = [[person(150, 40, 300, rng)], [person(120, 60, 280, rng), person(150, 60, 280, rng)]]
    images, annotations = [], []
    for i, group in enumerate(people, start=1):
        cv2.imwrite(str(folder / f"{i}.png"), draw(group, 320, 400, rng)[..., ::-1])
        images.append({"id": i, "file_name": f"{i}.png"})
        for keypoints in group:
            annotations.append(annotation(len(annotations) + 1, i, keypoints))
    category = {"id": 1, "name": "person", "keypoints": list(COCO.names)}
    data = {"images": images, "annotations": annotations, "categories": [category]}
    (folder / "annotations.json").write_text(json.dumps(data))
    return folder, data


def test_only_people_whom_nobody_covers_are_cut_out(dataset):
    folder, data = dataset
    cuts = crowds.cut_people(data, folder)
    assert len(cuts) == 1
    height = np.ptp(cuts[0].keypoints[:, 1])
    assert height == pytest.approx(crowds.TALL, rel=0.01)
    assert cuts[0].pixels.shape[0] == pytest.approx(crowds.TALL * (1 + 2 * crowds.MARGIN), abs=2)


def test_covered_is_the_share_of_the_first_box():
    assert crowds.covered((0, 0, 10, 10), (5, 0, 100, 5)) == 0.25
    assert crowds.covered((0, 0, 10, 10), (20, 0, 10, 10)) == 0


def test_a_mirrored_cut_trades_left_for_right(dataset):
    one = crowds.cut_people(dataset[1], dataset[0])[0]
    other = crowds.mirrored(one)
    wrist, width = COCO.names.index("left_wrist"), one.pixels.shape[1]
    mirror = COCO.names.index("right_wrist")
    assert other.keypoints[mirror, 0] == width - 1 - one.keypoints[wrist, 0]
    np.testing.assert_allclose(crowds.mirrored(other).keypoints, one.keypoints)


@pytest.mark.parametrize("people", [1, 20, 60])
def test_a_crowd_holds_so_many_people_where_its_keypoints_say(dataset, people):
    cuts = crowds.cut_people(dataset[1], dataset[0])
    crowd = crowds.compose(cuts, people, np.random.default_rng(0))
    assert crowd.people.shape == (people, 17, 3) and crowd.pixels.shape == (crowds.HEIGHT, crowds.WIDTH, 3)
    again = crowds.compose(cuts, people, np.random.default_rng(0))
    np.testing.assert_array_equal(again.pixels, crowd.pixels)
    nose = crowd.people[:, 0, :2].round().astype(int)
    colours = crowd.pixels[nose[:, 1], nose[:, 0]].astype(int)
    yellow = (colours[:, 0] > 150) & (colours[:, 2] < 110)  # as drawn there
    assert yellow.mean() > 0.9


def test_people_count_once_and_only_among_the_best_poses():
    rng = np.random.default_rng(1)
    people = np.stack([person(100, 100, 170, rng), person(500, 100, 170, rng)])
    far = person(900, 100, 170, rng)

    def poses(*found):
        return Poses(np.stack(found) / (1, 1, 2), np.linspace(1, 0.5, len(found)))

    assert crowds.count(poses(people[1], people[0]), people) == 2
    assert crowds.count(poses(people[0], people[0]), people) == 1
    assert crowds.count(poses(far, people[0], people[1]), people) == 1  # the third is not among the two best
    assert crowds.count(Poses.empty(), people) == 0


def test_the_script_measures_and_its_figures_are_drawn(dataset, tmp_path):
    folder, figures, chart = dataset[0], tmp_path / "crowds.csv", tmp_path / "chart.svg"
    measure = [BENCHMARKS / "crowds.py", folder / "annotations.json", folder, "--people", "1", "3"]
    measure += ["--pictures", "1", "--repeats", "1", "--sizes", "257", "--threads", "1", "--csv", figures]
    done = subprocess.run([sys.executable, *map(str, measure)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with figures.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["people"]) for row in rows] == [1, 3]
    assert all(0 < float(row["network_ms"]) < float(row["median_ms"]) for row in rows)
    assert "| ms a picture, by number of people | 1 | 3 |" in done.stdout

    [line] = crowds_chart.chart(crowds_chart.read(figures)).axes[0].lines
    assert line.get_xydata().tolist() == [[int(row["people"]), float(row["median_ms"])] for row in rows]
    crowds_chart.main(crowds_chart.Arguments(figures, chart, names=("ours & fast",)))
    words = [element.text for element in ET.parse(chart).getroot().iter("{http://www.w3.org/2000/svg}text")]
    assert {"ours & fast", "people in the picture", "milliseconds a picture (median)"} <= set(words)


def test_too_many_people_are_refused(dataset):
    arguments = crowds.Arguments(dataset[0] / "annotations.json", dataset[0], people=(61,))
    with pytest.raises(SystemExit, match="places for 60 people, got --people 61"):
        crowds.main(arguments)
