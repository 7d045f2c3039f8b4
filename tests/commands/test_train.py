"""``strongpose train`` and ``strongpose export``: from annotated photos to a model that predicts."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from pictures import write_dataset

from strongpose.network.weights import TrainingFacts, training_facts
from strongpose.runtime import OnnxRuntime


@pytest.fixture(scope="module")
def weights(strongpose_process, tmp_path_factory):
    """The weights of a run of two steps."""
    folder = tmp_path_factory.mktemp("run")
    annotations = write_dataset(folder / "set", 3)
    run = strongpose_process(
        *("train", "--data", annotations, "--out", folder / "run", "--steps", 2, "--batch-size", 2),
        *("--crop-size", 65, "--workers", 0, "--no-bf16", "--log-every", 1),
    )
    assert run.returncode == 0, run.stderr
    assert "step 2/2" in run.stdout
    assert f"strongpose export {folder / 'run' / 'weights.safetensors'}" in run.stdout
    return folder / "run" / "weights.safetensors"


def test_trained_weights_become_a_model_that_predicts(strongpose, weights, photos, tmp_path):
    model = tmp_path / "new" / "mine.onnx"
    run = strongpose(
        *("export", weights, "--out", model, "--size", 193, "--licence", "CC0-1.0", "--output-stride", 4),
        *("--filter-sigma", 2, "--disk-radius", 16, "--threshold", 0.4),
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    assert str(model) in run.stdout and "skeleton coco, one cell per 4 pixels, size 193" in run.stdout
    info = OnnxRuntime(model).info
    assert (info.size, info.about["licence"], info.stride, info.coarse_stride) == (193, "CC0-1.0", 4, 4)
    assert (info.decode, info.threshold) == ({"disk_radius": 16.0, "filter_sigma": 2.0}, 0.4)
    run = strongpose("predict", photos / "astronaut.jpg", "--out", tmp_path, "--model", model)
    assert run.returncode == 0, run.stderr


def test_progress_lines_come_at_once_without_a_terminal(tmp_path):
    annotations = write_dataset(tmp_path / "set", 2)
    words = ["train", "--data", str(annotations), "--out", str(tmp_path / "run"), "--workers", "0", "--steps", "100000"]
    words += "--crop-size 65 --batch-size 2 --neck-channels 8 --log-every 1".split()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-m", "strongpose.cli", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as run:
        lines = [line for _, line in zip(range(4), run.stdout, strict=False)]
        run.terminate()
        assert "stopped at step" in run.stdout.read()
    assert lines[0].startswith("computing in ") and lines[1].startswith("training on 2 photos, ")
    assert lines[3].startswith("step 2/100000 | ") and lines[3].endswith(" left\n")


def test_photos_that_are_missing_end_the_run_before_it_starts(strongpose, tmp_path):
    annotations = write_dataset(tmp_path / "set", 2)
    for photo in (tmp_path / "set/people").iterdir():
        photo.unlink()
    run = strongpose("train", "--data", annotations, "--out", tmp_path / "run", "--crop-size", 65, "--workers", 1)
    assert run.returncode == 1
    assert run.stderr.startswith(f"strongpose: {annotations}: none of its 2 photos is in ")
    assert run.stderr.count("\n") == 1


def test_photos_that_are_damaged_end_the_run_with_one_line(strongpose, tmp_path):
    annotations = write_dataset(tmp_path / "set", 2)
    for photo in (tmp_path / "set/people").iterdir():
        photo.write_bytes(b"damaged")
    run = strongpose("train", "--data", annotations, "--out", tmp_path / "run", "--crop-size", 65, "--workers", 1)
    assert run.returncode == 1
    *first, last = run.stderr.splitlines()
    assert last.startswith("strongpose: 10 photos in a row cannot be opened, the last: ")
    assert first and all(line.startswith("strongpose: left out of training: ") for line in first)
    assert "Traceback" not in run.stderr


def test_a_preset_gives_defaults_that_options_override(strongpose, tmp_path):
    run = strongpose("train", "--preset", "paper-resnet101", "--crop-size", 97, "--help")
    assert run.returncode == 0
    options = " ".join(run.stdout.replace("│", " ").split())
    assert "--optimizer {adamw,sgd} AdamW, or SGD with momentum 0.9 (the paper's). (default: sgd)" in options
    assert "this network's outputs" in options and "(default: resnet101)" in options
    plain = " ".join(strongpose("train", "--help").stdout.replace("│", " ").split())
    assert "best-resnet50" in plain and "(default: adamw)" in plain
    run = strongpose("train", "--preset", "paper-resnet50", "--data", tmp_path / "a.json")
    assert run.returncode == 2 and "paper-resnet101" in run.stderr
    annotations = write_dataset(tmp_path / "set", 2)
    options = "--backbone lite0 --crop-size 97 --batch-size 2 --steps 1 --workers 0 --no-bf16".split()
    out = tmp_path / "run"
    run = strongpose("train", "--preset=lite2", "--data", annotations, "--out", out, *options)
    assert run.returncode == 0, run.stderr
    config = json.loads((out / "config.json").read_text())
    assert (config["backbone"], config["crop_size"], config["learning_rate"]) == ("lite0", 97, 0.002)
    assert training_facts(out / "weights.safetensors") == TrainingFacts(12.0, 801)  # as the preset trains and validates


def test_mistakes_in_training_are_explained(strongpose, tmp_path):
    run = strongpose("train", "--data", tmp_path / "nope.json", "--out", tmp_path / "run")
    assert run.returncode == 1
    assert "nope.json: no such file" in run.stderr
    (tmp_path / "cut.json").write_text(json.dumps({"images": []}))
    run = strongpose("train", "--data", tmp_path / "cut.json", "--out", tmp_path / "run")
    assert run.returncode == 1
    assert "cut.json" in run.stderr
    assert "Traceback" not in run.stderr
    run = strongpose("train", "--data", tmp_path / "cut.json", "--crop-size", 64)
    assert run.returncode == 2
    assert "64 is not a multiple" in run.stderr


def test_mistakes_in_exporting_are_explained(strongpose, weights, tmp_path):
    for arguments, message in (
        (
            (tmp_path / "nope.safetensors", "--out", tmp_path / "m.onnx"),
            "nope.safetensors: no such model; give the path of an .onnx or .safetensors file",
        ),
        ((weights, "--out", tmp_path / "m.bin"), "the name of a model must end in .onnx"),
        ((weights.with_name("config.json"), "--out", tmp_path / "m.onnx"), "config.json: not a readable"),
        ((weights, "--out", weights / "m.onnx"), "is a file; name another folder"),
    ):
        run = strongpose("export", *arguments)
        assert run.returncode == 1
        assert message in run.stderr
        assert "Traceback" not in run.stderr
    assert not list(tmp_path.glob("*.onnx"))
