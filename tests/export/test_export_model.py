"""Exporting as a function: what it returns, and that a model's description is read without running it."""

import inspect
import json
from dataclasses import replace

import onnx
import onnxruntime
import pytest
import torch

from strongpose import StrongPose
from strongpose.decode import DecodeOptions
from strongpose.encode import encode
from strongpose.exceptions import ExportError, ModelError
from strongpose.export import model
from strongpose.export.facts import ModelFacts
from strongpose.export.model import export_model
from strongpose.fields import DISK_RADIUS
from strongpose.network import NetworkConfig, build_network
from strongpose.network.weights import TrainingFacts, load_network, save_weights
from strongpose.runtime import OnnxRuntime, open_runtime
from strongpose.runtime.model import SIZE
from strongpose.runtime.pytorch import TorchRuntime, read_model_info
from strongpose.training.recipe import TrainConfig


def described(source, path, text):
    """The model with another description of itself."""
    changed = onnx.load(source)
    changed.metadata_props[0].value = text
    onnx.save(changed, path)
    return path


@pytest.fixture
def no_graph(monkeypatch):
    """Skips writing the file, which takes seconds, where only what it says about itself matters."""
    monkeypatch.setattr(model, "export_onnx", lambda *arguments: None)


def test_what_is_returned_is_what_the_file_says(tiny_model, tmp_path, monkeypatch):
    facts = ModelFacts(size=97, card="none", body_weight=0.5)
    with monkeypatch.context() as patch:  # no model runs
        patch.setattr(onnxruntime, "InferenceSession", None)
        made = export_model(tiny_model, tmp_path / "new" / "out.onnx", "float32", facts)
    assert made.files == (tmp_path / "new" / "out.onnx",) and made.skipped == 0
    assert made.info == OnnxRuntime(made.files[0]).info == replace(made.info, size=97)
    assert (made.info.about["card"], made.info.about["precision"]) == ("none", "float32")
    source, written = (load_network(path).state_dict() for path in (tiny_model, made.files[0]))
    assert all(torch.equal(source[name], written[name]) for name in source)
    models = [StrongPose.from_pretrained(path, runtime="onnx") for path in (tiny_model, made.files[0])]
    assert [estimator.options.body_weight for estimator in models] == [0.0, 0.5]


def test_errors_are_of_exporting(tiny_model, tmp_path):
    file = tmp_path / "file"
    file.write_text("no folder")
    for source, out, message in (
        (file, "m.onnx", r"file: not a readable safetensors file"),
        (tiny_model, "file/m.onnx", r"file/m\.onnx: cannot be written \((File exists|Not a directory)\)"),
        (tiny_model, "m.pt", r"m\.pt: the name of a model must end in \.onnx or, for OpenVINO, in \.xml"),
    ):
        with pytest.raises(ExportError, match=message):
            export_model(source, tmp_path / out)
    with pytest.raises(
        ModelError, match=r"none\.safetensors: no such model; give the path of an \.onnx or \.safetensors file"
    ):
        export_model(tmp_path / "none.safetensors", tmp_path / "m.onnx")


def test_a_description_that_does_not_fit_takes_no_models_place(tiny_model, tmp_path):
    out = tmp_path / "m.onnx"
    out.write_text("a good one")
    wrong = [{"size": 9000}, {"disk_radius": float("inf")}, {"filter_sigma": 1e9}, {"body_weight": -1.0}]
    for facts in (ModelFacts(**values) for values in wrong):
        with pytest.raises(ExportError, match="must"):
            export_model(tiny_model, out, facts=facts)
        assert out.read_text() == "a good one"


def test_what_a_model_recommends_is_kept(no_graph, tiny_model, tmp_path):
    description = json.loads(onnx.load(tiny_model).metadata_props[0].value)
    description |= {"size": 97, "decode": {"disk_radius": 16.0, "body_weight": 0.5}}
    source = described(tiny_model, tmp_path / "weighted.onnx", json.dumps(description))
    info = export_model(source, tmp_path / "again.onnx").info
    assert (info.size, info.decode) == (97, description["decode"])


def test_a_description_is_read_without_running_the_model(tiny_model, tmp_path, monkeypatch):
    expected = OnnxRuntime(tiny_model).info
    monkeypatch.setattr(onnxruntime, "InferenceSession", None)
    assert read_model_info(tiny_model) == expected
    assert TorchRuntime.from_file(tiny_model).info == expected
    no_description = described(tiny_model, tmp_path / "bad.onnx", "{")
    with pytest.raises(ModelError, match=r"bad\.onnx: its metadata does not fit"):
        export_model(no_description, tmp_path / "m.onnx")


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff" * 99, b"\x08\x08\x3a\xff"])
def test_damaged_models_are_refused_in_one_line(content, tmp_path):
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    for read in (read_model_info, lambda path: open_runtime(path, "torch")):
        with pytest.raises(ModelError, match=r"bad\.onnx") as caught:
            read(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match="no such model file"):
        read_model_info(tmp_path / "none.onnx")


@pytest.mark.parametrize("fact", ["stride", "skeleton"])
def test_a_description_of_another_network_is_refused(fact, tiny_model, tmp_path):
    [entry] = onnx.load(tiny_model).metadata_props
    description = json.loads(entry.value)
    if fact == "stride":
        description["stride"] = 2
    else:
        description["skeleton"]["edges"].pop()
    path = described(tiny_model, tmp_path / "bad.onnx", json.dumps(description))
    with pytest.raises(ModelError, match=rf"bad\.onnx: its metadata has another {fact} than its network"):
        open_runtime(path, "torch")


def test_weights_become_a_model_with_the_defaults(no_graph, tmp_path):
    save_weights(build_network(NetworkConfig(upsample=1, neck_channels=0)), tmp_path / "w.safetensors")
    lines = []
    info = export_model(tmp_path / "w.safetensors", tmp_path / "m.onnx", say=lines.append).info
    assert (info.size, info.decode, info.about["licence"]) == (481, {"disk_radius": 12.0}, "Apache-2.0")
    assert len(lines) == 1 and "w.safetensors: does not say the radius of the disks" in lines[0]
    assert "12 pixels are assumed, --disk-radius states another" in lines[0]


def test_a_model_says_what_its_weights_were_trained_with(no_graph, tmp_path):
    path, lines = tmp_path / "w.safetensors", []
    save_weights(build_network(NetworkConfig(upsample=1, neck_channels=0)), path, TrainingFacts(16.0, 801))
    info = export_model(path, tmp_path / "m.onnx", say=lines.append).info
    assert (info.size, info.decode, lines) == (801, {"disk_radius": 16.0}, [])


def test_the_radius_of_the_disks_has_one_default():
    assert inspect.signature(encode).parameters["radius"].default == DISK_RADIUS
    assert DISK_RADIUS == DecodeOptions().disk_radius == TrainConfig.disk_radius
    assert TrainConfig.val_size == SIZE


def test_unknown_precisions_are_refused(tiny_model, tmp_path):
    with pytest.raises(ExportError, match=r"m\.xml: precision must be float32, float16, int8, got 'int9'"):
        export_model(tiny_model, tmp_path / "m.xml", "int9")
    assert not (tmp_path / "m.xml").exists()
