"""Classifying errors: OKS as pycocotools has it, matching, and every kind on people whose errors are known."""

from __future__ import annotations

import contextlib
import copy
import io

import numpy as np
import pytest
from made_up_results import made_up
from pictures import STANDING
from pycocotools.coco import COCO as Truth
from pycocotools.cocoeval import COCOeval

from strongpose.evaluation import evaluate_results
from strongpose.evaluation.diagnosis import (
    DetectionKind,
    KeypointKind,
    People,
    PersonKind,
    classify_data_set,
    classify_photo,
)
from strongpose.evaluation.diagnosis.people import object_similarities, similarities_to_people
from strongpose.skeleton import COCO

HEIGHT = 200.0
AREA = 10_000.0
LEFT_ANKLE, RIGHT_ANKLE = COCO.names.index("left_ankle"), COCO.names.index("right_ankle")


def standing(x: float) -> np.ndarray:
    """(17, 3) a person 200 pixels tall at x, all keypoints sure or visible."""
    return np.concatenate([STANDING * HEIGHT + [x, 20], np.full((17, 1), 2.0)], axis=1)


def people(*keypoints: np.ndarray, ignored: tuple[bool, ...] = ()) -> People:
    points = np.stack(keypoints)
    low, high = points[..., :2].min(axis=1), points[..., :2].max(axis=1)
    mask = np.array(ignored or [False] * len(points))
    return People(points, np.full(len(points), AREA), np.concatenate([low, high], axis=1), mask)


def sort(who: People, *detections: np.ndarray, scores: tuple[float, ...] = ()):
    found = np.array(detections, dtype=float).reshape(-1, 17, 3)
    return classify_photo(7, who, found, np.array(scores or [0.9] * len(found)), COCO)


def moved(points: np.ndarray, keypoint: int, similarity: float, area: float = AREA) -> np.ndarray:
    """The pose with one keypoint moved down until its similarity is as given."""
    out = points.copy()
    out[keypoint, 1] += np.sqrt(-2 * area * (2 * COCO.sigmas[keypoint]) ** 2 * np.log(similarity))
    return out


def test_keypoint_similarity_of_a_known_distance():
    # ankle: σ .089, area 10,000: exp(−10² / (2 · 10,000 · .178²)) = exp(−.15781)
    points = standing(100)
    points[LEFT_ANKLE, 0] += 10
    similar = similarities_to_people(points[None, :, :2], people(standing(100)), np.array(COCO.sigmas))
    assert similar.shape == (1, 1, 17)
    assert similar[0, 0, LEFT_ANKLE] == pytest.approx(0.854014, abs=1e-6)
    assert np.delete(similar[0, 0], LEFT_ANKLE) == pytest.approx(1)
    oks = object_similarities(points[None, :, :2], people(standing(100)), np.array(COCO.sigmas))
    assert oks[0, 0] == pytest.approx((16 + 0.854014) / 17, abs=1e-6)


def test_oks_is_that_of_pycocotools():
    """Also of crowds, and of people without labelled keypoints."""
    data, results = made_up()
    for annotation in data["annotations"][::5]:
        annotation.update(keypoints=[0] * 51, num_keypoints=0)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = Truth()
        truth.dataset = copy.deepcopy(data)
        truth.createIndex()
        run = COCOeval(truth, truth.loadRes(copy.deepcopy(results)), "keypoints")
        run.params.kpt_oks_sigmas = np.array(COCO.sigmas)
        run.evaluate()
    photos = classify_data_set(data, results, COCO)
    assert len(photos) == 6
    for photo in photos:
        assert photo.oks.shape == (20, 3)
        np.testing.assert_allclose(photo.oks, run.ious[photo.image_id, 1], atol=1e-12)


def test_found_people_are_cocos_recall_at_50():
    data, results = made_up(noise=20)
    photos = classify_data_set(data, results, COCO)
    kinds = [photo.person_kind(i, 0.0) for photo in photos for i in np.flatnonzero(~photo.people.ignored)]
    assert 0 < kinds.count(PersonKind.FOUND) < len(kinds)
    recall = evaluate_results(results, data, COCO.sigmas).ar50
    assert kinds.count(PersonKind.FOUND) / len(kinds) == pytest.approx(recall)


def test_a_perfect_pose_is_good_and_found_from_its_score():
    photo = sort(people(standing(100)), standing(100), scores=(0.2,))
    assert (photo.keypoint_kinds == KeypointKind.GOOD).all()
    assert photo.person_kind(0, 0.2) is PersonKind.FOUND
    assert photo.person_kind(0, 0.25) is PersonKind.LOW_SCORE
    assert photo.person_oks(0) == pytest.approx(1)
    assert photo.person_oks(0, 0.25) == 0


@pytest.mark.parametrize(
    ("similarity", "kind"),
    [
        (0.86, KeypointKind.GOOD),
        (0.84, KeypointKind.JITTER),
        (0.51, KeypointKind.JITTER),
        (0.49, KeypointKind.MISS),
    ],
)
def test_good_jitter_and_miss_part_at_85_and_50(similarity, kind):
    photo = sort(people(standing(100)), moved(standing(100), LEFT_ANKLE, similarity))
    assert photo.keypoint_kinds[0, LEFT_ANKLE] == kind
    assert photo.similarities[0, LEFT_ANKLE] == pytest.approx(similarity)
    assert (np.delete(photo.keypoint_kinds[0], LEFT_ANKLE) == KeypointKind.GOOD).all()


def test_a_point_at_the_own_mirror_keypoint_is_an_inversion():
    found = standing(100)
    found[LEFT_ANKLE] = found[RIGHT_ANKLE]  # both legs on one side: the left one is wrong
    kinds = sort(people(standing(100)), found).keypoint_kinds[0]
    assert kinds[LEFT_ANKLE] == KeypointKind.INVERSION
    assert kinds[RIGHT_ANKLE] == KeypointKind.GOOD


def test_a_mirror_keypoint_that_is_not_labelled_explains_nothing():
    annotated, found = standing(100), standing(100)
    found[LEFT_ANKLE] = found[RIGHT_ANKLE]
    annotated[RIGHT_ANKLE] = 0
    kinds = sort(people(annotated), found).keypoint_kinds[0]
    assert kinds[LEFT_ANKLE] == KeypointKind.MISS
    assert kinds[RIGHT_ANKLE] == KeypointKind.UNKNOWN


@pytest.mark.parametrize(("count", "merged_with"), [(2, -1), (3, 1)])
def test_three_keypoints_of_another_person_are_a_merger(count, merged_with):
    found = standing(100)
    found[-count:] = standing(300)[-count:]
    photo = sort(people(standing(100), standing(300)), found)
    assert photo.detections.tolist() == [0, -1]
    assert (photo.keypoint_kinds[0] == KeypointKind.SWAP).sum() == count
    assert photo.merged_with.tolist() == [merged_with, -1]
    assert photo.person_kind(1, 0.25) is PersonKind.MISSED


def test_the_second_detection_of_a_person_is_a_duplicate_and_one_of_nobody_is_false():
    photo = sort(people(standing(100)), standing(101), standing(500), standing(100), scores=(0.3, 0.8, 0.9))
    assert photo.scores.tolist() == [0.9, 0.8, 0.3]
    assert photo.kinds.tolist() == [DetectionKind.MATCHED, DetectionKind.FALSE, DetectionKind.DUPLICATE]
    assert photo.persons.tolist() == [0, -1, 0]
    assert photo.shown(DetectionKind.FALSE, 0.25).tolist() == [1]
    assert photo.shown(DetectionKind.FALSE, 0.85).tolist() == []


def test_detections_of_ignored_people_are_neither_false_nor_matched():
    photo = sort(people(standing(100), ignored=(True,)), standing(100), standing(102))
    assert photo.kinds.tolist() == [DetectionKind.IGNORED, DetectionKind.IGNORED]
    assert photo.detections.tolist() == [-1]


def test_a_badly_posed_detection_does_not_take_a_person_from_a_good_one():
    """The surer one has an OKS between .1 and .5."""
    bad = standing(100)
    bad[5:, 1] += 500
    photo = sort(people(standing(100)), bad, standing(100), scores=(0.9, 0.4))
    assert 0.1 < photo.oks[0, 0] < 0.5
    assert photo.kinds.tolist() == [DetectionKind.DUPLICATE, DetectionKind.MATCHED]
    alone = sort(people(standing(100)), bad)
    assert alone.person_kind(0, 0.25) is PersonKind.WRONG_POSE


def test_photos_without_people_or_detections():
    nobody = People.from_coco([], 17)
    assert sort(nobody, standing(0)).kinds.tolist() == [DetectionKind.FALSE]
    photo = sort(people(standing(0)))
    assert photo.oks.shape == (0, 1)
    assert photo.person_kind(0, 0.0) is PersonKind.MISSED
