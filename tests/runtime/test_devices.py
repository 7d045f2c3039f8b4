"""Devices: the one asked for or an error that names those there are; nothing falls back to another."""

from __future__ import annotations

import pytest

from strongpose.exceptions import ModelError
from strongpose.runtime import open_runtime
from strongpose.runtime.devices import check_device, choose_runtime, device_kind


def test_devices_are_called_by_kind_and_number():
    assert [device_kind(device) for device in ("cpu", "cuda", "cuda:1", "gpu:0", "mps")] == [
        *("cpu", "cuda", "cuda", "gpu", "mps"),
    ]
    for device in ("cpu:1", "cuda:", "cuda:x", "CUDA", "tpu", "", "auto"):
        with pytest.raises(ValueError, match=r"device must be auto or one of cpu, cuda, gpu, mps, or with a number"):
            device_kind(device)


def test_devices_that_are_there_are_taken():
    for device, available in (
        ("cpu", ["cpu"]),
        ("cuda", ["cpu", "cuda"]),
        ("cuda:1", ["cpu", "cuda"]),  # not counted
        ("cuda", ["cpu", "cuda:0", "cuda:1"]),
        ("cuda:1", ["cpu", "cuda:0", "cuda:1"]),
    ):
        check_device(device, available, "torch")
    with pytest.raises(ModelError, match=r"^device cuda:2: torch finds only cpu, cuda:0 here; for cuda: install"):
        check_device("cuda:2", ["cpu", "cuda:0"], "torch")


def test_the_first_runtime_that_can_use_the_device_is_taken():
    here = {"openvino": ["cpu", "gpu"], "onnx": ["cpu", "cuda"], "torch": ["cpu", "cuda:0", "mps"]}
    assert [choose_runtime(device, here) for device in ("cpu", "gpu", "cuda", "mps")] == [
        *("openvino", "openvino", "onnx", "torch"),
    ]
    with pytest.raises(ModelError, match=r"^device gpu: not found here \(onnx finds cpu\); for gpu: install openvino"):
        choose_runtime("gpu", {"onnx": ["cpu"]})


@pytest.mark.parametrize("runtime", ["auto", "onnx", "openvino", "torch"])
def test_runtimes_use_the_cpu_or_say_what_is_missing(tiny_model, runtime):
    assert open_runtime(tiny_model, runtime, device="cpu").device == "cpu"
    missing = "mps" if runtime != "torch" else "cuda:99"
    with pytest.raises(ModelError, match=rf"^device {missing}: .*cpu.*; for {missing[:4].rstrip(':')}: install"):
        open_runtime(tiny_model, runtime, device=missing)
    with pytest.raises(ValueError, match="device must be auto or one of"):
        open_runtime(tiny_model, runtime, device="tpu")


def test_threads_cannot_be_negative(tiny_model):
    with pytest.raises(ValueError, match=r"threads must be at least 0 \(all cores\), got -1"):
        open_runtime(tiny_model, threads=-1)


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_cuda_that_does_not_start_is_told(tiny_model, monkeypatch):
    monkeypatch.setattr("strongpose.runtime.onnx.cuda_is_available", lambda: True)
    with pytest.raises(ModelError, match="cannot start CUDA on it"):
        open_runtime(tiny_model, "onnx", device="cuda")


def test_the_command_line_tells_a_missing_device(strongpose, photos, tmp_path):
    done = strongpose("predict", photos / "astronaut.jpg", "--out", tmp_path, "--device", "mps", "--runtime", "onnx")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "strongpose: device mps: ONNX Runtime finds only cpu here; for mps: install torch, on a Mac with Apple silicon"
    ]
