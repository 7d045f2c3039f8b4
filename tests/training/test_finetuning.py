"""Fine-tuning: the recipe that follows from model, data and skeleton, and options that override it."""

from __future__ import annotations

import json

import pytest
import torch
from pictures import write_dataset

from strongpose.cli import main
from strongpose.exceptions import ModelError
from strongpose.network import NetworkConfig, build_network
from strongpose.network.weights import TrainingFacts, load_network, save_weights
from strongpose.runtime import resolve_model
from strongpose.skeletons import load_skeleton
from strongpose.training.finetuning import annotated_photos, finetune_values, steps_for
from strongpose.training.recipe import TrainConfig


def test_the_recipe_follows_from_the_model():
    base, accurate = finetune_values("base", 200), finetune_values("accurate", 200)
    assert (base["init"], base["freeze_stages"], base["loss_weights"][-1]) == ("base", 4, 0)
    assert (base["half_scale"], accurate["half_scale"]) == (False, True)
    assert (base["disk_radius"], base["val_size"], accurate["val_size"]) == (12.0, 561, 721)
    assert (base["graph"], base["steps"], base["warmup_steps"], base["learning_rate"]) == ("coco", 375, 37, 2e-4)
    for values in (base, accurate):
        network = TrainConfig(data=("a.json",), **values).network_config()
        assert network.skeleton == load_skeleton("coco") and not network.middle_head


def test_new_heads_learn_faster_and_keep_no_graph():
    values = finetune_values("base", 10, "lsp14")
    assert "graph" not in values and values["learning_rate"] == 2e-3
    assert finetune_values("base", 10, "coco")["learning_rate"] == 2e-4


def test_a_model_of_another_skeleton_and_backbone_keeps_them(tmp_path):
    path = tmp_path / "mine.safetensors"
    config = NetworkConfig(
        load_skeleton("lsp14"), "lite0", norm="trained", upsample=1, neck_channels=8, middle_head=False
    )
    save_weights(build_network(config), path, TrainingFacts(16.0))
    values = finetune_values(path, 10)
    assert (values["freeze_stages"], values["disk_radius"], values["skeleton"]) == (7, 16.0, str(path))
    assert "val_size" not in values
    found = TrainConfig(data=("a.json",), **values).network_config()
    assert (found.skeleton, found.backbone, found.norm, found.neck_channels) == (config.skeleton, "lite0", "trained", 8)


@pytest.mark.parametrize(("photos", "steps"), [(0, 150), (70, 150), (200, 375), (1000, 1875), (10**6, 3000)])
def test_the_steps_follow_from_the_size_of_the_data(photos, steps):
    assert steps_for(photos) == steps


def test_photos_with_people_are_counted(tmp_path):
    people = [{"image_id": 1}, {"image_id": 1}, {"image_id": 2}]
    (tmp_path / "a.json").write_text(json.dumps({"images": [{}] * 5, "annotations": people}))
    (tmp_path / "b.json").write_text("[]")
    files = [tmp_path / "a.json", tmp_path / "a.json", tmp_path / "b.json", "https://host/c.json"]
    assert annotated_photos(files) == 4


def test_the_command_trains_heads_on_and_options_override(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    data = write_dataset(tmp_path / "set", 2)
    options = "--steps 1 --crop-size 65 --batch-size 2 --workers 0 --learning-rate 1e-2 --warmup-steps 0".split()
    assert main(["train", "--finetune", "base", "--data", str(data), "--out", "run", *options]) == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["init"], config["freeze_stages"], config["steps"], config["learning_rate"]) == ("base", 4, 1, 0.01)
    found = load_network(tmp_path / "run" / "weights.safetensors").state_dict()
    before = load_network(resolve_model("base")).state_dict()
    changed = {name.partition(".")[0] for name, t in found.items() if not torch.equal(t, before[name].float())}
    assert changed == {"neck", "head"}
    for options, message in (
        (["--finetune", "fast"], "fast: OpenVINO's .xml files only run"),
        (["--finetune", "nope"], "nope: no such model"),
        (
            ["--finetune", "base", "--init", "accurate"],
            "--finetune says where to start from; leave --init and --preset",
        ),
        (["--finetune", "base", "--preset", "lite0"], "--finetune says where to start from; leave --init and --preset"),
        (["--finetune", "base", "--skeleton", "nope"], "no skeleton 'nope'"),
    ):
        assert main(["train", "--data", str(data), *options]) == 1
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1


def test_what_cannot_be_fine_tuned_is_refused():
    with pytest.raises(ModelError, match=r"fast: OpenVINO's .xml files only run"):
        finetune_values("fast", 1)
