"""The neck of low rank: how it comes out of a whole one, and what it costs."""

import pytest
import torch

from strongpose.network import NetworkConfig, build_network
from strongpose.network.neck import LowRankConv, factors, neck
from strongpose.network.weights import load_network, load_weights, save_weights
from strongpose.skeleton import COCO_TREE

WHOLE = NetworkConfig(COCO_TREE, upsample=1, neck_channels=8, middle_head=False)
LOW = NetworkConfig(**{**vars(WHOLE), "neck_rank": 3})


def test_factors_are_the_nearest_of_their_rank():
    torch.manual_seed(0)
    weight = torch.rand(6, 4, 3, 3) - 0.5
    values = torch.linalg.svdvals(weight.flatten(1))
    for rank in (2, 6):
        narrow, widen = factors(weight, rank)
        assert narrow.shape == (rank, 4, 3, 3) and widen.shape == (6, rank, 1, 1)
        product = torch.einsum("or,rcyx->ocyx", widen[..., 0, 0], narrow)
        assert (product - weight).norm() == pytest.approx(values[rank:].norm().item(), abs=1e-5)


def test_a_neck_whose_weights_have_that_rank_is_kept(tmp_path):
    torch.manual_seed(0)
    whole = build_network(WHOLE)
    for layer in (whole.neck[0], whole.neck[2]):
        layer.weight.data = torch.einsum("or,rcyx->ocyx", torch.randn(8, 3), torch.randn(3, layer.in_channels, 3, 3))
        torch.nn.init.normal_(layer.bias)
    save_weights(whole, tmp_path / "whole.safetensors")
    low = build_network(LOW)
    load_weights(low, tmp_path / "whole.safetensors")
    images = torch.rand(1, 3, 65, 97)
    with torch.no_grad():
        expected, actual = whole(images).offsets, low(images).offsets
    torch.testing.assert_close(actual, expected, rtol=1e-3, atol=1e-3 * expected.std().item())
    save_weights(low, tmp_path / "low.safetensors")
    assert load_network(tmp_path / "low.safetensors").config == LOW
    with pytest.raises(ValueError, match=r"low\.safetensors.*neck\.0\.weight is missing"):
        load_weights(whole, tmp_path / "low.safetensors")


def test_it_is_smaller():
    def count(rank):
        return sum(parameter.numel() for parameter in neck(313, 256, rank).parameters())

    assert count(0) == 9 * (313 + 256) * 256 + 2 * 256
    assert count(96) == 9 * (313 + 256) * 96 + 2 * 96 * 256 + 2 * 256


def test_dilation_widens_its_view_only():
    layers = neck(4, 4, 2, dilation=2)
    assert [layer.narrow.dilation for layer in layers if isinstance(layer, LowRankConv)] == [(2, 2), (4, 4)]
    assert layers(torch.rand(1, 4, 9, 11)).shape == (1, 4, 9, 11)
