"""The second look: what half the size adds, where its cells lie and what it starts from."""

import pytest
import torch

from strongpose.network import NetworkConfig, at_output_stride, build_network
from strongpose.network.second_look import SecondLook, half_size
from strongpose.network.weights import load_network, load_weights, save_weights
from strongpose.skeleton import COCO_TREE

ONE = NetworkConfig(COCO_TREE, upsample=1, neck_channels=8, middle_head=False)
TWO = NetworkConfig(**{**vars(ONE), "second_look": True})


def test_a_pixel_of_the_half_size_image_lies_on_every_second_pixel():
    columns = torch.arange(17.0).expand(1, 3, 9, 17)
    halved = half_size(columns)
    assert halved.shape == (1, 3, 5, 9)
    torch.testing.assert_close(halved[0, :, 1:-1, 1:-1], columns[0, :, 2:-2:2, 2:-2:2])
    assert half_size(torch.ones(1, 3, 9, 17))[0, 0, 0].tolist() == [0.5625] + [0.75] * 7 + [0.5625]  # 0 beyond


def test_a_cell_of_the_half_size_image_lies_on_every_second_cell():
    look = SecondLook(1)
    for layer, weight in ((look.first, 0.0), (look.second, 1.0)):
        torch.nn.init.constant_(layer.weight, weight)
    look.correction.weight.data[0, 0, 1, 1] = 1
    coarse = torch.tensor([[0.0, 4.0, 2.0], [8.0, 6.0, 0.0]])[None, None]
    fine = look(torch.full((1, 1, 3, 5), 10.0), coarse)[0, 0]
    assert fine.tolist() == [[10, 12, 14, 13, 12], [14, 14.5, 15, 13, 11], [18, 17, 16, 13, 10]]


def test_it_starts_from_what_the_network_said_without_it_and_learns(tmp_path):
    torch.manual_seed(0)
    one = build_network(ONE)
    save_weights(one, tmp_path / "one.safetensors")
    two = build_network(TWO)
    load_weights(two, tmp_path / "one.safetensors")
    images = torch.rand(2, 3, 65, 97)
    maps = two(images)
    for name, expected in one(images)._asdict().items():
        assert expected is None or torch.equal(getattr(maps, name), expected)
    maps.offsets.square().sum().backward()
    assert two.second_look.correction.weight.grad.abs().sum() > 0
    two.second_look.correction.weight.data.normal_()
    assert not torch.equal(two(images).offsets, maps.offsets)
    save_weights(two, tmp_path / "two.safetensors")
    assert load_network(tmp_path / "two.safetensors").config == TWO


def test_its_image_sides_are_multiples_of_twice_the_stride():
    assert (TWO.stride, TWO.coarse_stride) == (8, 16)
    shapes = [tuple(build_network(TWO)(torch.rand(1, 3, 16 * n + 1, 33)).heatmaps.shape[-2:]) for n in (1, 2, 5)]
    assert shapes == [(3, 5), (5, 5), (11, 5)]


def test_it_needs_a_neck():
    with pytest.raises(ValueError, match="second_look needs a neck, got neck_channels 0"):
        NetworkConfig(neck_channels=0, second_look=True)


def test_it_has_one_density():
    with pytest.raises(ValueError, match="a network with a second look has only its own output stride 8, got 4"):
        at_output_stride(build_network(TWO), 4)
