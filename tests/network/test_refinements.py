"""Fewer refinement blocks: the features are those of the whole backbone further forward, and files of it fit."""

from dataclasses import replace

import pytest
import torch

from strongpose.network import NetworkConfig, build_network
from strongpose.network.mobile import MobileBackbone, without_refinements
from strongpose.network.weights import load_network, load_weights, save_weights
from strongpose.skeleton import COCO_TREE

WHOLE = NetworkConfig(COCO_TREE, upsample=1, neck_channels=8, middle_head=False)


@pytest.mark.parametrize("kept", [0, 2, 4])
def test_features_are_those_of_the_whole_backbone_further_forward(kept):
    torch.manual_seed(0)
    whole = MobileBackbone()
    some = MobileBackbone(refinements=kept)
    some.load_state_dict(without_refinements(whole.state_dict(), kept))
    seen = []
    layer = whole.refine[kept - 1] if kept else whole.initial[-1]
    layer.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    images = torch.rand(1, 3, 65, 97)
    with torch.no_grad():
        features, middle, _ = some(images)
        expected, expected_middle, _ = whole(images)
        maps = torch.cat(whole.initial_maps(middle), dim=1)
    torch.testing.assert_close(features[:, :128], seen[0].relu())
    torch.testing.assert_close(features[:, 128:256], expected[:, 128:256])
    torch.testing.assert_close(features[:, 256:], maps)
    torch.testing.assert_close(middle, expected_middle)
    assert features.shape == expected.shape


def test_a_file_of_the_whole_network_fills_a_smaller_one(tmp_path):
    torch.manual_seed(0)
    whole, small = build_network(WHOLE), build_network(replace(WHOLE, refinements=1))
    save_weights(whole, tmp_path / "whole.safetensors")
    assert load_weights(small, tmp_path / "whole.safetensors")
    torch.testing.assert_close(small.head.fields.weight, whole.head.fields.weight)
    torch.testing.assert_close(small.backbone.refine[0].conv2.weight, whole.backbone.refine[0].conv2.weight)
    save_weights(small, tmp_path / "small.safetensors")
    assert load_network(tmp_path / "small.safetensors").config == small.config
    with pytest.raises(ValueError, match=r"small\.safetensors.*backbone\.final_maps\.\S+ is missing"):
        load_weights(whole, tmp_path / "small.safetensors")


def test_a_file_from_before_has_all_five():
    older = WHOLE.to_dict()
    del older["refinements"]
    assert NetworkConfig.from_dict(older) == WHOLE


def test_there_are_five():
    with pytest.raises(ValueError, match="refinements must be 0 to 5, got 6"):
        replace(WHOLE, refinements=6)
