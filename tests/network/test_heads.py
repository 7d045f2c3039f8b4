"""The channel layout, scales, prior and gradients of the heads."""

import pytest
import torch

from strongpose.network.heads import DISPLACEMENT_SCALE, OFFSET_SCALE, PRIOR, Head, shuffle
from strongpose.skeleton import Skeleton

PAIR = Skeleton("pair", ("a", "b"), edges=((0, 1),), flip_pairs=(), sigmas=(0.1, 0.1), limbs=())


def test_shuffle_puts_channels_into_the_cells_of_each_coarse_cell():
    # Two output channels, u = 2, one row of two coarse cells.
    x = torch.tensor([[0, 1, 2, 3, 4, 5, 6, 7], [10, 11, 12, 13, 14, 15, 16, 17]]).T.reshape(1, 8, 1, 2)
    # The last coarse cell keeps only its first fine cell; its right and lower neighbours are cut off.
    assert shuffle(x, 2).tolist() == [[[[0, 1, 10]], [[4, 5, 14]]]]


@pytest.mark.parametrize(("upsample", "rows", "columns"), [(1, 5, 3), (2, 9, 5), (4, 17, 9)])
def test_fields_span_from_the_first_to_the_last_coarse_cell(upsample, rows, columns):
    maps = Head(8, PAIR, upsample)(torch.rand(3, 8, 5, 3))
    assert maps.heatmaps.shape == (3, 2, rows, columns)
    assert maps.offsets.shape == (3, 2, 2, rows, columns)
    assert maps.displacements.shape == (3, 2, 2, rows, columns)
    assert maps.body.shape == (3, rows, columns)
    assert maps.middle is None


def test_channels_come_in_the_order_heat_maps_offsets_displacements():
    head = Head(1, PAIR, 1)
    head.fields.weight.data.zero_()
    head.fields.bias.data.copy_(torch.arange(len(head.fields.bias)))
    maps = head(torch.zeros(1, 1, 1, 1))
    assert maps.heatmaps.flatten().tolist() == [0, 1]
    assert maps.offsets[..., 0, 0].tolist() == [
        [[2 * OFFSET_SCALE, 3 * OFFSET_SCALE], [4 * OFFSET_SCALE, 5 * OFFSET_SCALE]]
    ]
    expected = [[6, 7], [8, 9]]  # a to b: x, y; b to a: x, y
    assert maps.displacements[0, ..., 0, 0].tolist() == [[v * DISPLACEMENT_SCALE for v in pair] for pair in expected]


@pytest.mark.parametrize("upsample", [1, 2])
def test_a_new_head_gives_every_cell_the_prior(upsample):
    head = Head(4, PAIR, upsample)
    heatmaps = head(torch.zeros(1, 4, 3, 3)).heatmaps.sigmoid()
    torch.testing.assert_close(heatmaps, torch.full_like(heatmaps, PRIOR))


def test_the_body_loss_does_not_pull_at_the_heat_maps():
    head = Head(4, PAIR, 2)
    head(torch.rand(1, 4, 3, 3)).body.sum().backward()
    gradient = head.fields.weight.grad.flatten(1).abs().sum(1)
    assert gradient[: 10 * 4].tolist() == [0] * 40
    assert (gradient[10 * 4 :] > 0).any()


def test_outputs_are_float32_under_autocast():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        maps = Head(8, PAIR, 2)(torch.rand(1, 8, 3, 3))
    assert {output.dtype for output in maps[:4]} == {torch.float32}
