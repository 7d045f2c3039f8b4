import numpy as np
import pytest
import torch
from pictures import STANDING

from strongpose.encode import encode
from strongpose.encode.drawn_body import body_targets
from strongpose.skeleton import COCO, Skeleton
from strongpose.skeletons import load_skeleton
from strongpose.skeletons.body_shape import BODY, BodyShape

PAIR = Skeleton("pair", ("a", "b"), ((0, 1),), (), (0.1, 0.1), ((0, 1),))
GRID = torch.arange(241, dtype=torch.float32)


def standing(height=200.0, x=120.0, y=20.0):
    """(17, 3) of a person who looks at us, from head to toe of this height; the nose is at (120, 38)."""
    return np.concatenate([STANDING * height + [x, y], np.ones((17, 1))], axis=1).astype(np.float32)


def drawn(keypoints, skeleton=COCO, shape=BODY):
    """(241, 241) bool, rows first, of one person."""
    keypoints = torch.as_tensor(keypoints)[None, None]
    return body_targets(keypoints[..., :2], keypoints[..., 2] > 0, GRID, GRID, skeleton, shape)[0]


def only(*names):
    """The standing person with these keypoints alone."""
    keypoints = standing()
    keypoints[[name not in names for name in COCO.names], 2] = 0
    return keypoints


def test_a_head_holds_the_face_and_reaches_above_the_eyes():
    body = drawn(standing())
    for k in range(5):
        x, y = STANDING[k] * 200 + [120, 20]
        assert body[round(y), round(x)], COCO.names[k]
    eyes = round(0.07 * 200 + 20)
    assert body[eyes - 10, 120] and not body[eyes - 40, 120]


def test_the_trunk_is_filled_and_the_gap_between_the_shins_is_not():
    body = drawn(standing())
    assert body[64:125, 110:131].all()
    assert not body[20 + round(0.85 * 200), 120]
    assert body[20 + round(0.85 * 200), 120 + 19] and body[20 + round(0.85 * 200), 120 - 19]


def test_hands_and_feet_go_on_where_the_limbs_end():
    body = drawn(standing())
    assert body[20 + round(0.96 * 200) + 12, 140]
    bare = drawn(standing(), shape=BodyShape(hand=0.0, foot=0.0, ankle=0.01, wrist=0.01))
    assert not bare[20 + round(0.96 * 200) + 12, 140]


def test_a_limb_is_as_wide_as_its_ends():
    # the forearm alone, 44 px long: then a trunk is taken to be 100 px long
    keypoints = only("left_elbow", "left_wrist")
    keypoints[7, :2], keypoints[9, :2] = (100, 100), (144, 100)
    body = drawn(keypoints, shape=BodyShape(elbow=0.3, wrist=0.1, hand=0.0))
    assert body[:, 100].nonzero().flatten().tolist() == list(range(70, 131))
    assert body[:, 144].nonzero().flatten().tolist() == list(range(90, 111))
    assert body[100].nonzero().flatten().tolist() == list(range(70, 155))
    assert 0.19 * 100 < body[:, 122].sum() / 2 < 0.22 * 100


def test_who_has_no_hips_has_a_chest():
    body = drawn(only("nose", "left_eye", "right_eye", "left_shoulder", "right_shoulder"))
    shoulders = 20 + round(0.22 * 200)
    assert body[shoulders + 10, 120] and body[shoulders + 10, 120 + 26] and not body[200, 120]


def test_a_face_alone_is_a_head():
    face = drawn(only("nose", "left_eye", "right_eye", "left_ear", "right_ear"))
    assert face[34, 120] and face[20, 120]
    assert not face[80].any()
    upside_down = only("nose", "left_eye", "right_eye", "left_ear", "right_ear")
    upside_down[:, 1] = 240 - upside_down[:, 1]
    assert torch.equal(drawn(upside_down), face.flip(0))


def test_without_a_face_the_head_is_above_the_shoulders():
    body = drawn(only("left_shoulder", "right_shoulder", "left_hip", "right_hip"))
    assert body[40, 120] and not body[40, 160]


def test_one_keypoint_draws_nothing_but_a_face_that_cannot_be_measured():
    assert drawn(only("left_wrist")).sum() == 0
    assert drawn(only("nose")).sum() <= 1


def test_nobody():
    assert not drawn(np.zeros((17, 3), dtype=np.float32)).any()
    assert body_targets(torch.zeros(2, 0, 17, 2), torch.zeros(2, 0, 17).bool(), GRID, GRID, COCO).shape == (2, 241, 241)
    points = torch.full((1, 1, 17, 2), 100.0)
    assert not body_targets(points, torch.zeros(1, 1, 17).bool(), GRID, GRID, COCO).any()


def test_moves_with_the_keypoints():
    keypoints = torch.tensor(standing(100.0))[None, None]
    before = encode(keypoints, (31, 31), 8, COCO).body[0]
    keypoints[..., :2] += torch.tensor([8.0, 16.0])
    after = encode(keypoints, (31, 31), 8, COCO).body[0]
    assert before.sum() > 30 and torch.equal(after[2:, 1:], before[:-2, :-1])


@pytest.mark.parametrize("seed", range(4))
def test_a_mirrored_person_is_the_mirror_image(seed):
    rng = np.random.default_rng(seed)
    keypoints = standing()
    keypoints[:, :2] += rng.normal(0, 8, (17, 2))
    keypoints[:, 2] = rng.random(17) < 0.7
    mirrored = keypoints[list(COCO.flip_order)]
    mirrored[:, 0] = 240 - mirrored[:, 0]
    assert torch.equal(drawn(mirrored), drawn(keypoints).flip(1))


def test_people_are_drawn_together():
    several = [standing(120.0, 60.0), np.zeros((17, 3), dtype=np.float32), standing(150.0, 160.0)]
    keypoints = torch.tensor(np.array([several, several[1:] + several[1:2]]))
    bodies = body_targets(keypoints[..., :2], keypoints[..., 2] > 0, GRID, GRID, COCO)
    assert torch.equal(bodies[0], drawn(several[0]) | drawn(several[2]))
    assert torch.equal(bodies[1], drawn(several[2]))


@pytest.mark.parametrize("name", ["lsp14", "mpii16", "crowdpose14", "posetrack15"])
def test_other_skeletons(name):
    skeleton = load_skeleton(name)
    places = {n: STANDING[k] for k, n in enumerate(COCO.names)}
    places |= {"neck": [0, 0.2], "upper_neck": [0, 0.17], "head_bottom": [0, 0.17], "head_top": [0, 0], "head": [0, 0]}
    places |= {"thorax": [0, 0.22], "pelvis": [0, 0.52]}
    keypoints = np.array([[*places[n], 1] for n in skeleton.names], dtype=np.float32)
    keypoints[:, :2] = keypoints[:, :2] * 200 + [120, 20]
    body = drawn(keypoints, skeleton)
    assert body[24:125, 115:126].all() and not body[8, 120]  # from the top of the head to the hips
    assert (body & drawn(standing())).sum() / (body | drawn(standing())).sum() > 0.85


def test_limbs_of_other_names_are_as_wide_as_before():
    body = drawn([[40.0, 100.0, 1.0], [200.0, 100.0, 1.0]], PAIR)  # scale: half the long side, 80 px
    assert body[:, 120].nonzero().flatten().tolist() == list(range(91, 110))  # .12 of it
