import pytest
import torch

from strongpose.encode import encode
from strongpose.skeleton import COCO, COCO_TREE, Skeleton

PAIR = Skeleton("pair", ("a", "b"), ((0, 1),), (), (0.1, 0.1), ((0, 1),))


def people(*rows):
    return torch.tensor([rows], dtype=torch.float32)  # (1, N, 2, 3)


def test_one_person_by_hand():
    keypoints = people([[16, 8, 1], [40, 8, 1]])
    t = encode(keypoints, (3, 8), 8, PAIR, radius=8.0)
    # a at cell (1, 2): the disk of radius 8 px holds the cell and its four neighbours
    disk = torch.tensor([[0, 0, 1, 0, 0, 0, 0, 0], [0, 1, 1, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0, 0]])
    assert torch.equal(t.heatmaps[0, 0].int(), disk.int())
    assert t.offsets[0, 0, :, 1, 1].tolist() == [8, 0]  # from cell x = 8 to a at x = 16
    assert t.offsets[0, 0, :, 0, 2].tolist() == [0, 8]
    assert t.displacements[0, 0, :, 1, 1].tolist() == [32, 0]  # from the cell, not from the keypoint
    assert t.displacements[0, 1, :, 1, 5].tolist() == [-24, 0]  # backwards, from b's disk to a
    assert torch.equal(t.displacement_mask[0, 0], t.heatmaps[0, 0] > 0)


def test_cells_belong_to_the_nearest_person():
    t = encode(people([[8, 8, 1], [8, 80, 1]], [[24, 8, 1], [24, 80, 1]]), (11, 5), 8, PAIR, radius=16.0)
    assert t.offsets[0, 0, :, 1, 0].tolist() == [8, 0]
    assert t.offsets[0, 0, :, 1, 4].tolist() == [-8, 0]
    assert t.displacements[0, 0, :, 1, 4].tolist() == [-8, 72]  # to the second person's b


def test_unlabelled_keypoints_leave_no_trace():
    t = encode(people([[8, 8, 1], [24, 8, 0]], [[0, 0, 0], [0, 0, 0]]), (3, 5), 8, PAIR)
    assert t.heatmaps[0, 1].sum() == 0
    assert not t.displacement_mask.any()
    assert t.heatmaps[0, 0].sum() > 0


def test_nobody():
    t = encode(torch.zeros(2, 0, 17, 3), (4, 5), 8, COCO)
    assert t.heatmaps.shape == (2, 17, 4, 5) and t.displacements.shape == (2, 68, 2, 4, 5)
    assert t.heatmaps.sum() == 0 and t.body.sum() == 0 and not t.displacement_mask.any() and t.valid.all()


def test_disks_stay_valid_in_ignored_regions():
    valid = torch.zeros(1, 3, 5, dtype=torch.bool)
    t = encode(people([[8, 8, 1], [100, 100, 0]]), (3, 5), 8, PAIR, radius=4.0, valid=valid)
    assert t.valid.sum() == 1 and t.valid[0, 1, 1]


def test_body_is_a_capsule_or_the_silhouette():
    keypoints = people([[0, 40, 1], [80, 40, 1]])  # scale: half the long side, 40 px → 4.8 px either side
    body = encode(keypoints, (11, 11), 8, PAIR).body[0]
    assert torch.equal(body[5], torch.ones(11)) and body.sum() == 11
    silhouette = torch.zeros(1, 11, 11, dtype=torch.bool)
    silhouette[0, 2, 3] = True
    known = encode(keypoints, (11, 11), 8, PAIR, silhouettes=silhouette, has_silhouette=torch.ones(1, 1).bool())
    assert torch.equal(known.body[0] > 0, silhouette[0])


def test_batched_is_the_same_as_single():
    generator = torch.Generator().manual_seed(0)
    keypoints = torch.rand(3, 4, 17, 3, generator=generator) * torch.tensor([120.0, 90.0, 1.0])
    keypoints[..., 2] = keypoints[..., 2] > 0.4
    together = encode(keypoints, (12, 16), 8, COCO_TREE)
    for i in range(3):
        alone = encode(keypoints[i : i + 1], (12, 16), 8, COCO_TREE)
        for a, b in zip(alone, together, strict=True):
            assert torch.equal(a[0], b[i])


def test_wrong_number_of_keypoints():
    with pytest.raises(ValueError, match=r"must be \(B, N, 17, 3\), got \(1, 1, 14, 3\)"):
        encode(torch.zeros(1, 1, 14, 3), (2, 2), 8, COCO)
