"""Cell i lies on pixel stride·i, through the whole network: the convention that all coordinates rest on."""

import pytest
import torch
from torch import Tensor, nn

from strongpose.network import NetworkConfig, PoseNetwork, build_network
from strongpose.skeleton import COCO_TREE

# Taps along one axis, symmetric and summing to 1, by kernel size.
TAPS = {1: [1.0], 3: [0.1, 0.8, 0.1], 5: [0.05, 0.2, 0.5, 0.2, 0.05], 7: [0.02, 0.08, 0.2, 0.4, 0.2, 0.08, 0.02]}

CONFIGS = [
    NetworkConfig(COCO_TREE, "mobile", upsample=1),
    NetworkConfig(COCO_TREE, "mobile", upsample=2),
    NetworkConfig(COCO_TREE, "mobile", output_stride=4, dilation=2, upsample=1),
    NetworkConfig(COCO_TREE, "mobile", upsample=1, half_scale=True),
    NetworkConfig(COCO_TREE, "mobile16", upsample=1, neck_channels=16),
    NetworkConfig(COCO_TREE, "lite0", upsample=1, neck_channels=16),
    NetworkConfig(COCO_TREE, "lite2", output_stride=4, upsample=1, neck_channels=16),
    NetworkConfig(COCO_TREE, "lite2", upsample=2, neck_channels=16),
    NetworkConfig(COCO_TREE, "resnet50", output_stride=8, upsample=1),
    NetworkConfig(COCO_TREE, "resnet50", output_stride=16, upsample=1),
    NetworkConfig(COCO_TREE, "resnet50v2", output_stride=16, upsample=4),
    NetworkConfig(COCO_TREE, "resnet50v2", output_stride=16, last_stage=3, upsample=2, neck_channels=0),
]


def name(config: NetworkConfig) -> str:
    branch = "-half-scale" * config.half_scale
    return f"{config.backbone}-{config.output_stride}-to-{config.stride}-stage{config.last_stage}{branch}"


def spreading_network(config: NetworkConfig, cell: tuple[int, int]) -> PoseNetwork:
    """A linear network that only spreads its input; heat map 0 answers in one cell of each coarse cell."""
    network = build_network(config).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            taps = torch.tensor(TAPS[module.kernel_size[0]])
            kernel = taps[:, None] * taps[None, :] / module.weight.shape[1]
            nn.init.zeros_(module.bias) if module.bias is not None else None
            module.weight.data.copy_(kernel.expand_as(module.weight))
    network.mean.zero_()
    network.std.fill_(1)
    weight = network.head.fields.weight.data
    answering = cell[0] * config.upsample + cell[1]
    weight[torch.arange(len(weight)) != answering] = 0
    return network


@pytest.mark.parametrize("config", CONFIGS, ids=name)
def test_an_impulse_is_found_at_its_pixel(config):
    coarse, u = config.output_stride, config.upsample
    unit = 40 if config.has_pyramid else 16  # its view is wide, and shall end inside the image
    side = 24 * unit + 1
    x, y = 13 * unit, 10 * unit
    image = torch.zeros(1, 3, side, side)
    image[:, :, y, x] = 6  # the most that ReLU6 lets through
    for cell in {(0, 0), (u - 1, u // 2)}:
        with torch.no_grad():
            response = spreading_network(config, cell)(image).heatmaps[0, 0]
        assert response.shape == ((side - 1) // config.stride + 1,) * 2
        found_x = (response.sum(0) * torch.arange(response.shape[1])).sum() / response.sum() * config.stride
        found_y = (response.sum(1) * torch.arange(response.shape[0])).sum() / response.sum() * config.stride
        # A cell inside a coarse cell answers for the coarse cell, from where it lies.
        assert found_x == pytest.approx(x + cell[1] * coarse / u, abs=0.1)
        assert found_y == pytest.approx(y + cell[0] * coarse / u, abs=0.1)


@pytest.mark.parametrize("config", CONFIGS, ids=name)
def test_a_network_with_symmetric_kernels_maps_the_mirrored_image_to_mirrored_features(config):
    torch.manual_seed(0)
    network = build_network(config).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data.copy_((module.weight + module.weight.flip(-1)) / 2)

    def features(images: Tensor) -> Tensor:
        with torch.no_grad():
            return network.neck(network.backbone(images)[0])

    images = torch.rand(1, 3, 97, 129)
    expected = features(images)
    assert expected.std() > 0
    torch.testing.assert_close(
        features(images.flip(-1)), expected.flip(-1), rtol=1e-3, atol=1e-4 * expected.std().item()
    )
