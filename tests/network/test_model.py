"""The configuration and the assembled network."""

import importlib.util
import json

import pytest
import torch

from strongpose.network import NetworkConfig, at_output_stride, build_network
from strongpose.skeleton import COCO_TREE


@pytest.mark.parametrize(
    "config",
    [
        NetworkConfig(),
        NetworkConfig(COCO_TREE, "resnet101", output_stride=16, upsample=4, neck_channels=0, norm="trained"),
        NetworkConfig(upsample=1, half_scale=True),
    ],
)
def test_a_configuration_survives_json(config):
    assert NetworkConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_strides():
    config = NetworkConfig(backbone="resnet50", output_stride=16, upsample=4)
    assert (config.stride, config.coarse_stride) == (4, 16)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("backbone", "resnet18"),
        ("output_stride", 16),
        ("upsample", 3),
        ("last_stage", 2),
        ("norm", "batch"),
        ("neck_channels", -1),
        ("freeze_stages", -1),
        ("dilation", 0),
    ],
)
def test_configurations_that_do_not_fit_are_refused(field, value):
    with pytest.raises(ValueError, match=f"{field}.*{value}"):
        NetworkConfig(**{field: value})


def test_a_damaged_configuration_is_refused():
    data = NetworkConfig().to_dict()
    del data["upsample"]
    with pytest.raises(ValueError, match=r"needs the fields.*upsample"):
        NetworkConfig.from_dict(data)


def test_the_middle_head_works_in_training_only():
    network = build_network(NetworkConfig(COCO_TREE))
    images = torch.rand(2, 3, 65, 97)
    maps = network.train()(images)
    assert maps.middle is not None
    assert [output.shape for output in maps.middle[:4]] == [output.shape for output in maps[:4]]
    assert maps.heatmaps.shape == (2, 17, 17, 25)
    assert network.eval()(images).middle is None
    assert build_network(NetworkConfig(COCO_TREE, middle_head=False)).train()(images).middle is None


def test_middle_maps_of_a_finer_layer_lie_on_the_same_cells():
    network = build_network(NetworkConfig(COCO_TREE, "resnet50v2", output_stride=16, last_stage=3, upsample=2))
    maps = network.train()(torch.rand(1, 3, 65, 65))
    assert maps.middle.heatmaps.shape == maps.heatmaps.shape == (1, 17, 9, 9)


def test_frozen_stages_get_no_gradient():
    network = build_network(NetworkConfig(COCO_TREE, freeze_stages=2)).train()
    network(torch.rand(1, 3, 65, 65)).heatmaps.sum().backward()
    trained = [unit.pointwise.weight.grad is not None for unit in network.backbone.units]
    assert trained == [False] * 3 + [True] * 8
    assert network.backbone.stem.weight.grad is None
    whole = build_network(NetworkConfig(COCO_TREE, freeze_stages=4))
    assert not any(parameter.requires_grad for parameter in whole.backbone.parameters())
    assert all(parameter.requires_grad for parameter in whole.neck.parameters())
    with pytest.raises(ValueError, match="4 stages that can be frozen, got freeze_stages=5"):
        build_network(NetworkConfig(freeze_stages=5))


def test_pixels_are_normalised_inside_the_network():
    network = build_network(NetworkConfig(COCO_TREE, "resnet50", output_stride=32)).eval()
    seen = []
    network.backbone.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    network(torch.tensor([0.485, 0.456, 0.406 + 0.225])[None, :, None, None].expand(1, 3, 33, 33))
    torch.testing.assert_close(seen[0][0, :, 5, 5], torch.tensor([0.0, 0.0, 1.0]), atol=1e-6, rtol=0)


def test_autocast_and_channels_last_agree_with_float32():
    torch.manual_seed(0)
    network = build_network(NetworkConfig(COCO_TREE)).eval()
    images = torch.rand(1, 3, 65, 65)
    with torch.no_grad():
        expected = network(images)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            actual = network.to(memory_format=torch.channels_last)(images)
    assert {output.dtype for output in actual[:4]} == {torch.float32}
    torch.testing.assert_close(actual.heatmaps, expected.heatmaps, atol=0.05, rtol=0)


@pytest.mark.skipif(importlib.util.find_spec("timm") is not None, reason="timm is installed")
def test_a_timm_backbone_without_timm_says_what_to_install():
    with pytest.raises(ImportError, match=r"timm:hrnet_w32.*pip install .*\[timm\]"):
        build_network(NetworkConfig(backbone="timm:hrnet_w32", output_stride=32))


def test_the_mobile_network_at_a_denser_stride_predicts_the_same_where_both_have_cells():
    torch.manual_seed(0)
    sparse = build_network(NetworkConfig(COCO_TREE, upsample=1, neck_channels=8)).eval()
    dense = at_output_stride(sparse, 4)
    assert (dense.config.stride, dense.backbone.stride, dense.config.dilation) == (4, 4, 2)
    images = torch.rand(1, 3, 65, 97)
    with torch.no_grad():
        expected, actual = sparse(images), dense(images)
    for name in ("heatmaps", "offsets", "displacements", "body"):
        few, many = getattr(expected, name), getattr(actual, name)
        assert many.shape[-2:] == (17, 25) and few.std() > 0
        torch.testing.assert_close(many[..., ::2, ::2], few, rtol=1e-3, atol=1e-3 * few.std().item())
