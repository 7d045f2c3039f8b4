"""Groups, costs, worst photos and sheets of made-up errors."""

from __future__ import annotations

import json

import numpy as np
import pytest
from made_up_results import made_up, perfect
from pictures import STANDING

from strongpose.evaluation import evaluate_results
from strongpose.evaluation.diagnosis import (
    classify_data_set,
    costs,
    describe_people,
    format_report,
    group_people,
    lost_similarity,
    make_report,
    worst_photos,
)
from strongpose.evaluation.diagnosis.groups import box_overlaps, sharpness
from strongpose.evaluation.diagnosis.sheets import draw_sheets, worst_cases
from strongpose.skeleton import COCO

PICTURE = np.random.default_rng(0).integers(0, 255, (500, 500, 3), dtype=np.uint8)


def reported(data: dict, results: list, threshold: float = 0.25) -> dict:
    photos = classify_data_set(data, results, COCO)
    people = [person for photo in photos for person in describe_people(photo, PICTURE)]
    return make_report(photos, people, data, COCO, threshold)


def test_overlap_of_boxes_is_intersection_over_union():
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]], dtype=float)
    assert box_overlaps(boxes) == pytest.approx(np.array([[0, 1 / 3, 0], [1 / 3, 0, 0], [0, 0, 0]]))


def test_blur_lowers_sharpness_and_boxes_may_leave_the_photo():
    import cv2

    box = np.array([-50.0, 100, 300, 700])
    assert sharpness(cv2.GaussianBlur(PICTURE, (0, 0), 6), box) < 0.1 * sharpness(PICTURE, box)
    assert sharpness(np.full((9, 9, 3), 80, dtype=np.uint8), np.array([20.0, 20, 20, 20])) == 0


@pytest.mark.parametrize("box", [(0, 0, 499, 499), (10, 20, 160, 80), (30, 40, 70, 110)])
def test_sharpness_is_the_variance_of_opencvs_laplacian(box):
    import cv2

    smooth = cv2.GaussianBlur(PICTURE, (0, 0), 1)
    x0, y0, x1, y1 = box
    grey = cv2.cvtColor(smooth[y0:y1, x0:x1], cv2.COLOR_RGB2GRAY)
    scale = 128 / max(grey.shape)
    size = (round(grey.shape[1] * scale), round(grey.shape[0] * scale))
    scaled = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    expected = cv2.Laplacian(scaled, cv2.CV_64F).var()
    assert sharpness(smooth, np.array(box, dtype=float)) == pytest.approx(expected, rel=0.05)


def test_every_way_of_grouping_parts_all_people():
    data, results = made_up()
    photos = classify_data_set(data, results, COCO)
    people = [person for photo in photos for person in describe_people(photo, PICTURE)]
    assert len(people) == sum(not a["iscrowd"] and a["num_keypoints"] > 0 for a in data["annotations"])
    kinds: dict[str, list[int]] = {}
    for group in group_people(people):
        kinds.setdefault(group.kind, []).extend(group.members)
    assert list(kinds) == ["all", "size", "size, thirds", "crowding", "truncation", "blur, thirds"]
    assert all(sorted(members) == list(range(len(people))) for members in kinds.values())


def test_perfect_results_cost_nothing():
    report = reported(*perfect())
    assert report["metrics"]["ap"] == pytest.approx(1)
    assert all(cost["ap"] == pytest.approx(1) for cost in report["costs"])
    assert report["counts"]["found"] == report["counts"]["people"] > 10
    assert report["worst_photos"][0]["lost"] == 0


def test_figures_are_those_of_the_evaluation_and_mending_never_harms():
    data, results = made_up(noise=15)
    report = reported(data, results)
    assert report["metrics"] == evaluate_results(results, data, COCO.sigmas).to_dict()
    ap = {cost["kind"]: cost["ap"] for cost in report["costs"]}
    assert list(ap.values()) == sorted(ap.values(), reverse=True)
    assert min(ap.values()) >= report["metrics"]["ap"] - 0.005  # people overlap at random; matches may change
    assert ap["scores"] > report["metrics"]["ap"] + 0.05  # made-up scores are random


def test_mending_the_only_error_gives_one():
    data, results = perfect()
    results[0] = {**results[0], "keypoints": [v + 2000 for v in results[0]["keypoints"]]}
    ap = {cost.name: cost.metrics.ap for cost in costs(classify_data_set(data, results, COCO), data, COCO)}
    assert ap["missed people"] > ap["false positives"]
    without = [r for i, r in enumerate(results) if i]
    ap = {cost.name: cost.metrics.ap for cost in costs(classify_data_set(data, without, COCO), data, COCO)}
    assert ap["missed people"] == pytest.approx(1)
    assert ap["jitter"] < 1

    data, results = perfect()
    results += [{**results[0], "keypoints": (np.array(results[0]["keypoints"]) + 2000).tolist(), "score": 0.9}]
    ap = {cost.name: cost.metrics.ap for cost in costs(classify_data_set(data, results, COCO), data, COCO)}
    assert ap["false positives"] == pytest.approx(1)
    assert ap["duplicates"] < 1


def two_photos() -> tuple[dict, list]:
    """A photo with a missed person and a false one, and a photo that is right."""
    points = np.concatenate([STANDING * 200 + [200, 50], np.full((17, 1), 2)], axis=1)
    person = {"category_id": 1, "iscrowd": 0, "area": 9000.0, "bbox": [160.0, 60.0, 80.0, 190.0]}
    person |= {"num_keypoints": 17, "keypoints": points.ravel().tolist()}
    data = {
        "images": [{"id": i, "file_name": f"{i}.jpg"} for i in (1, 2)],
        "annotations": [{**person, "id": i, "image_id": i} for i in (1, 2)],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO.names)}],
    }
    far = np.add(points, [200, 200, -1.2]).ravel().tolist()
    right = (points - [0, 0, 1.2]).ravel().tolist()
    common = {"category_id": 1, "score": 0.6}
    return data, [{**common, "image_id": 1, "keypoints": far}, {**common, "image_id": 2, "keypoints": right}]


def test_worst_photos_and_their_causes():
    data, results = two_photos()
    photos = classify_data_set(data, results, COCO)
    assert [photo.image_id for photo in worst_photos(photos, 0.25)] == [1, 2]
    assert [lost_similarity(photo, 0.25) for photo in photos] == pytest.approx([2, 0])
    assert lost_similarity(photos[0], 0.7) == pytest.approx(1)  # the false person is not shown
    assert lost_similarity(photos[1], 0.7) == pytest.approx(1)  # nor is the right one
    report = reported(data, results)
    assert report["worst_photos"][0]["causes"] == "1 person: 1 missed, 1 false"
    assert report["worst_photos"][1]["causes"] == "1 person: all found"
    text = format_report(report)
    line = next(line for line in text.splitlines() if line.startswith("| missed people"))
    assert [cell.strip() for cell in line.split("|")][2:5] == ["1", "people 2", "50 %"]
    assert len({len(line) for line in text.splitlines() if line.startswith("| missed") or "jitter  " in line[:10]}) == 1


def test_reports_are_json_also_without_people():
    data, results = two_photos()
    data["annotations"] = []
    report = json.loads(json.dumps(reported(data, results), allow_nan=False))
    assert report["metrics"]["ap"] is None
    assert report["counts"]["false"] == 2
    assert "| false positives" in format_report(report)


def test_sheets_show_the_worst_of_each_kind():
    data, results = two_photos()
    photos = classify_data_set(data, results, COCO)
    cases = worst_cases(photos, 0.25)
    assert [(name, len(some)) for name, some in cases.items()] == [("missed", 1), ("false", 1)]
    assert list(worst_cases(photos, 0.7)) == ["missed", "low-score"]
    sheets = dict(draw_sheets(photos, lambda image_id: PICTURE // 4, COCO, 0.25))
    assert list(sheets) == ["missed", "false", "photos"]
    assert sheets["missed"].shape == (320 + 8 + 18 + 2 * 18 + 8, 320 + 16, 3)
    white = (sheets["missed"][40:350] > 200).all(axis=-1)  # the annotated pose is drawn
    assert white.sum() > 200
