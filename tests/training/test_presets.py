"""The presets: each kind trains, and each has what it promises."""

import shutil

import pytest
import torch
from pictures import write_dataset

from strongpose.network import build_network
from strongpose.training.loop import train
from strongpose.training.presets import PRESETS
from strongpose.training.recipe import TrainConfig


@pytest.mark.parametrize(
    ("name", "backbone"), [("paper-resnet101", "resnet50"), ("best-resnet50", "resnet50"), ("lite0", "lite0")]
)
def test_each_kind_of_preset_trains(name, backbone, tmp_path):
    """Two steps on small crops; the norms adapt, for random weights come without statistics."""
    lines = []
    small = dict(crop_size=97, batch_size=2, steps=2, workers=0, log_every=1, norm="trained", backbone=backbone)
    config = TrainConfig(data=(write_dataset(tmp_path / "set", 2),), out=tmp_path / "run", **(PRESETS[name] | small))
    train(config, lines.append)
    assert "M parameters" in lines[1]
    assert lines[-1].startswith("step 2/2") and ("middle" in lines[-1]) == (not name.startswith("lite"))
    shutil.rmtree(config.out)  # hundreds of megabytes


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_has_the_network_that_it_promises(name):
    with torch.device("meta"):
        config = build_network(TrainConfig(data=("a.json",), **PRESETS[name]).network_config()).config
    assert config.backbone == name.split("-")[-1]
    assert len(config.skeleton.edges) == (16 if name.startswith("paper") else 34)
    assert config.stride == {"paper": 16, "best": 4}.get(name.split("-")[0], 8)


@pytest.mark.parametrize("name", ["paper-resnet101", "paper-resnet152"])
def test_the_papers_settings(name):
    config = TrainConfig(data=("a.json",), **PRESETS[name])
    assert (config.crop_size, config.disk_radius, config.output_stride, config.eval_output_stride) == (401, 16, 16, 8)
    assert (config.optimizer, config.learning_rate, config.backbone_lr_factor, config.norm) == ("sgd", 1e-3, 1, "fixed")
    assert (config.upsample, config.neck_channels, config.focal_gamma) == (1, 0, 0)
    assert [config.learning_rate_factor(step, step / 90_000) for step in (0, 45_000, 89_999)] == [1, 1, 1]
