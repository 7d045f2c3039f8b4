"""The presets: each trains, and says what it promises."""

import shutil

import pytest
from pictures import write_dataset

from strongpose.network.weights import load_network
from strongpose.training.loop import train
from strongpose.training.presets import PRESETS
from strongpose.training.recipe import TrainConfig


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_trains(name, tmp_path):
    """Two steps of the real network, on small crops; its norms adapt, for random weights come without statistics."""
    lines = []
    small = dict(crop_size=97, batch_size=2, steps=2, workers=0, log_every=1, norm="trained")
    config = TrainConfig(data=(write_dataset(tmp_path / "set", 2),), out=tmp_path / "run", **(PRESETS[name] | small))
    network = load_network(train(config, lines.append))
    assert "M parameters" in lines[1]
    assert lines[-1].startswith("step 2/2") and ("middle" in lines[-1]) == (not name.startswith("lite"))
    assert network.config.backbone == name.split("-")[-1]
    assert len(network.config.skeleton.edges) == (16 if name.startswith("paper") else 34)
    assert network.config.stride == {"paper": 16, "best": 4}.get(name.split("-")[0], 8)
    shutil.rmtree(config.out)  # up to a gigabyte


@pytest.mark.parametrize("name", ["paper-resnet101", "paper-resnet152"])
def test_the_papers_settings(name):
    config = TrainConfig(data=("a.json",), **PRESETS[name])
    assert (config.crop_size, config.disk_radius, config.output_stride, config.eval_output_stride) == (401, 16, 16, 8)
    assert (config.optimizer, config.learning_rate, config.backbone_lr_factor, config.norm) == ("sgd", 1e-3, 1, "fixed")
    assert (config.upsample, config.neck_channels, config.fine_channels, config.focal_gamma) == (1, 0, 0, 0)
    assert [config.learning_rate_factor(step) for step in (0, 45_000, 89_999)] == [1, 1, 1]
