import math

import pytest
import torch

from strongpose.encode import encode
from strongpose.network.heads import DISPLACEMENT_SCALE, OFFSET_SCALE, Maps
from strongpose.skeleton import Skeleton
from strongpose.training.losses import Counts, LossWeights, count, losses, total_loss

PAIR = Skeleton("pair", ("a", "b"), ((0, 1),), (), (0.1, 0.1), ((0, 1),))
KEYPOINTS = torch.tensor([[[[16.0, 8, 1], [40, 8, 1]]]])


def perfect(targets):
    confident = 30.0
    return Maps(
        heatmaps=(targets.heatmaps * 2 - 1) * confident,
        offsets=targets.offsets.clone(),
        displacements=targets.displacements.clone(),
        body=(targets.body * 2 - 1) * confident,
    )


def test_perfect_prediction_costs_nothing():
    targets = encode(KEYPOINTS, (3, 8), 8, PAIR, radius=8.0)
    terms = losses(perfect(targets), targets)
    assert set(terms) == {"heatmaps", "offsets", "displacements", "body"}
    assert all(term < 1e-6 for term in terms.values())


def test_vectors_are_l1_in_their_units_and_only_inside_disks():
    targets = encode(KEYPOINTS, (3, 8), 8, PAIR, radius=8.0)
    maps = perfect(targets)
    outside = ~targets.displacement_mask[:, :, None].expand_as(maps.displacements)
    terms = losses(
        maps._replace(
            offsets=maps.offsets + torch.where(targets.disks[:, :, None], OFFSET_SCALE, 1e6),
            displacements=maps.displacements + torch.where(outside, 1e6, DISPLACEMENT_SCALE / 2),
        ),
        targets,
    )
    assert math.isclose(terms["offsets"], 2.0, rel_tol=1e-5)  # one unit in x and one in y
    assert math.isclose(terms["displacements"], 1.0, rel_tol=1e-5)


def test_nothing_comes_back_from_ignored_cells():
    valid = torch.ones(1, 3, 8, dtype=torch.bool)
    valid[:, :, 7] = False
    targets = encode(KEYPOINTS, (3, 8), 8, PAIR, radius=8.0, valid=valid)
    logits = torch.zeros(1, 2, 3, 8, requires_grad=True)
    body = torch.zeros(1, 3, 8, requires_grad=True)
    terms = losses(perfect(targets)._replace(heatmaps=logits, body=body), targets)
    total_loss(terms, LossWeights()).backward()
    assert (logits.grad[..., 7] == 0).all() and (body.grad[..., 7] == 0).all()
    assert (logits.grad[..., :7] != 0).all()


def test_plain_logistic_loss_of_the_paper():
    targets = encode(KEYPOINTS, (3, 8), 8, PAIR, radius=8.0)
    maps = perfect(targets)._replace(heatmaps=torch.zeros(1, 2, 3, 8))
    assert math.isclose(losses(maps, targets, focal_gamma=0)["heatmaps"], math.log(2), rel_tol=1e-6)


@pytest.mark.parametrize("focal_gamma", [0, 1])
def test_terms_of_the_parts_of_a_batch_add_up(focal_gamma):
    torch.manual_seed(0)
    keypoints = torch.cat([KEYPOINTS, torch.tensor([[[[30.0, 10, 1], [1, 1, 0]]]])])  # the second shows one keypoint
    whole = encode(keypoints, (3, 8), 8, PAIR, radius=8.0)
    maps = Maps(*(torch.randn_like(getattr(whole, name)) for name in Maps._fields[:4]))
    maps = maps._replace(middle=Maps(*(torch.randn_like(tensor) for tensor in maps[:4])))

    def part(index):
        halves = [tensor[index : index + 1] for tensor in (*maps[:4], *maps.middle[:4])]
        targets = type(whole)(*(tensor[index : index + 1] for tensor in whole))
        return losses(Maps(*halves[:4], middle=Maps(*halves[4:])), targets, focal_gamma, count(whole))

    expected, parts = losses(maps, whole, focal_gamma), [part(0), part(1)]
    assert set(expected) == {"heatmaps", "offsets", "displacements", "body", "middle"}
    for name, term in expected.items():
        torch.testing.assert_close(parts[0][name] + parts[1][name], term)


def test_nothing_to_count_is_no_loss():
    targets = encode(torch.zeros(1, 1, 2, 3), (3, 8), 8, PAIR, valid=torch.zeros(1, 3, 8, dtype=torch.bool))
    assert count(targets) == Counts(*[torch.tensor(0)] * 3)
    assert all(term == 0 for term in losses(perfect(targets), targets).values())


def test_middle_head_counts_with_its_weight():
    targets = encode(KEYPOINTS, (3, 8), 8, PAIR, radius=8.0)
    maps = perfect(targets)
    terms = losses(maps._replace(middle=maps._replace(offsets=maps.offsets + OFFSET_SCALE)), targets)
    assert math.isclose(terms["middle"], 2.0, rel_tol=1e-5)
    assert math.isclose(total_loss(terms, LossWeights(middle=0.25)), 0.5, rel_tol=1e-5)
