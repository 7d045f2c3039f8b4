"""ResNets: map sizes, atrous convolution, batch norms that stay as they are, and torchvision's names."""

import pytest
import torch

from strongpose.network import NetworkConfig, at_output_stride, build_network, load_backbone
from strongpose.network.norm import Norm
from strongpose.network.resnet import ResNet, rename_torchvision


@pytest.mark.parametrize("preactivation", [False, True])
@pytest.mark.parametrize("output_stride", [8, 16, 32])
@pytest.mark.parametrize("depth", [50, 101, 152])
def test_map_sizes(depth, output_stride, preactivation):
    with torch.device("meta"):
        backbone = ResNet(depth, preactivation, output_stride)
        features, middle = backbone(torch.empty(2, 3, 65, 97))
    assert features.shape == (2, 2048, 64 // output_stride + 1, 96 // output_stride + 1)
    assert middle.shape == (2, 1024, 64 // backbone.middle_stride + 1, 96 // backbone.middle_stride + 1)
    assert (backbone.channels, backbone.middle_channels) == (2048, 1024)
    assert (backbone.stride, backbone.middle_stride) == (output_stride, min(output_stride, 16))


def test_a_resnet_cut_after_stage_3():
    with torch.device("meta"):
        backbone = ResNet(50, True, 16, last_stage=3)
        features, middle = backbone(torch.empty(1, 3, 65, 65))
    assert features.shape == (1, 1024, 5, 5)
    assert middle.shape == (1, 512, 9, 9)
    assert (backbone.stride, backbone.middle_stride) == (16, 8)


@pytest.mark.parametrize("preactivation", [False, True])
def test_atrous_convolution_computes_the_same_features_more_densely(preactivation):
    torch.manual_seed(0)
    sparse = ResNet(50, preactivation, 32).eval()
    dense = ResNet(50, preactivation, 8).eval()
    dense.load_state_dict(sparse.state_dict())
    images = torch.rand(1, 3, 65, 65)
    with torch.no_grad():
        expected, actual = sparse(images)[0], dense(images)[0]
    assert expected.std() > 0
    torch.testing.assert_close(actual[..., ::4, ::4], expected, rtol=1e-3, atol=1e-4 * expected.std().item())


@pytest.mark.parametrize("neck_channels", [0, 8])
def test_maps_of_the_same_weights_at_a_denser_stride(neck_channels):
    torch.manual_seed(0)
    config = NetworkConfig(backbone="resnet50", output_stride=16, upsample=1, neck_channels=neck_channels)
    sparse = build_network(config).eval()
    dense = at_output_stride(sparse, 8)
    assert (dense.config.stride, dense.config.dilation, dense.training) == (8, 2, False)
    assert dense.backbone.stem.conv.weight.data_ptr() == sparse.backbone.stem.conv.weight.data_ptr()
    assert at_output_stride(sparse, 16) is sparse
    images = torch.rand(1, 3, 65, 97)
    with torch.no_grad():
        expected, actual = sparse(images), dense(images)
    for name in ("heatmaps", "offsets", "displacements", "body"):
        few, many = getattr(expected, name), getattr(actual, name)[..., ::2, ::2]
        assert few.std() > 0 and many.shape == few.shape
        torch.testing.assert_close(many, few, rtol=1e-3, atol=1e-3 * few.std().item())


def test_strides_that_the_weights_cannot_have():
    with torch.device("meta"):
        shuffled = build_network(NetworkConfig(backbone="resnet50", output_stride=16, upsample=2))
        coarse = build_network(NetworkConfig(backbone="resnet50", output_stride=16, upsample=1))
    with pytest.raises(ValueError, match=r"upsample 2 .* only one with upsample 1"):
        at_output_stride(shuffled, 8)
    with pytest.raises(ValueError, match="divides the trained 16, got 32"):
        at_output_stride(coarse, 32)


@pytest.mark.parametrize(
    ("mode", "statistics_move", "affine_trained"),
    [
        ("frozen", False, False),
        ("fixed", False, True),
        ("trained", True, True),
    ],
)
def test_batch_norm_modes(mode, statistics_move, affine_trained):
    norm = Norm(3, mode).train()
    x = torch.rand(4, 3, 5, 5, requires_grad=True)
    y = norm(x)
    y.square().sum().backward()
    assert (norm.running_mean.abs().sum() > 0) == statistics_move
    assert (norm.running_var != 1).any() == statistics_move
    assert (norm.weight.grad is not None) == affine_trained
    assert torch.allclose(y, x, atol=1e-4) == (not statistics_move)  # stored statistics are 0 and 1


def test_fixed_norms_use_stored_statistics():
    norm = Norm(2, "frozen").train()
    norm.running_mean.copy_(torch.tensor([1.0, 2.0]))
    norm.running_var.copy_(torch.tensor([4.0, 9.0]))
    norm.weight.data.copy_(torch.tensor([1.0, 3.0]))
    norm.bias.data.copy_(torch.tensor([0.0, 5.0]))
    y = norm(torch.full((1, 2, 1, 1), 5.0)).flatten()
    torch.testing.assert_close(y, torch.tensor([(5 - 1) / 2, (5 - 2) / 3 * 3 + 5]), rtol=1e-5, atol=1e-5)


def test_training_a_network_leaves_fixed_statistics_alone():
    config = NetworkConfig(backbone="resnet50", output_stride=16, last_stage=3, norm="fixed", freeze_stages=1)
    network = build_network(config).train()
    before = {name: value.clone() for name, value in network.named_buffers()}
    maps = network(torch.rand(2, 3, 65, 65))
    (maps.heatmaps.sum() + maps.middle.heatmaps.sum()).backward()
    assert all(torch.equal(value, before[name]) for name, value in network.named_buffers())
    assert network.backbone.stem.conv.weight.grad is None
    assert network.backbone.stages[0][0].conv1.weight.grad is None
    assert network.backbone.stages[1][0].conv1.weight.grad is not None


def test_torchvision_names():
    names = {
        "conv1.weight": "stem.conv.weight",
        "bn1.running_mean": "stem.norm.running_mean",
        "layer1.0.conv1.weight": "stages.0.0.conv1.weight",
        "layer4.2.bn3.bias": "stages.3.2.norm3.bias",
        "layer2.0.downsample.0.weight": "stages.1.0.shortcut.weight",
        "layer2.0.downsample.1.running_var": "stages.1.0.shortcut_norm.running_var",
        "stage3.5.norm2.weight": "stages.2.5.norm2.weight",
        "surplus": "surplus",
    }
    tensors = {name: torch.tensor(i) for i, name in enumerate(names)}
    dropped = {"fc.weight": torch.tensor(-1), "layer1.0.bn1.num_batches_tracked": torch.tensor(-1)}
    state = rename_torchvision(tensors | dropped)
    assert {name: value.item() for name, value in state.items()} == {name: i for i, name in enumerate(names.values())}


def test_the_preactivation_weights_fill_the_network(data_dir):
    config = NetworkConfig(backbone="resnet50v2", output_stride=16, last_stage=3)
    network = build_network(config)
    load_backbone(network, data_dir / "backbones" / "resnet50v2-imagenet-c4.safetensors")
    # ImageNet's statistics of a real, normalised photo: far from those of a new norm.
    assert network.backbone.stages[2][5].norm3.running_mean.abs().mean() > 0.01
    whole = build_network(NetworkConfig(backbone="resnet50v2", output_stride=16))
    with pytest.raises(ValueError, match=r"resnet50v2-imagenet-c4.*stages\.3.* is missing"):
        load_backbone(whole, data_dir / "backbones" / "resnet50v2-imagenet-c4.safetensors")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((34, False, 16), "depth"),
        ((50, False, 4), "output_stride"),
        ((50, False, 32, 3), "output_stride"),
        ((50, False, 16, 2), "last_stage"),
    ],
)
def test_arguments_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        ResNet(*arguments)
