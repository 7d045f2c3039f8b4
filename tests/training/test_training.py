import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from pictures import write_dataset
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from strongpose.annotations import photo_folder
from strongpose.exceptions import AnnotationError, CheckpointError, ModelError, TrainingError
from strongpose.network.weights import TrainingFacts, load_network, training_facts
from strongpose.runtime import resolve_model
from strongpose.training.loop import train
from strongpose.training.recipe import TrainConfig


def small(path, out, **changes):
    values = dict(
        data=(path,), out=out, crop_size=65, batch_size=2, steps=6, warmup_steps=2, workers=0, bf16=False, log_every=1
    )
    return TrainConfig(**(values | changes))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("drawn") / "set", 4)


def test_a_run_keeps_the_number_type_that_it_began_with(dataset, tmp_path, monkeypatch):
    lines = []
    for units, said in (
        (frozenset(), "float32, as this CPU has no units for bfloat16"),
        (frozenset({"amx_bf16"}), "float32, as the run began"),
    ):
        monkeypatch.setattr("strongpose.training.run.bf16_units", lambda device, units=units: units)
        lines.clear()
        train(small(dataset, tmp_path, steps=1, bf16=None), lines.append)
        assert f"computing in {said}" in lines


def test_checkpoints_with_other_names_of_options_are_refused_in_one_line(dataset, tmp_path):
    config = small(dataset, tmp_path, steps=1)
    train(config)
    path = tmp_path / "checkpoint.safetensors"
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        info = file.metadata()["info"].replace('"ema_decay"', '"averaging"')
    save_file(tensors, path, {"info": info})
    with pytest.raises(CheckpointError, match=r"other options \(averaging, …\); start in another folder, with --init"):
        train(config)


def test_training_starts_from_a_model_by_its_name(dataset, tmp_path):
    lines = []
    options = dict(freeze_stages=4, loss_weights=(1, 1, 1, 1, 0), learning_rate=0.0, weight_decay=0.0, disk_radius=16.0)
    weights = train(small(dataset, tmp_path / "run", init="base", teacher=None, steps=1, **options), lines.append)
    found, expected = load_network(weights).state_dict(), load_network(resolve_model("base")).state_dict()
    assert all(torch.allclose(t, expected[name].float()) for name, t in found.items())
    assert any(
        "base was trained with disks of 12 pixels, this run's have 16; --disk-radius 12 keeps" in s for s in lines
    )
    with pytest.raises(
        ModelError, match=r"^fast: OpenVINO's .xml files only run, .* give accurate or base, or the path"
    ):
        train(small(dataset, tmp_path / "other", init="fast"))
    with pytest.raises(ModelError, match=r"^nope: no such model; give the path of an .onnx or .safetensors file or a"):
        train(small(dataset, tmp_path / "other", teacher="nope"))
    with pytest.raises(ValueError, match=r"has disks of 12 pixels, the student of 16; state --disk-radius"):
        train(small(dataset, tmp_path / "other", teacher="base", disk_radius=16.0))


@pytest.fixture(scope="module")
def outlined(dataset, tmp_path_factory):
    """The same photos; the first person has a segmentation."""
    path = tmp_path_factory.mktemp("outlined") / "people.json"
    data = json.loads(dataset.read_text())
    x, y, w, h = data["annotations"][0]["bbox"]
    data["annotations"][0]["segmentation"] = [[x, y, x + w, y, x + w, y + h, x, y + h]]
    path.write_text(json.dumps(data))
    return dict(data=(path,), images=(photo_folder(dataset),))


@pytest.mark.parametrize("model", ["base", "lite0"])
def test_the_body_alone_learns_and_other_fields_stay(dataset, outlined, tmp_path, model):
    """All but the body's layers is equal bit by bit, statistics of batch norms and shared convolution included."""
    network = {} if model == "base" else {"backbone": "lite0", "norm": "trained", "neck_channels": 8}
    if model == "lite0":
        model = str(train(small(dataset, tmp_path / "first", steps=1, **network)))
    lines = []
    options = outlined | network | dict(init=model, body_only=True, learning_rate=0.01, steps=4)
    found = load_network(train(small(dataset, tmp_path / "body", **options), lines.append)).state_dict()
    before = load_network(resolve_model(model) if model == "base" else model).state_dict()
    assert found.keys() == {name for name in before if not name.startswith("middle_head")}
    changed = {name for name, tensor in found.items() if not torch.equal(tensor, before[name])}
    assert changed == {f"head.{layer}.{kind}" for layer in ("fields", "body1", "body2") for kind in ("weight", "bias")}
    rows = (found["head.fields.weight"] != before["head.fields.weight"]).flatten(1).any(1)
    assert rows[-16:].any() and not rows[:-16].any()
    assert sum("loss" in line for line in lines) == 4
    assert any(line.startswith("1 of ") and "people have a segmentation" in line for line in lines)


def test_the_body_alone_needs_weights_and_segmentations(dataset, outlined, tmp_path):
    with pytest.raises(ValueError, match=r"^--body-only: needs the weights .*; add --init, or --finetune$"):
        small(dataset, tmp_path, body_only=True)
    with pytest.raises(ValueError, match=r"^--body-only: learns from segmentations alone; leave --teacher out$"):
        small(dataset, tmp_path, body_only=True, init="base", teacher="base")
    with pytest.raises(AnnotationError, match=r"people.json: nobody has a 'segmentation', so --body-only has nothing"):
        train(small(dataset, tmp_path / "none", body_only=True, init="base"))


def test_weights_keep_how_much_the_body_counts(dataset, tmp_path):
    options = dict(steps=1, crop_size=97, half_scale=True, freeze_stages=4, loss_weights=(1, 1, 1, 1, 0))
    weights = train(small(dataset, tmp_path / "run", init="accurate", **options))
    assert training_facts(weights).body_weight == 0.5
    assert training_facts(train(small(dataset, tmp_path / "base", init="base", steps=1))).body_weight is None


def test_the_body_alone_is_learnt_in_the_same_network(dataset, outlined, tmp_path):
    options = dict(body_only=True, init="base", steps=1) | outlined
    for other, named in (
        ({"skeleton": "lsp14"}, "skeleton"),
        ({"graph": "coco-19"}, "skeleton"),
        ({"half_scale": True, "crop_size": 97}, "half_scale"),
    ):
        with pytest.raises(
            ValueError, match=rf"^--body-only: the network of base is another one \({named}\); --finetune"
        ):
            train(small(dataset, tmp_path, **options, **other))
    train(small(dataset, tmp_path, **options, skeleton=str(resolve_model("base"))))


def test_the_weights_say_their_radius_and_size(dataset, tmp_path):
    weights = train(small(dataset, tmp_path, steps=1, disk_radius=16.0, val_size=801))
    assert training_facts(weights) == TrainingFacts(16.0, 801)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_resumed_run_equals_the_undisturbed_one(dataset, tmp_path, optimizer):
    """N steps = k steps, stop, resume, N − k steps: bit-equal weights."""
    whole = load_file(train(small(dataset, tmp_path / "whole", optimizer=optimizer)))

    lines = []

    def stop_after_three(line):
        lines.append(line)
        if line.startswith("step 3/"):
            os.kill(os.getpid(), signal.SIGTERM)

    train(small(dataset, tmp_path / "parts", optimizer=optimizer), stop_after_three)
    assert lines[-1].startswith("stopped at step 3")
    lines.clear()
    parts = load_file(train(small(dataset, tmp_path / "parts", optimizer=optimizer, workers=1), lines.append))
    assert "at step 3" in lines[0] and "changed: workers" in lines[0]
    assert whole.keys() == parts.keys()
    for name, tensor in whole.items():
        assert torch.equal(tensor, parts[name]), name


def test_a_checkpoint_with_the_half_scale_branch_by_its_old_name_is_resumed(dataset, tmp_path):
    config = small(dataset, tmp_path, crop_size=97, half_scale=True, steps=1)
    train(config)
    path = tmp_path / "checkpoint.safetensors"
    with safe_open(path, framework="pt") as file:
        tensors = {name.replace("half_scale", "second_look"): file.get_tensor(name) for name in file.keys()}
        info = file.metadata()["info"].replace("half_scale", "second_look")
    assert any("second_look" in name for name in tensors) and "second_look" in info
    save_file(tensors, path, {"info": info})
    lines = []
    train(config, lines.append)
    assert lines[0] == f"resuming {path} at step 1"


def test_stops_at_a_loss_that_is_not_finite(dataset, tmp_path):
    with pytest.raises(TrainingError, match=r"the loss is not finite \(.*heatmaps.*nothing was saved yet"):
        train(small(dataset, tmp_path / "run", learning_rate=1e30, gradient_clip=1e30, warmup_steps=0))


def test_statistics_are_averaged_like_the_weights(dataset, tmp_path):
    """After two steps the average is 9 / 11 of the second state and 2 / 11 of the first, statistics as well."""
    options = dict(backbone="lite0", neck_channels=8, norm="trained", loss_weights=(1, 1, 1, 1, 0), warmup_steps=0)
    states = []
    for steps in (1, 2):
        train(small(dataset, tmp_path / f"{steps}", steps=steps, learning_rate_decay=0.0, **options))
        states.append(load_file(tmp_path / f"{steps}" / "checkpoint.safetensors"))
    for name in (
        "neck.units.0.pointwise.weight",
        "neck.units.0.pointwise_norm.running_mean",
        "backbone.stem.norm.weight",
    ):
        first, second = (state[f"network.{name}"] for state in states)
        assert not torch.equal(first, second)
        expected = first + (second - first) * (1 - 2 / 11)
        torch.testing.assert_close(states[1][f"average.module.{name}"], expected)


def test_damaged_checkpoint_is_named(dataset, tmp_path):
    config = small(dataset, tmp_path / "run", steps=1)
    train(config)
    checkpoint = tmp_path / "run" / "checkpoint.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"checkpoint\.safetensors: cannot be resumed"):
        train(config)


def test_terminated_run_leaves_a_checkpoint_and_a_log(dataset, tmp_path):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "strongpose.cli", "train", "--data", str(dataset), "--out", str(out)]
    options = "--crop-size 65 --batch-size 2 --steps 100000 --log-every 1 --workers 1 --no-bf16".split()
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as run:
        deadline = time.monotonic() + 120
        seen = ""
        for line in run.stdout:
            seen += line
            if line.startswith("step 3/"):
                os.killpg(run.pid, signal.SIGTERM)  # as a cluster does: the data workers get it as well
                break
            assert time.monotonic() < deadline, seen
        rest = run.stdout.read()
    assert run.returncode == 0, seen + rest
    for term in ("images/s", "waiting for data", "loss", "heatmaps", "offsets", "displacements", "body", "middle"):
        assert term in line
    assert "stopped at step" in rest
    assert (out / "weights.safetensors").exists() and json.loads((out / "config.json").read_text())["crop_size"] == 65
    assert list((out / "tensorboard").iterdir())


def test_config_errors():
    with pytest.raises(ValueError, match="name at least one annotation file"):
        TrainConfig(data=())
    with pytest.raises(ValueError, match="256 is not a multiple of 8, the coarsest stride, plus 1"):
        TrainConfig(data=("a.json",), crop_size=256)
    with pytest.raises(ValueError, match="265 is not a multiple of 32, the coarsest stride, plus 1"):
        TrainConfig(data=("a.json",), backbone="lite2", crop_size=265)
    with pytest.raises(ValueError, match="265 is not a multiple of 16, the coarsest stride, plus 1"):
        TrainConfig(data=("a.json",), backbone="mobile16", crop_size=265)
    with pytest.raises(ValueError, match=r"--eval-output-stride: 8 needs .* --upsample 1, got 16 and 4"):
        TrainConfig(data=("a.json",), output_stride=16, eval_output_stride=8, upsample=4)
    with pytest.raises(ValueError, match="--sampling-weights: expected 1, one for each data set, got 2"):
        TrainConfig(data=("a.json",), sampling_weights=(1.0, 2.0))


def test_learning_rate_schedule():
    config = TrainConfig(data=("a.json",), steps=100, warmup_steps=10, learning_rate_decay=0.5)
    factors = [config.learning_rate_factor(step, step / 100) for step in (0, 9, 30, 50, 75, 100)]
    assert factors == pytest.approx([0.1, 1, 1, 1, 0.5, 0])


def test_options_that_an_older_checkpoint_lacks_had_their_defaults():
    earlier = TrainConfig(data=("a.json",)).to_dict()
    del earlier["minutes"]
    assert TrainConfig(data=("a.json",)).changed_from(earlier) == []
    assert TrainConfig(data=("a.json",), minutes=2, scale=(1.0, 2.0)).changed_from(earlier) == ["scale", "minutes"]


@pytest.mark.parametrize("name", ["val_every", "log_every"])
def test_intervals_of_no_steps_are_refused(name):
    with pytest.raises(ValueError, match="--val-every and --log-every must be positive"):
        TrainConfig(data=("a.json",), **{name: 0})
