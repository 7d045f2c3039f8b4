"""Weights: everything is used and everything is filled, or a clear error; nothing changes on the way."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from strongpose.network import NetworkConfig, build_network, load_backbone
from strongpose.network.mobile import rename_trunk
from strongpose.network.tensors import fill, read_tensors, write_tensors
from strongpose.network.weights import (
    METADATA_KEY,
    TrainingFacts,
    load_network,
    load_weights,
    save_weights,
    training_facts,
)
from strongpose.runtime import resolve_model
from strongpose.skeleton import COCO_19, COCO_TREE
from strongpose.skeletons import load_skeleton

SMALL = NetworkConfig(COCO_TREE, upsample=1, neck_channels=8)

# Lightweight OpenPose's heat map channel of each COCO keypoint (channel 1 is the neck).
OPENPOSE_CHANNELS = (0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10)


def layers() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Conv2d(2, 3, 1), torch.nn.BatchNorm2d(3, track_running_stats=False))


def test_fill_copies_every_tensor_and_converts_its_type():
    source, target = layers(), layers()
    fill(target, {name: tensor.half() for name, tensor in source.state_dict().items()}, "file")
    assert target[0].weight.dtype == torch.float32
    assert torch.equal(target[0].weight, source[0].weight.half().float())
    assert torch.equal(target[0].bias, source[0].bias.half().float())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("0.bias"), "0.bias is missing"),
        (lambda t: t.update(surplus=torch.zeros(1)), "surplus is not part of this network"),
        (
            lambda t: t.update({"0.weight": torch.zeros(3, 2, 3, 3)}),
            r"0.weight has shape \(3, 2, 3, 3\), expected \(3, 2, 1, 1\)",
        ),
    ],
)
def test_fill_names_what_does_not_fit_and_copies_nothing(change, message):
    target = layers()
    before = {name: tensor.clone() for name, tensor in target.state_dict().items()}
    tensors = {name: tensor + 1 for name, tensor in before.items()}
    change(tensors)
    with pytest.raises(ValueError, match=f"^some-file: .*{message}"):
        fill(target, tensors, "some-file")
    assert all(torch.equal(tensor, before[name]) for name, tensor in target.state_dict().items())


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.safetensors"):
        read_tensors(tmp_path / "absent.safetensors")
    (tmp_path / "damaged.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(ValueError, match=r"damaged\.safetensors"):
        read_tensors(tmp_path / "damaged.safetensors")
    (tmp_path / "damaged.onnx").write_bytes(b"\xff" * 100)
    with pytest.raises(ValueError, match=r"damaged\.onnx"):
        load_network(tmp_path / "damaged.onnx")


def test_a_saved_network_comes_back_the_same(tmp_path):
    network = build_network(SMALL).to(memory_format=torch.channels_last)
    save_weights(network, tmp_path / "a.safetensors")
    loaded = load_network(tmp_path / "a.safetensors")
    assert loaded.config == SMALL
    state = network.state_dict()
    assert loaded.state_dict().keys() == state.keys()
    assert all(torch.equal(tensor, state[name]) for name, tensor in loaded.state_dict().items())
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


def test_weights_say_what_they_were_trained_with(tmp_path):
    path, network = tmp_path / "a.safetensors", build_network(SMALL)
    for facts in (TrainingFacts(), TrainingFacts(16.0, 801), TrainingFacts(size=97)):
        save_weights(network, path, facts)
        assert training_facts(path) == facts
        assert load_network(path).config == SMALL
    assert training_facts(resolve_model("base")) == TrainingFacts(12.0, 561)


@pytest.mark.parametrize("wrong", [{"decode": {"disk_radius": -1}}, {"decode": 3}, {"size": "wide"}, {"size": 10**400}])
def test_facts_that_make_no_sense_are_refused(tmp_path, wrong):
    path = tmp_path / "a.safetensors"
    write_tensors(path, {}, {METADATA_KEY: json.dumps(wrong)})
    with pytest.raises(ValueError, match=r"a\.safetensors: its metadata does not describe"):
        training_facts(path)


def test_the_middle_head_is_optional(tmp_path):
    path = tmp_path / "a.safetensors"
    without = NetworkConfig(**{**vars(SMALL), "middle_head": False})
    for saved, loading in ((SMALL, without), (without, SMALL)):
        network, other = build_network(saved), build_network(loading)
        save_weights(network, path)
        load_weights(other, path)
        assert torch.equal(other.head.fields.weight, network.head.fields.weight)


def test_a_finer_network_predicts_at_first_what_the_coarse_one_predicts(tmp_path):
    torch.manual_seed(0)
    coarse = build_network(SMALL)
    torch.nn.init.normal_(coarse.head.fields.bias)
    save_weights(coarse, tmp_path / "a.safetensors")
    finer = build_network(NetworkConfig(**{**vars(SMALL), "upsample": 2}))
    load_weights(finer, tmp_path / "a.safetensors")
    images = torch.rand(1, 3, 33, 49)
    with torch.no_grad():
        there, here = coarse.train()(images), finer.train()(images)
    for theirs, ours in ((there, here), (there.middle, here.middle)):
        for row in (0, 1):
            for column in (0, 1):  # the last coarse cells have no finer ones behind them
                heat = ours.heatmaps[..., row::2, column::2]
                torch.testing.assert_close(heat, theirs.heatmaps[..., : heat.shape[-2], : heat.shape[-1]])
                away = 4.0 * torch.tensor([column, row])[:, None, None]
                for name in ("offsets", "displacements"):
                    ends = getattr(ours, name)[..., row::2, column::2] + away
                    wanted = getattr(theirs, name)[..., : ends.shape[-2], : ends.shape[-1]]
                    torch.testing.assert_close(ends, wanted, rtol=1e-4, atol=1e-3)


def test_older_files_may_name_parts_that_are_gone_but_not_use_them():
    older = {**SMALL.to_dict(), "neck_rank": 0, "fine_channels": 0}
    assert NetworkConfig.from_dict(older) == SMALL
    with pytest.raises(ValueError, match="a network configuration needs the fields"):
        NetworkConfig.from_dict({**older, "neck_rank": 96})


def test_weights_of_another_skeleton_are_refused(tmp_path):
    save_weights(build_network(SMALL), tmp_path / "a.safetensors")
    other = build_network(NetworkConfig(COCO_19, upsample=1, neck_channels=8))
    with pytest.raises(ValueError, match=r"a\.safetensors: made for the skeleton 'coco-tree'.*'coco-19'"):
        load_weights(other, tmp_path / "a.safetensors")


def test_a_file_without_our_metadata_is_refused(tmp_path):
    save_file(build_network(SMALL).state_dict(), tmp_path / "plain.safetensors")
    with pytest.raises(ValueError, match=r"plain\.safetensors.*does not describe"):
        load_network(tmp_path / "plain.safetensors")


def test_the_trunk_must_fit_completely(data_dir, tmp_path):
    tensors = load_file(data_dir / "backbones" / "lightweight-openpose-trunk.safetensors")
    network = build_network(SMALL)
    del tensors["conv4_4_CPM.bias"]
    tensors["surplus.weight"] = torch.zeros(1)
    save_file(tensors, tmp_path / "trunk.safetensors")
    with pytest.raises(
        ValueError, match=r"trunk\.safetensors.*context\.merge\.bias is missing.*surplus\.weight is not"
    ):
        load_backbone(network, tmp_path / "trunk.safetensors")


def test_the_first_layer_of_the_trunk_reads_rgb():
    bgr = torch.arange(3.0).reshape(1, 3, 1, 1)
    assert rename_trunk({"conv1.weight": bgr})["stem.weight"].flatten().tolist() == [2, 1, 0]


def test_the_trunk_knows_where_joints_are(data_dir):
    network = build_network(SMALL).eval()
    load_backbone(network, data_dir / "backbones" / "lightweight-openpose-trunk.safetensors")
    annotations = json.loads((data_dir / "coco-tune" / "annotations.json").read_text())
    files = {image["id"]: image["file_name"] for image in annotations["images"]}
    large = sorted(
        (a for a in annotations["annotations"] if a.get("num_keypoints", 0) >= 15),
        key=lambda a: -a["bbox"][2] * a["bbox"][3],
    )[:6]
    at_joints, at_others = [], []
    for annotation in large:
        with Image.open(data_dir / "coco-tune" / "images" / files[annotation["image_id"]]) as photo:
            scale = 257 / photo.height
            pixels = np.asarray(photo.convert("RGB").resize((round(photo.width * scale), 257)))
        images = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
        with torch.no_grad():
            heatmaps = network.backbone((images - network.mean) / network.std)[0][0, -19:]
        for (x, y, visible), channel in zip(
            np.reshape(annotation["keypoints"], (-1, 3)), OPENPOSE_CHANNELS, strict=True
        ):
            column, row = round(x * scale / 8), round(y * scale / 8)
            if visible == 2 and row < heatmaps.shape[1] and column < heatmaps.shape[2]:
                at_joints.append(heatmaps[channel, row, column].item())
                at_others.append(heatmaps[channel].mean().item())
    assert len(at_joints) > 50
    assert np.mean(at_joints) > 0.3
    assert np.mean(at_joints) > 10 * np.mean(at_others)


def test_weights_of_another_skeleton_fill_all_but_the_heads(tmp_path):
    torch.manual_seed(0)
    saved, other = (build_network(NetworkConfig(skeleton=s)) for s in (COCO_TREE, load_skeleton("lsp14")))
    save_weights(saved, tmp_path / "a.safetensors")
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    assert load_weights(other, tmp_path / "a.safetensors", other_skeleton=True) is False
    theirs = saved.state_dict()
    for name, tensor in other.state_dict().items():
        expected = before if name.startswith(("head.", "middle_head.")) else theirs
        assert torch.equal(tensor, expected[name]), name
    assert not torch.equal(theirs["neck.0.weight"], before["neck.0.weight"])
    same = build_network(NetworkConfig(skeleton=COCO_TREE))
    assert load_weights(same, tmp_path / "a.safetensors", other_skeleton=True) is True
