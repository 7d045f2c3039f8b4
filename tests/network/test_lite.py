"""EfficientNet-lite and its pyramid: sizes, literal values, batch norms, names of the weights, ImageNet's means."""

import numpy as np
import pytest
import torch
from torch import nn

from strongpose.images import fit_image, open_image
from strongpose.network import NetworkConfig, at_output_stride, build_network, load_backbone
from strongpose.network.lite import LITE_STAGES, LiteBackbone, rename_efficientnet
from strongpose.network.norm import Norm
from strongpose.network.pyramid import Pyramid
from strongpose.network.tensors import fill


@pytest.mark.parametrize("variant", [0, 2])
@pytest.mark.parametrize("output_stride", [4, 8])
def test_map_sizes(variant, output_stride):
    with torch.device("meta"):
        backbone = LiteBackbone(variant, output_stride)
        features, middle = backbone(torch.empty(2, 3, 65, 97))
    strides = [stride for stride in (4, 8, 16, 32) if stride >= output_stride]
    assert [tuple(f.shape[2:]) for f in features] == [(64 // s + 1, 96 // s + 1) for s in strides]
    assert tuple(f.shape[1] for f in features) == backbone.channels
    assert backbone.channels[-3:] == {0: (40, 112, 320), 2: (48, 120, 352)}[variant]
    assert middle is features[0] and middle.shape[1] == backbone.middle_channels
    assert (backbone.stride, backbone.middle_stride) == (output_stride, output_stride)


@pytest.mark.parametrize(("variant", "parameters"), [(0, 2_958_848), (2, 4_357_952)])
def test_the_size_of_the_trunk(variant, parameters):
    with torch.device("meta"):
        assert sum(p.numel() for p in LiteBackbone(variant).parameters()) == parameters


def test_a_unit_adds_its_input_only_where_the_shapes_agree():
    with torch.device("meta"):
        backbone = LiteBackbone(0)
    adds = [[unit.adds for unit in stage] for stage in backbone.stages]
    assert adds == [
        [False],
        [False, True],
        [False, True],
        [False, True, True],
        [False, True, True],
        [False, *[True] * 3],
        [False],
    ]


def test_a_pyramid_adds_the_levels_where_their_cells_lie():
    """With 1×1 laterals that pass the value on and levels and units that change nothing, the sum is interpolated."""
    pyramid = Pyramid((1, 1, 1), 8, 1, units=1).eval()
    for module in pyramid.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.weight)
            centre = module.kernel_size[0] // 2
            module.weight.data[0, 0, centre, centre] = 1.0
        if isinstance(module, Norm):
            module.running_var.fill_(1 - module.eps)
    nn.init.zeros_(pyramid.units[0].pointwise.weight)
    fine, middle, coarse = torch.zeros(1, 1, 5, 5), torch.zeros(1, 1, 3, 3), torch.zeros(1, 1, 2, 2)
    fine[0, 0, 4, 4], middle[0, 0, 1, 1], coarse[0, 0, 0, 1] = 7, 8, 16
    with torch.no_grad():
        found = pyramid([fine, middle, coarse])[0, 0]
    column = torch.tensor([[1.0, 0.75, 0.5, 0.25, 0.0]]).T
    row = torch.tensor([[0.0, 0.25, 0.5, 0.75, 1.0]])
    tent = torch.tensor([0.0, 0.5, 1.0, 0.5, 0.0])
    expected = 16 * column * row + 8 * tent[:, None] * tent
    expected[4, 4] += 7
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_the_coarsest_features_reach_every_cell():
    """A person who fills the photo is seen whole: any pixel moves the answer in any cell."""
    torch.manual_seed(0)
    network = build_network(NetworkConfig(backbone="lite0", upsample=1, neck_channels=16)).eval()
    images = torch.rand(1, 3, 417, 417)
    moved = images.clone()
    moved[..., :8, :8] += 1
    with torch.no_grad():
        change = (network(moved).heatmaps - network(images).heatmaps).abs()
    assert change[0, :, -1, -1].max() > 0


@pytest.mark.parametrize(
    ("norm", "trunk_moves", "trunk_is_trained"),
    [("frozen", False, False), ("fixed", False, True), ("trained", True, True)],
)
def test_the_pyramids_norms_are_trained_whatever_the_trunks_do(norm, trunk_moves, trunk_is_trained):
    network = build_network(NetworkConfig(backbone="lite0", upsample=1, neck_channels=8, norm=norm)).train()
    network(torch.rand(2, 3, 65, 65))
    trunk = [m for m in network.backbone.modules() if isinstance(m, Norm)]
    pyramid = [m for m in network.neck.modules() if isinstance(m, Norm)]
    assert len(trunk) == 1 + sum(units * (3 if expansion > 1 else 2) for units, _, _, expansion, _ in LITE_STAGES[0])
    assert all(bool((m.running_mean != 0).any()) == trunk_moves for m in trunk)
    assert all(m.weight.requires_grad == trunk_is_trained for m in trunk)
    assert all((m.running_mean != 0).any() and m.weight.requires_grad for m in pyramid)


def test_frozen_stages_keep_their_statistics():
    network = build_network(
        NetworkConfig(backbone="lite0", upsample=1, neck_channels=8, norm="trained", freeze_stages=2)
    )
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.train()(torch.rand(2, 3, 65, 65)).heatmaps.sum().backward()
    state = network.state_dict()
    moved = {name.split(".")[2] for name in before if "stages" in name and not torch.equal(before[name], state[name])}
    assert moved == {"2", "3", "4", "5", "6"}
    assert torch.equal(before["backbone.stem.norm.running_mean"], state["backbone.stem.norm.running_mean"])
    trained = {n.split(".")[1] for n, p in network.backbone.stages.named_parameters(prefix="s") if p.grad is not None}
    assert trained == {"2", "3", "4", "5", "6"}
    assert not any(
        p.requires_grad for p in [*network.backbone.stem.parameters(), *network.backbone.stages[:2].parameters()]
    )
    with pytest.raises(ValueError, match="has 7 stages, got freeze_stages=8"):
        network.backbone.freeze(8)


def test_names_of_the_weights():
    names = rename_efficientnet(
        {
            "_conv_stem.weight": torch.zeros(1),
            "_bn0.bias": torch.zeros(1),
            "_blocks.0._bn1.weight": torch.zeros(1),
            "_blocks.2._expand_conv.weight": torch.zeros(1),
            "_blocks.2._bn0.running_mean": torch.zeros(1),
            "_blocks.15._project_conv.weight": torch.zeros(1),
            "_blocks.16._bn1.weight": torch.zeros(1),
            "_fc.weight": torch.zeros(1),
        },
        0,
    )
    assert list(names) == [
        "stem.conv.weight",
        "stem.norm.bias",
        "stages.0.0.depthwise_norm.weight",
        "stages.1.1.expand.weight",
        "stages.1.1.expand_norm.running_mean",
        "stages.6.0.project.weight",
        "_blocks.16._bn1.weight",  # a lite0 has sixteen
        "_fc.weight",
    ]
    with pytest.raises(ValueError, match=r"_fc\.weight is not part of this network"):
        fill(LiteBackbone(0), names, "weights.safetensors")


@pytest.mark.parametrize("name", ["lite0", "lite2"])
def test_inputs_of_the_norms_on_photos_are_what_imagenets_were(name, photos, data_dir):
    """Wrong colours, normalisation, padding or layers would show here: the stored means describe ImageNet's photos."""
    network = build_network(NetworkConfig(backbone=name, upsample=1, neck_channels=8)).eval()
    load_backbone(network, data_dir / "backbones" / f"efficientnet-{name}-imagenet.safetensors")
    seen: dict[str, list[torch.Tensor]] = {}
    norms = {n: m for n, m in network.backbone.named_modules() if isinstance(m, Norm)}
    for norm_name, norm in norms.items():
        norm.register_forward_pre_hook(
            lambda _, inputs, n=norm_name: seen.setdefault(n, []).append(inputs[0].mean((0, 2, 3)))
        )
    files = sorted(photos.glob("*.jpg"))
    assert len(files) >= 3
    for photo in files:
        pixels = torch.from_numpy(fit_image(open_image(photo), 321, 32).pixels[None])
        with torch.no_grad():
            network(pixels.permute(0, 3, 1, 2).float() / 255)
    away = {
        n: float(np.median((torch.stack(seen[n]).mean(0) - m.running_mean).abs() / (m.running_var + m.eps).sqrt()))
        for n, m in norms.items()
    }
    assert max(away.values()) < 0.5 and np.median(list(away.values())) < 0.25, away


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"neck_channels": 0}, "needs a pyramid"),
        ({"half_scale": True}, "no half_scale"),
        ({"dilation": 2}, "no dilation"),
        ({"output_stride": 16}, "output_stride 4 or 8, got 16"),
    ],
)
def test_what_a_network_with_a_pyramid_cannot_have(wrong, message):
    with pytest.raises(ValueError, match=message):
        NetworkConfig(backbone="lite2", upsample=1, **{"neck_channels": 128, **wrong})


def test_a_network_with_a_pyramid_keeps_its_stride():
    config = NetworkConfig(backbone="lite2", upsample=1, neck_channels=8)
    assert (config.stride, config.coarse_stride) == (8, 32)
    with torch.device("meta"):
        network = build_network(config)
    assert at_output_stride(network, 8) is network
    with pytest.raises(ValueError, match="only its own output stride 8, got 4"):
        at_output_stride(network, 4)
