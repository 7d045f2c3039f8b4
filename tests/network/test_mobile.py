"""The MobileNet trunk at stride 8, and at stride 16 under a pyramid: sizes, equal values, stages, weights."""

import pytest
import torch

from strongpose.network import NetworkConfig, build_network
from strongpose.network.mobile import MobileBackbone
from strongpose.network.weights import load_backbone_weights, load_network, save_weights


def test_sizes_of_the_features():
    with torch.device("meta"):
        images = torch.empty(2, 3, 65, 97)
        features, middle = MobileBackbone()(images)
        (fine, coarse), finest = MobileBackbone(pyramid=True)(images)
    assert features.shape == (2, 313, 9, 13) and middle.shape == (2, 128, 9, 13)
    assert fine.shape == (2, 512, 9, 13) and coarse.shape == (2, 313, 5, 7) and finest is fine


def test_the_coarse_stage_computes_every_second_cell_of_what_was_trained():
    torch.manual_seed(0)
    whole, pyramid = MobileBackbone().eval(), MobileBackbone(pyramid=True).eval()
    pyramid.load_state_dict(whole.state_dict())
    images, found = torch.rand(1, 3, 161, 193), {}
    for name, backbone in (("whole", whole), ("pyramid", pyramid)):
        backbone.units[6].register_forward_hook(lambda _, __, output, name=name: found.update({name: output}))
        with torch.no_grad():
            backbone(images)
    assert found["pyramid"].shape == (1, 512, 11, 13) and found["pyramid"].std() > 0
    torch.testing.assert_close(found["pyramid"], found["whole"][..., ::2, ::2])


@pytest.mark.parametrize(("pyramid", "stages", "trained"), [(False, 3, 0), (True, 3, 5), (True, 4, 0), (True, 5, 0)])
def test_stages_are_frozen_from_the_first(pyramid, stages, trained):
    backbone = MobileBackbone(pyramid=pyramid)
    backbone.freeze(stages)
    assert not backbone.stem.weight.requires_grad
    assert sum(p.requires_grad for p in backbone.units.parameters()) == 4 * trained
    assert backbone.context.align.weight.requires_grad == (stages < backbone.num_stages)


def test_a_pyramid_has_one_output_stride():
    with pytest.raises(ValueError, match="the mobile16 backbone has output_stride 8, got 4"):
        NetworkConfig(backbone="mobile16", output_stride=4)
    assert NetworkConfig(backbone="mobile16", upsample=1).coarse_stride == 16


def test_a_backbone_can_have_the_weights_of_a_whole_network(tmp_path):
    torch.manual_seed(0)
    source = build_network(NetworkConfig(upsample=1, neck_channels=16))
    save_weights(source, tmp_path / "whole.safetensors")
    network = build_network(NetworkConfig(backbone="mobile16", upsample=1, neck_channels=16, middle_head=False))
    load_backbone_weights(network, tmp_path / "whole.safetensors")
    expected = source.backbone.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in network.backbone.state_dict().items())
    save_weights(network, tmp_path / "coarse.safetensors")
    assert load_network(tmp_path / "coarse.safetensors").config == network.config
    other = build_network(NetworkConfig(backbone="lite0", upsample=1, neck_channels=16))
    with pytest.raises(ValueError, match=r"whole\.safetensors: the weights do not fit LiteBackbone"):
        load_backbone_weights(other, tmp_path / "whole.safetensors")
