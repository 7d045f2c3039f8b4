"""Model files that are damaged or hostile are refused in one line; nothing else is read or written because of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from damaged_annotations import DAMAGED_TEXTS, mutations
from harness import try_all
from onnx import numpy_helper
from small_model import DESCRIPTION, small_onnx, write_small_ir, write_small_onnx

from strongpose.exceptions import ModelError
from strongpose.runtime import ModelInfo, OnnxRuntime, OpenVinoRuntime, open_runtime

IMAGES = np.zeros((1, 33, 49, 3), dtype=np.uint8)
RUNTIMES = (OnnxRuntime, OpenVinoRuntime)


def opened_elsewhere(runtime: str, paths: list[Path]) -> Counter[str]:
    """What became of model files in a process of its own: how many were refused and taken; all else fails."""
    script = Path(__file__).with_name("try_models.py")
    run = subprocess.run(
        [sys.executable, "-X", "faulthandler", str(script), runtime, *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    lines = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    assert run.returncode == 0, f"crashed at {lines[-1]}: {run.stderr[-2000:]}"
    wrong = [
        (lines[i - 1], line) for i, line in enumerate(lines) if line.get("outcome") not in (None, "refused", "taken")
    ]
    assert wrong == []
    return Counter(line["outcome"] for line in lines if "outcome" in line)


def damaged(data: bytes, seed: int) -> bytes:
    """The file with up to eight bits flipped, or cut off."""
    rng = np.random.default_rng(seed)
    changed = bytearray(data)
    for at in rng.integers(len(data), size=rng.integers(1, 9)):
        changed[at] ^= 1 << rng.integers(8)
    return bytes(changed[: int(rng.random() * len(data))] if seed % 4 == 0 else changed)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_small_model_runs_before_it_is_damaged(tmp_path, runtime):
    maps = runtime(write_small_onnx(tmp_path / "small.onnx"))(IMAGES)
    assert maps.displacements.shape == (1, 2, 2, 9, 13)
    assert OpenVinoRuntime(write_small_ir(tmp_path / "small.xml")).info.skeleton.name == "two"


def test_every_mutation_of_the_metadata_is_taken_or_refused_in_one_line(tmp_path):
    texts = {what: text.decode("latin-1") for what, text in DAMAGED_TEXTS.items() if len(text) < 100_000}
    texts |= {what: json.dumps(description) for what, description in mutations(DESCRIPTION)}
    texts["nested a million deep"] = "[" * 1_000_000

    def read(text: str) -> None:
        try:
            ModelInfo.from_json(text)
        except (ValueError, TypeError) as error:  # as `read_info` does
            raise ModelError(f"bad.onnx: {error}") from error

    tally = try_all(texts.items(), read, "bad.onnx", (ModelError,))
    assert tally.wrong == []
    assert tally.counts["refused"] > 200
    some = [text for i, text in enumerate(texts.values()) if i % 40 == 0]
    paths = [write_small_onnx(tmp_path / f"{i}.onnx", text) for i, text in enumerate(some)]
    assert opened_elsewhere("onnx", paths)["refused"] > 5


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_damaged_onnx_files_are_refused_or_run(tmp_path, runtime):
    data, paths = small_onnx().SerializeToString(), []
    for seed in range(60):
        paths.append(tmp_path / f"{seed}.onnx")
        paths[-1].write_bytes(damaged(data, seed))
    for name, content in DAMAGED_TEXTS.items():
        paths.append(tmp_path / f"{name}.onnx")
        paths[-1].write_bytes(content)
    assert opened_elsewhere(runtime, paths)["refused"] > 40


def test_damaged_openvino_files_are_refused_or_run(tmp_path):
    whole = write_small_ir(tmp_path / "small.xml")
    xml, weights = whole.read_bytes(), whole.with_suffix(".bin").read_bytes()
    cases = {f"flipped-{seed}": (damaged(xml, seed), weights) for seed in range(40)}
    cases |= {
        "no-bin": (xml, None),
        "empty-bin": (xml, b""),
        "short-bin": (xml, weights[: len(weights) // 2]),
        "empty": (b"", weights),
        "entity": (xml.replace(b"<net ", b'<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]>\n<net ', 1), weights),
        "far-offset": (xml.replace(b'offset="0"', b'offset="9223372036854775800"'), weights),
        "negative-offset": (xml.replace(b'offset="0"', b'offset="-64"'), weights),
        "huge-size": (xml.replace(b' size="', b' size="9999999999'), weights),
    }
    cases |= {f"{what}-xml": (text, weights) for what, text in DAMAGED_TEXTS.items() if len(text) < 100_000}
    paths = []
    for name, (text, content) in cases.items():
        paths.append(tmp_path / f"{name}.xml")
        paths[-1].write_bytes(text)
        if content is not None:
            paths[-1].with_suffix(".bin").write_bytes(content)
    assert opened_elsewhere("openvino", paths)["refused"] > 30


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("place", ["../secret.bin", "/etc/passwd", "link.bin"])
def test_weights_outside_of_the_models_folder_are_not_read(tmp_path, runtime, place):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(1000))
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    model = small_onnx()
    weight = model.graph.initializer[1]
    size = len(weight.raw_data)
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", place), ("offset", "0"), ("length", str(size))):
        weight.external_data.add(key=key, value=value)
    (folder / "bad.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"bad\.onnx"):
        runtime(folder / "bad.onnx")(IMAGES)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_noticed(tmp_path, runtime, value):
    model = small_onnx()
    weight = model.graph.initializer[2]
    values = np.full(tuple(weight.dims), value, dtype=np.float32)
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    (tmp_path / "bad.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"bad\.onnx: its output 'offsets' holds values that are not finite"):
        runtime(tmp_path / "bad.onnx")(IMAGES)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_maps_of_another_shape_than_promised_are_noticed(tmp_path, runtime):
    """The outputs' sides are not fixed in the file: only a run shows that its stride is not the one it states."""
    path = write_small_onnx(tmp_path / "bad.onnx", {**DESCRIPTION, "stride": 8})
    with pytest.raises(ModelError, match=r"its metadata says stride 8.* \(1, 2, 5, 7\), got \(1, 2, 9, 13\)"):
        runtime(path)(IMAGES)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"size": 10**9}, "'size' must be at most 8192, got 1000000000"),
        ({"size": True}, "'size' must be a positive whole number, got True"),
        ({"stride": 10**9, "coarse_stride": 10**9}, "'stride' must be at most 64"),
        ({"decode": {"disk_radius": float("nan")}}, "'decode' must hold numbers by name"),
        ({"decode": {"disk_radius": 10**400}}, "'decode' must hold numbers by name"),
        ({"decode": {"body_weight": 1e9}}, r"'decode' must hold numbers by name, up to 1e\+06, got .*1000000000.0"),
        ({"skeleton": {**DESCRIPTION["skeleton"], "names": "ab"}}, "names must be a list of names"),
        ({"skeleton": {**DESCRIPTION["skeleton"], "sigmas": [10**400, 1]}}, "sigmas must be a list of numbers"),
        ({"skeleton": {**DESCRIPTION["skeleton"], "edges": ["ab"]}}, "edges must be a list of pairs of names"),
    ],
)
def test_metadata_that_does_not_fit_is_refused_with_the_reason(tmp_path, facts, message):
    path = write_small_onnx(tmp_path / "bad.onnx", {**DESCRIPTION, **facts})
    with pytest.raises(ModelError, match=message) as caught:
        open_runtime(path, "onnx")
    assert str(caught.value).startswith(f"{path}: its metadata does not fit")
