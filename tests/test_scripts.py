"""The script for borrowed GPUs, rehearsed at home with drawn people."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pictures import write_dataset
from safetensors.torch import load_file, save_file

import strongpose
from strongpose.network import NetworkConfig, build_network
from strongpose.network.weights import load_network, save_weights
from strongpose.training.loop import train
from strongpose.training.recipe import TrainConfig

SCRIPTS = Path(__file__).parents[1] / "scripts"
OPTIONS = "--init start.safetensors --crop-size 65 --batch-size 2 --warmup-steps 1 --workers 0 --no-bf16"
OPTIONS += " --device cpu --log-every 1"


def load(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


load("data_parts")
throughput = load("throughput")
train_on_gpu = load("train_on_gpu")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Starting weights, seven photos to train on, two to evaluate."""
    folder = tmp_path_factory.mktemp("home")
    torch.manual_seed(0)
    save_weights(build_network(NetworkConfig(upsample=1)), folder / "start.safetensors")
    write_dataset(folder / "train", 7)
    write_dataset(folder / "val", 2, seed=1)
    (folder / "val" / "people").rename(folder / "val" / "images")
    return folder


@pytest.fixture(scope="module")
def parts(home, tmp_path_factory):
    """The first part has room for the weights and some photos only."""
    out = tmp_path_factory.mktemp("parts")
    photos = sum(path.stat().st_size for path in (home / "train" / "people").iterdir())
    limit = (home / "start.safetensors").stat().st_size + photos * 0.6
    train_on_gpu.pack(
        out,
        data=(home / "train" / "people.json",),
        val=home / "val" / "people.json",
        files=(home / "start.safetensors",),
        megabytes=limit / 1e6,
    )
    assert all(path.stat().st_size <= limit for path in out.iterdir())
    return sorted(out.iterdir())


def leg(monkeypatch, *arguments, options=OPTIONS):
    monkeypatch.setattr(sys, "argv", ["train_on_gpu.py", "leg", *map(str, arguments), "--", *options.split()])
    train_on_gpu.main()


def test_parts_are_complete_in_themselves_and_lose_nothing(parts, home, tmp_path):
    assert [part.name for part in parts] == ["part-1.zip", "part-2.zip"]
    photos, annotations = [], 0
    for part in parts:
        train_on_gpu.unpack(part, tmp_path)
        found = json.loads((tmp_path / part.stem / "train/people.json").read_text())
        names = [image["file_name"] for image in found["images"]]
        assert names and sorted(p.name for p in (tmp_path / part.stem / "train/people").iterdir()) == sorted(names)
        assert {a["image_id"] for a in found["annotations"]} == {image["id"] for image in found["images"]}
        photos, annotations = photos + names, annotations + len(found["annotations"])
    whole = json.loads((home / "train/people.json").read_text())
    assert sorted(photos) == [f"{i}.png" for i in range(7)]
    assert annotations == len(whole["annotations"])
    assert (tmp_path / "files/start.safetensors").read_bytes() == (home / "start.safetensors").read_bytes()
    assert len(list((tmp_path / "part-2/val/val").iterdir())) == 2


def test_photos_in_shards_are_packed_like_those_in_a_folder(home, tmp_path):
    shutil.copy(home / "train/people.json", tmp_path)
    with tarfile.open(tmp_path / "people-0.tar", "w") as archive:
        archive.add(home / "train/people", "people")
    train_on_gpu.pack(tmp_path / "parts", data=(tmp_path / "people.json",))
    with zipfile.ZipFile(tmp_path / "parts/part-1.zip") as archive:
        assert archive.read("train/people/3.png") == (home / "train/people/3.png").read_bytes()
    with pytest.raises(FileNotFoundError, match=r"neither the folder .*nobody nor shards .*nobody-\*\.tar exist"):
        train_on_gpu.pack(tmp_path / "parts", data=(_renamed(tmp_path / "people.json", "nobody.json"),))


def _renamed(path, name):
    return path.rename(path.with_name(name))


def test_rehearsal_does_everything(parts, tmp_path):
    """As on the command line: both parts, three steps, pieces that join to a network, figures."""
    out = tmp_path / "back"
    command = [sys.executable, SCRIPTS / "train_on_gpu.py", "leg", *parts, "--store", tmp_path / "store", "--out", out]
    result = subprocess.run(
        [*command, "--rehearse", "--bring-checkpoint", "--sizes", "97", "--", *OPTIONS.split(), "--compile"],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stderr
    report = json.loads((out / "report.json").read_text())
    assert report["training"]["steps"] == [0, 3] and report["training"]["images"] == 6
    assert report["training"]["images_per_second"] > 0 and 0 < report["training"]["share_of_peak"] < 1
    assert "ap" in report["figures"]["97"]
    subprocess.run(report["weights"]["join"], shell=True, cwd=out, check=True, capture_output=True)
    assert load_network(out / "weights.safetensors").config.output_stride == 8
    subprocess.run(report["checkpoint"]["join"], shell=True, cwd=out, check=True, capture_output=True)
    run = tmp_path / "store" / "rehearsal" / "run"
    (out / "checkpoint.safetensors").replace(run / "checkpoint.safetensors")
    config = json.loads((run / "config.json").read_text())
    paths = {name: tuple(map(Path, config[name])) for name in ("data", "images")}
    others = {name: tuple(v) if isinstance(v, list) else v for name, v in config.items() if name not in paths}
    lines = []
    train(TrainConfig(**(others | paths | {"out": run, "init": None, "steps": 4})), lines.append)
    assert "at step 3" in lines[0], "the checkpoint that was brought back can be resumed"


def test_last_leg_goes_on_and_its_learning_rate_falls_to_zero(parts, tmp_path, monkeypatch, capsys):
    store, out = tmp_path / "store", tmp_path / "back"
    common = ("--store", store, "--out", out, "--reserve", 1)
    leg(monkeypatch, parts[0], *common, "--minutes", 0.08)
    first = json.loads((out / "report.json").read_text())
    assert first["figures"] == "no validation set has arrived"
    assert 0 < first["training"]["steps"][1] < train_on_gpu.FOREVER, "the clock ended it"
    leg(monkeypatch, parts[1], *common, "--minutes", 0.12, "--finish", "--sizes", "97+129+flip")
    second = json.loads((out / "report.json").read_text())
    assert second["training"]["steps"][0] == first["training"]["steps"][1]
    assert "resuming" in capsys.readouterr().err
    recipe = second["training"]["recipe"]
    assert len(recipe["data"]) == 2, "photos of both parts"
    falling = recipe["learning_rate_decay"] * recipe["steps"]
    assert falling >= 1 and recipe["steps"] - falling >= first["training"]["steps"][1] - 1e-6
    assert "ap" in second["figures"]["97+129+flip"]


def test_large_files_come_in_pieces(tmp_path):
    content = bytes(range(256)) * 10
    (tmp_path / "w").write_bytes(content)
    found = train_on_gpu.pieces(tmp_path / "w", 1000)
    assert found["pieces"] == ["w.00", "w.01", "w.02"] and found["bytes"] == 2560
    assert b"".join((tmp_path / name).read_bytes() for name in found["pieces"]) == content
    assert not (tmp_path / "w").exists()


def test_only_kernels_are_narrowed(tmp_path):
    tensors = {"kernel": torch.full((2, 2), 1 / 3), "variance": torch.full((2,), 1e-9), "step": torch.tensor(70001.0)}
    save_file(tensors, tmp_path / "a", metadata={"info": "1"})
    train_on_gpu.narrow(tmp_path / "a", tmp_path / "b", torch.float16)
    narrowed = load_file(tmp_path / "b")
    assert narrowed["kernel"].dtype == torch.float16
    assert torch.equal(narrowed["variance"], tensors["variance"]) and torch.equal(narrowed["step"], tensors["step"])


def test_flops_are_those_of_the_convolutions():
    """Two networks that differ in one thing: their FLOPs differ by that layer's, counted by hand."""
    config = NetworkConfig(upsample=1, neck_channels=0)
    forward, training = throughput.flops_per_image(config, 65)
    with_fine = throughput.flops_per_image(replace(config, upsample=2, fine_channels=8), 65)[0]
    plain = throughput.flops_per_image(replace(config, upsample=2), 65)[0]
    deep, shallow = 2 * 9 * 9 * 313 * 16, 2 * 17 * 17 * 128 * 4
    assert with_fine - plain == deep + shallow + 2 * 17 * 17 * (9 * 8 * 8 + 8 * 51)
    assert 2.5 * forward < training < 3 * forward
    assert throughput.flops_per_image(replace(config, freeze_stages=3), 65)[1] < training


def test_phases_name_files_and_functions_that_there_are():
    packages = [Path(module.__file__).parent.parent for module in (strongpose, torch)]
    for file, function in [throughput.LOOP, *(phase[1:] for phase in throughput.PHASES)]:
        [path] = [package / file for package in packages if (package / file).exists()]
        assert not function or f"def {function}(" in path.read_text(), f"{file}: {function}"


def test_phases_are_read_off_the_call_stack():
    """A loader that sleeps is what the loop waits for."""
    with throughput.WhereTimeGoes(echo=False) as clock:
        for line in ("step 1/9 | 5.0 images/s | loss", "step 2/9 | 7.0 images/s | loss", "step 3/9 | 8.0 images/s | x"):
            clock.say(line)
        namespace = {"sleep": time.sleep}
        for file, code in (
            ("torch/utils/data/dataloader.py", "def wait(): sleep(0.3)"),
            ("strongpose/training/losses.py", "def losses(): sleep(0.1)"),
            ("strongpose/training/loop.py", "def _train(): wait(); losses(); sleep(0.1)"),
        ):
            exec(compile(code, file, "exec"), namespace)
        namespace["_train"]()
        time.sleep(0.1)  # outside of the loop
    shares = clock.shares()
    assert next(iter(shares)) == "waiting for data" and set(shares) == {"waiting for data", "losses", "rest"}
    assert 0.4 < shares["waiting for data"] < 0.8
    assert clock.images_per_second == 7.5
