"""The study of the decoder: what is counted, true similarities, and every table on drawn people."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import tyro
from pictures import annotation, person, write_dataset

from strongpose import DecodeOptions, Poses
from strongpose.skeleton import COCO

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import decoder
from bootstrap import Matches
from results_file import read_results


def test_people_found_and_false_positives_are_counted_on_complete_photos():
    hits = np.array([[True, False, True, False, True]])
    ignored = np.array([[False, False, False, True, False]])
    scores, photos = np.array([0.9, 0.8, 0.3, 0.3, 0.2]), np.array([0, 0, 2, 2, 1])
    matches = Matches(scores, photos, hits, ignored, np.array([2, 2, 1]))
    complete = np.array([True, False, True])
    assert decoder.shown(matches, complete, 0.25) == (1.0, 0.5)  # two are right, one is wrong, on two photos
    assert decoder.shown(matches, complete, 0.5) == (0.5, 0.5)
    assert decoder.precision_and_recall(matches, 0.25) == pytest.approx((2 / 3, 2 / 5, 4 / 8))
    assert decoder.precision_and_recall(matches, 0.95) == (0, 0, 0)


def test_every_pose_is_compared_with_the_person_it_resembles_most():
    rng = np.random.default_rng(0)
    near, hidden, crowd = (person(x, 20, 200, rng) for x in (80, 300, 500))
    hidden[0, 2] = 0
    people = [annotation(i, 0, keypoints) for i, keypoints in enumerate((near, hidden, crowd))]
    people[2]["iscrowd"] = 1
    nowhere = person(900, 20, 200, rng)
    poses = Poses(np.stack([near, hidden, near, crowd, nowhere]) / (1, 1, 2), [0.9, 0.8, 0.7, 0.6, 0.5])
    of_keypoints, of_people = decoder.true_similarities(poses, people, np.array(COCO.sigmas))
    np.testing.assert_allclose(of_people, [1, 1, 0, np.nan, 0], atol=1e-6)  # the third is a duplicate of the first
    assert np.isnan(of_keypoints[1, 0]) and of_keypoints[1, 1:].min() > 0.99
    np.testing.assert_array_equal(np.isnan(of_keypoints).sum(axis=1), [0, 1, 0, 17, 0])


def test_deciles_are_those_of_the_prediction():
    predicted = np.random.default_rng(0).permutation(100) / 100
    found = decoder.deciles(predicted, predicted**2)
    np.testing.assert_allclose(found[:, 0], [*np.arange(10) / 10 + 0.045, 0.495])
    assert found[3, 1] == pytest.approx((np.arange(30, 40) ** 2).mean() / 1e4)


@pytest.fixture(scope="module")
def two_files(tmp_path_factory):
    """Four drawn photos, annotated in two files."""
    folder = tmp_path_factory.mktemp("drawn")
    whole = json.loads(write_dataset(folder, 4).read_text())
    (folder / "people").rename(folder / "images")
    files = [folder / "first.json", folder / "second.json"]
    for file, some in zip(files, ((0, 1), (2, 3)), strict=True):
        images = [image for image in whole["images"] if image["id"] in some]
        people = [each for each in whole["annotations"] if each["image_id"] in some]
        file.write_text(json.dumps({**whole, "images": images, "annotations": people}))
    return files


FEW = {"nothing": {}, "no suppression": decoder.CHANGES["no suppression"]}


@pytest.mark.parametrize(
    ("table", "options", "columns", "first"),
    [
        ("ablation", ["--models", "base"], 8, list(FEW)),
        ("calibration", ["--model", "base"], 7, [*map(str, range(1, 11)), "all"]),
        ("thresholds", ["--models", "base", "fast"], 7, list(decoder.THRESHOLDS)),
    ],
)
def test_every_table_is_made_of_several_files_as_one_set(
    two_files, tmp_path, monkeypatch, capsys, table, options, columns, first
):
    monkeypatch.setattr(decoder, "CHANGES", FEW)
    arguments = [table, *map(str, two_files), *options, "--json", str(tmp_path / "out.json")]
    decoder.main(tyro.cli(decoder.Ablation | decoder.Calibration | decoder.Thresholds, args=arguments))
    results = read_results(tmp_path / "out.json")
    assert len(results.columns) == columns and [row[0] for row in results.rows] == first
    assert capsys.readouterr().out.count("\n") == len(first) + 2


def test_all_changes_are_options_of_the_decoder():
    for change in decoder.CHANGES.values():
        DecodeOptions(**change)
