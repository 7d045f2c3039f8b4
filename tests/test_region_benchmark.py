"""The benchmark of body regions: its figures on masks with known answers, and the script on drawn people."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from pictures import STANDING, annotation, write_dataset

from strongpose import Poses
from strongpose.fields import Fields
from strongpose.images import fit_image
from strongpose.skeleton import COCO

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import body_regions  # noqa: E402
import region_figures  # noqa: E402
from region_figures import read_silhouettes  # noqa: E402
from results_file import read_results  # noqa: E402

SIZE = 40, 60


def rectangle(x, y, w, h):
    mask = np.zeros(SIZE, dtype=bool)
    mask[y : y + h, x : x + w] = True
    return mask


def standing(x, y, height):
    return np.concatenate([STANDING * height + [x, y], np.full((17, 1), 2.0)], axis=1)


def annotated(x, y, w, h, **more):
    """A person who stands in the middle of a rectangle, and fills it."""
    person = annotation(1, 1, standing(x + w / 2, y, h))
    outline = [x, y, x + w, y, x + w, y + h, x, y + h]
    return {**person, "bbox": [x, y, w, h], "area": w * h, "segmentation": [outline], **more}


NOBODY = {"keypoints": [0] * 51, "num_keypoints": 0}


@pytest.fixture(scope="module")
def photo():
    """Two people measured, the second half covered by one without keypoints; a crowd; one of unknown shape."""
    return read_silhouettes(
        [
            annotated(0, 0, 10, 20),
            annotated(40, 20, 4, 10, **NOBODY),
            annotated(40, 20, 8, 20),
            annotated(20, 0, 10, 10, iscrowd=1, **NOBODY),
            annotated(20, 30, 10, 10, segmentation=None),
        ],
        SIZE,
    )


def test_silhouettes_tell_who_is_measured_and_what_is_ignored(photo):
    assert photo.masks.tolist() == [rectangle(0, 0, 10, 20).tolist(), rectangle(40, 20, 8, 20).tolist()]
    assert len(photo.people) == 3 and photo.people[2]["segmentation"] is None
    assert (photo.union == (photo.masks.any(0) | rectangle(40, 20, 4, 10))).all()
    assert (photo.ignored == (rectangle(20, 0, 10, 10) | rectangle(20, 30, 10, 10))).all()


def test_run_length_masks_are_silhouettes_too():
    counts = [0, 20] + [20, 20] * 9 + [2400 - 20 - 40 * 9]  # columns of 40: the upper half of the first ten
    person = annotated(0, 0, 10, 20, segmentation={"size": list(SIZE), "counts": counts})
    assert (read_silhouettes([person], SIZE).masks[0] == rectangle(0, 0, 10, 20)).all()


def test_figures_of_a_person(photo):
    """The second pose's region has the left half of the second person, 20 pixels of the first, and 100 of a crowd."""
    regions = np.array([rectangle(0, 0, 10, 20), rectangle(40, 20, 4, 20)])
    regions[1] |= rectangle(0, 0, 10, 2) | rectangle(20, 0, 10, 10)
    first, second = region_figures.judge(7, photo, regions, np.array([-1, 1]))
    assert (first.photo, first.matched, first.iou) == (7, False, 0)
    assert np.isnan(first.leak)
    assert second.matched and second.iou == pytest.approx(80 / 180)
    assert second.leak == pytest.approx(20 / 100), "what a person shares with others is no leak"


def test_the_best_pose_chooses_first_and_everybody_is_found_once():
    oks = np.array([[0.9, 0.6], [0.8, 0.7], [0.95, 0.3]])
    assert region_figures.match(oks, np.array([0.5, 0.9, 0.1])).tolist() == [1, 0, -1]
    assert region_figures.match(np.zeros((2, 0)), np.ones(2)).tolist() == [-1, -1]


def test_average_precision_ignores_people_without_keypoints(photo):
    """Perfect masks, one of them of nobody who counts; then one of two people has half of the shape."""
    truth = region_figures.truth_of(1, photo)
    ignored = rectangle(20, 30, 10, 10)
    regions = np.array([*photo.masks, ignored])
    results = region_figures.results_of(1, regions, np.array([0.9, 0.8, 0.99]))
    assert results[1]["bbox"] == [40, 20, 8, 20]
    assert region_figures.average_precision(truth, results, "segm") == pytest.approx((1, 1, 1))
    assert region_figures.average_precision(truth, results, "bbox") == pytest.approx((1, 1, 1))
    regions[0] = rectangle(0, 0, 10, 13)  # .65: right at four of ten thresholds
    ap, ap50, ap75 = region_figures.average_precision(
        truth, region_figures.results_of(1, regions, np.array([0.1, 0.8, 0.99])), "segm"
    )
    half = 51 / 101  # the recall of one of two people, at COCO's 101 points
    assert (ap, ap50, ap75) == pytest.approx((0.4 + 0.6 * half, 1, half))
    assert region_figures.average_precision(truth, [], "segm") == (0, 0, 0)


def test_the_interval_is_over_photos():
    assert region_figures.interval([0.2, 0.8, 0.2, 0.8], [1, 1, 2, 2]) == pytest.approx((0.5, 0.5))
    assert region_figures.interval([0.2, 0.2, 0.8, 0.8], [1, 1, 2, 2]) == pytest.approx((0.2, 0.8))
    assert np.isnan(region_figures.interval([], [])).all()


def found(photo, body, stride=4):
    """The first of the two measured people, as a pose, and a body map with a stride of its own."""
    fitted = fit_image(np.zeros((*SIZE, 3), np.uint8), 57, 8)
    h, w = (side // 8 + 1 for side in fitted.pixels.shape[:2])
    fields = Fields(
        np.zeros((17, h, w)),
        np.zeros((17, 2, h, w)),
        np.zeros((2 * len(COCO.edges), 2, h, w)),
        np.zeros((h, w)),
        8,
        COCO,
    )
    poses = Poses(np.array([photo.people[0]["keypoints"]]).reshape(1, 17, 3), [0.9])
    # which `Fields` would refuse at another stride than its own
    object.__setattr__(fields, "body", np.full([side // stride + 1 for side in fitted.pixels.shape[:2]], body))
    return body_regions.Found(fitted, fields, poses, photo, np.array([0]))


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_the_body_map_lies_on_its_pixels_at_any_stride(photo, stride):
    seen = found(photo, 0.0, stride)
    seen.fields.body[:] = np.arange(seen.fields.body.shape[1]) * stride  # its own x, in the network's input
    x = (np.arange(SIZE[1]) + 0.5) * seen.fitted.scale[0] - 0.5
    assert body_regions.body_map(seen) == pytest.approx(np.broadcast_to(np.maximum(x, 0), SIZE), abs=0.05)


def test_boxes_are_filled(photo):
    box = body_regions.keypoint_boxes(found(photo, 0.0))[0]
    x0, y0, x1, y1 = found(photo, 0.0).poses.boxes[0]
    rows, columns = np.nonzero(box)
    assert (columns.min(), rows.min()) == (np.ceil(x0), np.ceil(y0))
    assert (columns.max(), rows.max()) == (np.floor(x1), np.floor(y1))
    assert box.sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)


def test_the_script_writes_a_row_for_each_kind_of_regions(tmp_path, monkeypatch):
    """Of one photo with people, and one in which nobody is annotated with a silhouette."""
    monkeypatch.setattr("cv2.setNumThreads", lambda _: None)  # of this process
    path = write_dataset(tmp_path, 2)
    (tmp_path / "people").rename(tmp_path / "elsewhere")
    data, figures = json.loads(path.read_text()), tmp_path / "regions.json"
    arguments = body_regions.Arguments((path,), (tmp_path / "elsewhere",), ("fast",), 129, figures)
    with pytest.raises(SystemExit) as without:
        body_regions.main(arguments)
    assert str(without.value) == f"{path}: nobody has a 'segmentation'; name files with silhouettes"
    for person in data["annotations"]:
        x, y, w, h = person["bbox"]
        person["segmentation"] = [[x, y, x + w, y, x + w, y + h, x, y + h]] * (person["image_id"] == 1)
    path.write_text(json.dumps(data))
    body_regions.main(arguments)
    *kinds, heat = (dict(zip(body_regions.COLUMNS, row, strict=True)) for row in read_results(figures).rows)
    assert [row["regions"] for row in kinds] == list(body_regions.KINDS)
    assert all(row["model"] == "fast" and row["people"] == 2 for row in kinds)
    assert all(0 <= row["IoU, all people"] <= 1 and 0 <= row["mask AP"] <= row["mask AP50"] for row in kinds)
    assert heat["regions"].startswith("body heat map ≥ 0.5") and 0 <= heat["IoU, all people"] <= 1


def test_the_figures_of_regions_that_fit(photo):
    """One of two people is found, with the very silhouette."""
    measured = body_regions.Measured(region_figures.judge(1, photo, photo.masks, np.array([0, -1])))
    measured.results = region_figures.results_of(1, photo.masks[:1], np.array([0.9]))
    measured.seconds = [0.002]
    people, found, iou, interval, of_all, leak, ap, *_, ms = body_regions.figures(
        measured, region_figures.truth_of(1, photo)
    )
    assert (people, found, iou, interval, of_all, leak, ms) == (2, 1, 1, "1.000 to 1.000", 0.5, 0, 2)
    assert ap == pytest.approx(51 / 101)


def test_the_script_says_which_files_it_needs(tmp_path):
    for arguments in (((),), ((tmp_path / "a.json", tmp_path / "b.json"), (tmp_path,))):
        with pytest.raises(SystemExit, match="name annotation files"):
            body_regions.main(body_regions.Arguments(*arguments))
