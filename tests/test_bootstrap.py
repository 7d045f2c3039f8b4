"""The paired bootstrap over photos, against the library's average precision."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from pictures import annotation, person

from strongpose import Poses
from strongpose.evaluation import evaluate_results
from strongpose.skeleton import COCO

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import bootstrap

PHOTOS = 8


def made_up(rng):
    """Photos with people, a crowd and somebody without keypoints; poses that are right, inexact, double and wrong."""
    images = [{"id": i, "file_name": f"{i}.jpg", "width": 640, "height": 480} for i in range(1, PHOTOS + 1)]
    people, results = [], []
    for image in images:
        found = []
        for x in (100, 250, 400, 550)[: image["id"] % 5]:
            keypoints = person(x, 60, rng.uniform(100, 300), rng)
            people.append(annotation(len(people) + 1, image["id"], keypoints))
            found += [keypoints + rng.normal(0, spread, (17, 3)) for spread in rng.uniform(0, 15, 2)]
        for x in (300, 500)[: image["id"] % 3]:
            keypoints = person(x, 200, 200, rng)
            found += [keypoints + shift for shift in rng.normal(0, 60, (3, 1, 3))]
            people.append(annotation(len(people) + 1, image["id"], keypoints))
            people[-1].update(keypoints=[0.0] * 51, num_keypoints=0, iscrowd=int(x == 300))
        found += [person(rng.uniform(0, 600), 100, 100, rng) for _ in range(image["id"])]
        if found:
            keypoints = np.clip(np.stack(found), 0, None) / (1, 1, 4)
            results += Poses(keypoints, rng.permutation(len(found)) / 50).to_coco(image["id"])
    category = {"id": 1, "name": "person", "keypoints": list(COCO.names)}
    return {"images": images, "annotations": people, "categories": [category]}, results


def repeated(data, results, times):
    """Each photo so often."""
    images, people, poses = [], [], []
    for image, count in zip(data["images"], times, strict=True):
        for _ in range(count):
            new = len(images) + 1
            images.append({**image, "id": new, "file_name": f"{new}.jpg"})
            people += [{**p, "image_id": new} for p in data["annotations"] if p["image_id"] == image["id"]]
            poses += [{**pose, "image_id": new} for pose in results if pose["image_id"] == image["id"]]
    people = [{**p, "id": i} for i, p in enumerate(people, start=1)]
    return {**data, "images": images, "annotations": people}, poses


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_is_the_librarys_also_of_photos_drawn_more_than_once(seed):
    rng = np.random.default_rng(seed)
    data, results = made_up(rng)
    matches = bootstrap.match(results, data, COCO.sigmas)
    assert matches.ignored.any() and matches.hits.any() and not matches.hits.all()
    weights = np.stack([np.ones(PHOTOS, dtype=int), rng.multinomial(PHOTOS, np.full(PHOTOS, 1 / PHOTOS))])
    for found, times in zip(bootstrap.average_precision(matches, weights), weights, strict=True):
        expected_data, expected_results = repeated(data, results, times)
        expected = evaluate_results(expected_results, expected_data, COCO.sigmas).ap
        assert 0 < expected < 1
        assert found == pytest.approx(expected, abs=1e-6)


def test_the_difference_is_zero_to_itself_and_its_interval_holds_the_value():
    data, results = made_up(np.random.default_rng(1))
    matches = bootstrap.match(results, data, COCO.sigmas)
    assert bootstrap.difference(matches, matches, resamples=10) == (0, 0, 0)
    right = [pose for pose in results if pose["score"] > 0.2]
    fewer = bootstrap.match(right, data, COCO.sigmas)
    gain = bootstrap.difference(fewer, matches, resamples=200)
    assert gain == bootstrap.difference(fewer, matches, resamples=200)
    assert gain.low < gain.value < gain.high
    whole = np.ones((1, PHOTOS), dtype=int)
    both = [bootstrap.average_precision(each, whole)[0] for each in (fewer, matches)]
    assert gain.value == pytest.approx(both[1] - both[0])
    back = bootstrap.difference(matches, fewer, resamples=200)
    assert back == pytest.approx((-gain.value, -gain.high, -gain.low))


def test_samples_without_people_and_systems_without_poses():
    data, results = made_up(np.random.default_rng(2))
    matches = bootstrap.match(results, data, COCO.sigmas)
    nobody = np.where(matches.people == 0, 3, 0)[None]  # the fifth photo
    assert np.isnan(bootstrap.average_precision(matches, nobody)).all()
    silent = bootstrap.match([], data, COCO.sigmas)
    assert bootstrap.average_precision(silent, np.ones((1, PHOTOS), dtype=int)) == 0
