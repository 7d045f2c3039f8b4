"""Pictures made of people who are cut out of photos: where they are, and who is in front."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from pictures import annotation, draw, person

from strongpose.skeleton import COCO

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import cutouts


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Cut out of two drawn photos of three people, of whom one's wrist is not annotated."""
    folder, rng = tmp_path_factory.mktemp("cutouts"), np.random.default_rng(5)
    groups = [[person(150, 40, 300, rng)], [person(80, 60, 280, rng), person(230, 60, 280, rng)]]
    groups[1][1][COCO.names.index("left_wrist")] = 0
    images, annotations = [], []
    for i, group in enumerate(groups, start=1):
        cv2.imwrite(str(folder / f"{i}.png"), draw(group, 320, 400, rng)[..., ::-1])
        images.append({"id": i, "file_name": f"{i}.png"})
        annotations += [annotation(len(annotations) + 1 + k, i, keypoints) for k, keypoints in enumerate(group)]
    category = {"id": 1, "name": "person", "keypoints": list(COCO.names)}
    path = folder / "annotations.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [category]}))
    return cutouts.cut_people(path, folder)


def test_whole_people_are_cut_out_along_their_keypoints(people):
    assert len(people) == 2
    for one in people:
        assert one.height == pytest.approx(np.ptp(one.keypoints[:, 1]), rel=0.1)
        assert one.pixels.shape[:2] == one.opacity.shape
        x, y = one.keypoints[:, :2].round().astype(int).T
        assert (one.opacity[y, x] > 0.4).all() and one.opacity.mean() < 0.7


def test_nobody_to_cut_out_is_said_in_one_line(tmp_path):
    path = tmp_path / "small.json"
    category = {"id": 1, "name": "person", "keypoints": list(COCO.names)}
    small = [annotation(1, 1, person(20, 20, 100, np.random.default_rng(0)))]
    images = [{"id": 1, "file_name": "1.png"}]
    path.write_text(json.dumps({"images": images, "annotations": small, "categories": [category]}))
    with pytest.raises(SystemExit, match=r"small\.json: nobody upright is annotated"):
        cutouts.cut_people(path, tmp_path)


def test_a_mirrored_cut_trades_left_for_right(people):
    one, other = people[0], people[0].mirrored()
    wrist, width = COCO.names.index("left_wrist"), one.pixels.shape[1]
    mirror = COCO.names.index("right_wrist")
    assert other.keypoints[mirror, 0] == width - 1 - one.keypoints[wrist, 0]
    np.testing.assert_allclose(other.mirrored().keypoints, one.keypoints)


@pytest.mark.parametrize("count", [3, 60])
def test_a_crowd_holds_so_many_people_where_its_keypoints_say(people, count):
    pixels, keypoints = cutouts.crowd(people, count, np.random.default_rng(0))
    assert keypoints.shape == (count, 17, 3) and pixels.shape == (cutouts.HALL_HEIGHT, cutouts.HALL_WIDTH, 3)
    assert np.ptp(keypoints[..., 1], axis=1) == pytest.approx(cutouts.TALL, rel=0.15)
    np.testing.assert_array_equal(cutouts.crowd(people, count, np.random.default_rng(0))[0], pixels)
    nose = keypoints[:, 0, :2].round().astype(int)
    colours = pixels[nose[:, 1], nose[:, 0]].astype(int)
    yellow = (colours[:, 0] > 150) & (colours[:, 2] < 110)  # as drawn there
    assert yellow.mean() > 0.9


@pytest.mark.parametrize("way", cutouts.PAIRS)
def test_two_people_meet_and_the_one_behind_is_hidden(people, way):
    """Both are seen at the start and at the end; the one behind, who is the first, is hidden, or half of it."""
    clip = list(cutouts.pair_clip(people, 0, way, "different"))
    times, pictures, truth = zip(*clip, strict=True)
    assert len(clip) == 38 and times[-1] == pytest.approx(37 / cutouts.PAIR_RATE)
    assert pictures[0].shape == (cutouts.HEIGHT, cutouts.WIDTH, 3)
    ids = [there.ids.tolist() for there in truth]
    assert ids[0] == ids[-1] == [1, 2] and [1] not in ids
    assert ([2] in ids) == (way != "turn back")
    sides = [np.sign(np.diff(there.poses.keypoints[:, 0, 0]).item()) for there in truth if len(there) == 2]
    assert (sides[0] == sides[-1]) == (way == "turn back")


def test_a_clip_of_a_crowd_is_the_same_again(people):
    first, again = (next(cutouts.crowd_clip(people * 2, 3)) for _ in range(2))
    np.testing.assert_array_equal(first[1], again[1])
    assert len(first[2]) == cutouts.CLIP_PEOPLE
