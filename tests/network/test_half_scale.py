"""The half-scale branch: what it adds, where its cells lie and what it starts from."""

import json

import onnx
import pytest
import torch
from safetensors.torch import save_file

from strongpose.network import NetworkConfig, at_output_stride, build_network
from strongpose.network.half_scale import HalfScaleBranch, half_size
from strongpose.network.weights import load_network, load_weights, save_weights
from strongpose.runtime import resolve_model
from strongpose.skeleton import COCO_TREE

ONE = NetworkConfig(COCO_TREE, upsample=1, neck_channels=8, middle_head=False)
TWO = NetworkConfig(**{**vars(ONE), "half_scale": True})


def test_a_pixel_of_the_half_size_image_lies_on_every_second_pixel():
    columns = torch.arange(17.0).expand(1, 3, 9, 17)
    halved = half_size(columns)
    assert halved.shape == (1, 3, 5, 9)
    torch.testing.assert_close(halved[0, :, 1:-1, 1:-1], columns[0, :, 2:-2:2, 2:-2:2])
    assert half_size(torch.ones(1, 3, 9, 17))[0, 0, 0].tolist() == [0.5625] + [0.75] * 7 + [0.5625]  # 0 beyond


def test_a_cell_of_the_half_size_image_lies_on_every_second_cell():
    branch = HalfScaleBranch(1)
    for layer, weight in ((branch.first, 0.0), (branch.second, 1.0)):
        torch.nn.init.constant_(layer.weight, weight)
    branch.correction.weight.data[0, 0, 1, 1] = 1
    coarse = torch.tensor([[0.0, 4.0, 2.0], [8.0, 6.0, 0.0]])[None, None]
    fine = branch(torch.full((1, 1, 3, 5), 10.0), coarse)[0, 0]
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
    assert two.half_scale.correction.weight.grad.abs().sum() > 0
    two.half_scale.correction.weight.data.normal_()
    assert not torch.equal(two(images).offsets, maps.offsets)
    save_weights(two, tmp_path / "two.safetensors")
    assert load_network(tmp_path / "two.safetensors").config == TWO


def test_its_image_sides_are_multiples_of_twice_the_stride():
    assert (TWO.stride, TWO.coarse_stride) == (8, 16)
    shapes = [tuple(build_network(TWO)(torch.rand(1, 3, 16 * n + 1, 33)).heatmaps.shape[-2:]) for n in (1, 2, 5)]
    assert shapes == [(3, 5), (5, 5), (11, 5)]


def test_it_needs_a_neck():
    with pytest.raises(ValueError, match="half_scale needs a neck, got neck_channels 0"):
        NetworkConfig(neck_channels=0, half_scale=True)


def test_it_has_one_density():
    with pytest.raises(ValueError, match="a network with a half-scale branch has only its own output stride 8, got 4"):
        at_output_stride(build_network(TWO), 4)


@pytest.mark.parametrize("kind", ["safetensors", "onnx"])
def test_files_with_its_old_name_load_bit_equal(kind, tmp_path):
    """`accurate` was released, and networks were trained, while it was called a second look."""
    torch.manual_seed(0)
    network = build_network(TWO)
    path = tmp_path / f"old.{kind}"
    old = {name.replace("half_scale", "second_look"): tensor for name, tensor in network.state_dict().items()}
    config = {name.replace("half_scale", "second_look"): value for name, value in TWO.to_dict().items()}
    description = json.dumps({"network": config})
    if kind == "safetensors":
        save_file(old, path, {"strongpose": description})
    else:
        tensors = [onnx.numpy_helper.from_array(tensor.numpy(), f"network.{name}") for name, tensor in old.items()]
        model = onnx.helper.make_model(onnx.helper.make_graph([], "old", [], [], tensors))
        onnx.helper.set_model_props(model, {"strongpose": description})
        onnx.save(model, path)
    loaded = load_network(path)
    assert loaded.config == TWO
    for name, tensor in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name


def test_the_released_network_with_the_branch_loads():
    config = load_network(resolve_model("accurate")).config
    assert config.half_scale and config.coarse_stride == 16
