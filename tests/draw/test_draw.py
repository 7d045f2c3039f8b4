"""Pictures of poses and body regions: drawn where the keypoints are, the surer the clearer, left and right apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pictures import person

from strongpose.decode.body import BodyRegions
from strongpose.draw import draw_bodies
from strongpose.draw import poses as draw
from strongpose.draw.colours import LEFT, PEOPLE, RIGHT, person_colour
from strongpose.draw.contact_sheet import Tile, draw_tile
from strongpose.poses import Poses
from strongpose.skeleton import COCO, Skeleton
from strongpose.skeletons import load_skeleton, packaged_skeletons

GREY = 90


def grey(width: int = 240, height: int = 320) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def standing(score: float = 1.0) -> Poses:
    keypoints = person(120, 30, 250, np.random.default_rng(0))[None]
    keypoints[..., 2] = score
    return Poses(keypoints, [0.9])


def changed(picture: np.ndarray) -> np.ndarray:
    return (picture != GREY).any(axis=2)


def changed_by(picture: np.ndarray) -> float:
    return float(np.abs(picture.astype(int) - GREY).sum())


def test_every_keypoint_and_limb_is_drawn_and_nothing_far_away():
    photo = grey()
    poses = standing()
    picture = draw.draw_poses(photo, poses, legend=False)
    assert picture.shape == photo.shape and picture.dtype == np.uint8
    assert not changed(photo).any()  # the photo itself is left as it was
    points = poses.keypoints[0, :, :2]
    middles = [points[list(limb)].mean(axis=0) for limb in COCO.limbs]
    for x, y in [*points, *middles]:
        assert changed(picture)[round(float(y)), round(float(x))]
    rows, columns = np.nonzero(changed(picture))
    x0, y0, x1, y1 = poses.boxes[0]
    assert x0 - 10 < columns.min() and columns.max() < x1 + 10
    assert y0 - 10 < rows.min() and rows.max() < y1 + 10


def test_keypoints_below_the_threshold_and_their_limbs_are_not_drawn():
    poses = standing()
    keypoints = poses.keypoints.copy()
    wrist = COCO.names.index("left_wrist")
    keypoints[0, wrist] = 20, 20, 0.1
    picture = draw.draw_poses(grey(), Poses(keypoints, [0.9]), threshold=0.2)
    assert not changed(picture)[:28, :60].any()
    assert changed(draw.draw_poses(grey(), Poses(keypoints, [0.9]), threshold=0.05))[15:25, 15:25].any()
    assert not changed(draw.draw_poses(grey(), standing(0.05))).any()
    assert not changed(draw.draw_poses(grey(), Poses.empty())).any()


def test_people_have_trunks_of_their_own_colour_and_lines_grow_with_them():
    keypoints = np.stack([person(x, 30, 250, np.random.default_rng(0)) for x in (60, 180)])
    picture = draw.draw_poses(grey(), Poses(keypoints, [0.9, 0.8]))
    for number, points in enumerate(keypoints):
        x, y = points[[11, 12], :2].mean(axis=0).round().astype(int)  # the middle of the hips
        assert np.abs(picture[y, x].astype(int) - PEOPLE[number]).max() < 40
    widths = []
    for height in (50, 400):
        points = person(300, 10, height, np.random.default_rng(0), spread=0)
        x, y = points[[13, 15], :2].mean(axis=0).round().astype(int)  # the middle of a shin
        drawn = draw.draw_poses(grey(640, 480), Poses(points[None], [1.0]), legend=False)
        widths.append(int(changed(drawn)[y, x - height // 12 : x + height // 12].sum()))  # not the other shin's
    assert widths[0] <= 4 < 7 <= widths[1]


def test_left_and_right_have_two_colours_whoever_it_is():
    keypoints = np.stack([person(x, 30, 250, np.random.default_rng(0), spread=0) for x in (60, 180)])
    picture = draw.draw_poses(grey(), Poses(keypoints, [0.9, 0.8]))
    for points in keypoints:
        for limb, colour in (((13, 15), LEFT), ((14, 16), RIGHT), ((7, 9), LEFT), ((8, 10), RIGHT)):
            x, y = points[list(limb), :2].mean(axis=0).round().astype(int)
            assert np.abs(picture[y, x].astype(int) - colour).max() < 40
    own = draw.draw_poses(grey(), Poses(keypoints, [0.9, 0.8]), by_person=True)
    for number, points in enumerate(keypoints):
        for limb, side in (((13, 15), -1), ((14, 16), 1)):
            x, y = points[list(limb), :2].mean(axis=0).round().astype(int)
            assert np.abs(own[y, x].astype(int) - person_colour(number, side)).max() < 40


def test_unsure_keypoints_fade_and_get_thinner():
    sums = [changed_by(draw.draw_poses(grey(), standing(score), legend=False)) for score in (0.3, 0.45, 0.6, 0.7, 1.0)]
    assert sums[0] > 0
    assert sums[0] < 0.6 * sums[2] < 0.6 * sums[3]
    assert sums[0] < sums[1] < sums[2] < sums[3] == sums[4]
    assert not changed(draw.draw_poses(grey(), standing(0.29))).any()


def test_a_keypoint_without_a_limb_has_no_dot():
    keypoints = standing().keypoints.copy()
    keypoints[..., 2] = 0.1
    keypoints[0, [0, 9], 2] = 0.9  # nose and left wrist: no limb joins them
    assert not changed(draw.draw_poses(grey(), Poses(keypoints, [0.9]))).any()
    bare = replace(COCO, limbs=())
    drawn = changed(draw.draw_poses(grey(), Poses(keypoints, [0.9], bare), legend=False))
    assert all(drawn[round(float(y)), round(float(x))] for x, y in keypoints[0, [0, 9], :2])


@pytest.mark.parametrize("name", packaged_skeletons())
def test_every_skeleton_is_drawn_with_and_without_sides(name):
    skeleton = load_skeleton(name)
    points = np.random.default_rng(0).uniform(40, 200, (1, skeleton.num_keypoints, 2))
    keypoints = np.concatenate([points, np.ones((1, skeleton.num_keypoints, 1))], axis=2)
    sided = draw.draw_poses(grey(), Poses(keypoints, [1.0], skeleton), legend=False)
    assert (np.abs(sided.astype(int) - LEFT).max(axis=2) < 4).any()
    assert (np.abs(sided.astype(int) - RIGHT).max(axis=2) < 4).any()
    plain = Skeleton(skeleton.name, skeleton.names, (), (), skeleton.sigmas, skeleton.limbs)
    picture = draw.draw_poses(grey(), Poses(keypoints, [1.0], plain))
    assert (np.abs(picture.astype(int) - PEOPLE[0]).max(axis=2) < 4).any()
    for colour in (LEFT, RIGHT):
        assert not (np.abs(picture.astype(int) - colour).max(axis=2) < 4).any()


@pytest.mark.parametrize("thickness", [0, -1, float("nan"), 1e6])
def test_a_thickness_that_makes_no_sense_is_refused(thickness):
    with pytest.raises(ValueError, match="thickness must be more than 0 and at most 100"):
        draw.draw_poses(grey(), standing(), thickness=thickness)


def test_limbs_keep_their_direction_though_they_end_far_outside():
    two = Skeleton.from_names("two", ["a", "b"], [("a", "b")], [], [0.05] * 2, [("a", "b")])
    for far in (1e3, 1e5):
        picture = draw.draw_poses(grey(), Poses([[[50, 50, 1], [far, 50 + (far - 50) / 4, 1]]], [0.9], two))
        assert np.flatnonzero(changed(picture)[:, 230]).mean() == pytest.approx(95, abs=3)
    wide = draw.draw_poses(grey(20_000, 40), Poses([[[100, 20, 1], [19_900, 20, 1]]], [0.9], two))
    assert changed(wide)[:, 19_850].any()


def test_thickness_is_a_factor():
    thin, thick = (
        changed(draw.draw_poses(grey(), standing(), thickness=factor, legend=False)).sum() for factor in (1, 3)
    )
    assert 2 * thin < thick


def test_the_legend_is_in_a_corner_without_people_and_not_in_tiny_pictures():
    for x, y, corner in ((500, 200, (0, 1)), (20, 200, (1, 1))):
        photo = grey(640, 480)
        poses = Poses(person(x, y, 270, np.random.default_rng(0))[None], [1.0])
        legend = (draw.draw_poses(photo, poses) != draw.draw_poses(photo, poses, legend=False)).any(axis=2)
        rows, columns = np.nonzero(legend)
        assert (columns.mean() > 320, rows.mean() > 240) == corner
        assert legend.mean() < 0.04
    fixed = draw.draw_poses(grey(640, 480), poses, corner=(0, 1))
    nobody = draw.draw_poses(grey(640, 480), Poses.empty(), corner=(0, 1))
    assert changed(nobody)[400:, :300].any() and not changed(nobody)[:400].any()  # it stays while people come and go
    away = changed(nobody) & (draw.draw_poses(grey(640, 480), poses, legend=False) == GREY).all(axis=2)
    np.testing.assert_array_equal(fixed[away], nobody[away])
    tiny = Poses(person(60, 5, 100, np.random.default_rng(0))[None], [1.0])
    np.testing.assert_array_equal(
        draw.draw_poses(grey(120, 110), tiny), draw.draw_poses(grey(120, 110), tiny, legend=False)
    )


@pytest.mark.parametrize("far", [1e6, -1e6])
def test_keypoints_far_outside_do_no_harm(far):
    keypoints = standing().keypoints.copy()
    keypoints[0, 9, 0] = far
    assert draw.draw_poses(grey(), Poses(keypoints, [0.9])).shape == (320, 240, 3)


def test_body_regions_are_tinted_in_the_colours_of_the_poses():
    instance_map = np.full((320, 240), -1, np.int16)
    instance_map[100:200, 20:80] = 0
    instance_map[150:250, 120:200] = 1
    regions = BodyRegions(instance_map, np.array([[20, 100, 60, 100], [120, 150, 80, 100]]))
    picture = draw_bodies(grey(), regions)
    assert (changed(picture)[instance_map >= 0]).all()
    assert not changed(picture)[:95].any() and not changed(picture)[:, 90:110].any()
    keypoints = np.zeros((2, 17, 3))
    keypoints[:, 5:7] = [[(50, 20, 1), (90, 20, 1)], [(50, 60, 1), (90, 60, 1)]]
    limbs = draw.draw_poses(grey(), Poses(keypoints, [0.9, 0.8]))
    for (x, y), row in (((50, 150), 20), ((160, 200), 60)):
        tint, limb = picture[y, x].astype(float) - GREY, limbs[row, 70].astype(float) - GREY
        assert tint @ limb > 0.9 * np.linalg.norm(tint) * np.linalg.norm(limb)
    assert not changed(draw_bodies(grey(), BodyRegions(np.full((320, 240), -1), np.zeros((0, 4), int)))).any()


def test_tracked_people_keep_their_colour_and_carry_a_label():
    alone = draw.draw_poses(grey(), standing(), ids=[4])
    both = Poses(np.concatenate([standing().keypoints + np.array([400, 0, 0]), standing().keypoints]), [0.5, 0.9])
    np.testing.assert_array_equal(alone, draw.draw_poses(grey(), both, ids=[9, 4]))
    assert (alone != draw.draw_poses(grey(), standing(), ids=[5])).any()
    labelled = draw.draw_poses(grey(), standing(), ids=[4], labels=["4 walking"])
    assert (labelled != alone).any()
    points = standing().keypoints[0, :5, :2].round().astype(int)
    assert not (labelled != alone).any(axis=2)[points[:, 1], points[:, 0]].any()  # the face is not covered


def rectangles(photo, poses, labels):
    """Where each label is, as masks: what changes when the others are empty."""
    bare = draw.draw_poses(photo, poses)
    whole = draw.draw_poses(photo, poses, labels=labels)
    return (whole != bare).any(axis=2)


def test_labels_do_not_cover_each_other_and_stay_inside():
    photo = grey(640, 360)
    people = [person(x, 4, 150, np.random.default_rng(0)) for x in (40, 300, 330, 360, 630)]
    poses = Poses(np.stack(people), np.linspace(1, 0.5, 5))
    areas = [rectangles(photo, poses[[i]], ["12 walking"]).sum() for i in range(5)]
    assert min(areas) > 0.9 * max(areas)  # none is cut off by the border
    together = rectangles(photo, poses, ["12 walking"] * 5)
    assert together.sum() > 0.95 * sum(areas)


@pytest.mark.parametrize("label", ["Zoë läuft", "走る 7", "идёт", "\u202eabc", "🏃", "two\nlines", "", "long " * 200])
def test_labels_may_hold_any_letters(label):
    picture = draw.draw_poses(grey(), standing(), labels=[label])
    assert picture.shape == (320, 240, 3)


@pytest.mark.parametrize("more", [{"ids": [1]}, {"labels": ["a", "b", "c"]}])
def test_one_id_and_label_per_person(more):
    two = Poses(np.concatenate([standing().keypoints, standing().keypoints]), [0.5, 0.9])
    with pytest.raises(ValueError, match=r"expected 2 (ids|labels), one per person, got [13]"):
        draw.draw_poses(grey(), two, **more)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3)])
def test_tiny_pictures_are_drawn_too(size):
    assert draw.draw_poses(grey(*size), standing(), labels=["1"]).shape == (size[1], size[0], 3)


# Linear RGB as people with each kind of dichromacy see it (Machado et al., 2009, severity 1).
BLINDNESS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


@pytest.mark.parametrize("kind", BLINDNESS)
def test_left_and_right_differ_for_colour_blind_eyes(kind):
    left, right = (
        np.clip(np.array(BLINDNESS[kind]) @ (np.array(c) / 255) ** 2.2, 0, 1) ** (1 / 2.2) for c in (LEFT, RIGHT)
    )
    assert np.linalg.norm(left - right) > 0.5


@pytest.mark.parametrize("ground", [(255, 255, 255), (0, 0, 0), (60, 140, 50), LEFT, RIGHT], ids=str)
def test_both_sides_can_be_seen_on_every_background(ground):
    photo = np.full((320, 240, 3), ground, np.uint8)
    difference = np.abs(draw.draw_poses(photo, standing(), legend=False).astype(int) - ground).max(axis=2)
    points = standing().keypoints[0, :, :2]
    for limb in ((7, 9), (8, 10), (13, 15), (14, 16)):
        x, y = points[list(limb)].mean(axis=0).round().astype(int)
        assert difference[y - 4 : y + 5, x - 4 : x + 5].max() > 100, limb


def test_tiles_of_contact_sheets_show_unsure_keypoints_too():
    tile = Tile(grey(), (0, 0), np.zeros((0, 17, 3)), standing(0.15), np.zeros((0, 2)), "")
    assert changed(draw_tile(tile, (240, 320), COCO)).any()
    marked = Tile(grey(), (0, 0), standing().keypoints, Poses.empty(), np.array([[50.0, 60.0]]), "")
    drawn = draw_tile(marked, (240, 320), COCO)
    assert np.abs(drawn[60, 58].astype(int) - (255, 40, 40)).max() < 30  # the ring
    assert not changed(drawn)[60, 50]


def test_nothing_is_drawn_with_opencv():
    assert not [path for path in Path(draw.__file__).parent.glob("*.py") if "cv2" in path.read_text(encoding="utf-8")]
