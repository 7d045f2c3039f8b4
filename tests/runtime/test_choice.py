"""Which runtime is taken: the one asked for, or the fastest that is installed; what is missing is named."""

from __future__ import annotations

import sys

import pytest

from strongpose.exceptions import ModelError
from strongpose.runtime import OnnxRuntime, OpenVinoRuntime, installed_runtimes, open_runtime


def test_auto_takes_openvino_where_it_is_installed(tiny_model):
    assert installed_runtimes() == ["openvino", "onnx", "torch"]
    assert isinstance(open_runtime(tiny_model), OpenVinoRuntime)
    assert open_runtime(tiny_model).name.startswith("OpenVINO in ")


def test_without_openvino_auto_takes_onnx_runtime(tiny_model, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    assert installed_runtimes() == ["onnx"]
    runtime = open_runtime(tiny_model)
    assert isinstance(runtime, OnnxRuntime) and runtime.name == "ONNX Runtime on CPU"
    for name, remedy in (("openvino", r"\[openvino\]"), ("torch", r"\[train\]")):
        with pytest.raises(ModelError, match=rf"runtime {name} is not installed: pip install .*{remedy}'"):
            open_runtime(tiny_model, name)
    with pytest.raises(ModelError, match="runtime openvino is not installed"):
        open_runtime(tiny_model.with_suffix(".xml"))


def test_an_xml_file_needs_openvino(tmp_path):
    for name in ("onnx", "torch"):
        with pytest.raises(ModelError, match=r"m\.xml: only the runtime openvino runs \.xml files"):
            open_runtime(tmp_path / "m.xml", name)


def test_other_names_are_refused(tiny_model):
    with pytest.raises(ValueError, match="runtime must be auto, openvino, onnx or torch, got 'tensorrt'"):
        open_runtime(tiny_model, "tensorrt")


def test_onnx_runtime_does_not_need_openvino(tiny_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert open_runtime(tiny_model, "onnx").info.size == 129
