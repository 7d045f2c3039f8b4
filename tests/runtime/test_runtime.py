"""Models: found by name or path, run by ONNX Runtime and OpenVINO, and refused where their metadata does not fit."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest

from strongpose.exceptions import ModelError
from strongpose.fields import cell_count
from strongpose.runtime import ModelInfo, OnnxRuntime, OpenVinoRuntime, packaged_models, resolve_model
from strongpose.skeleton import COCO, COCO_TREE

FACTS = {"skeleton": COCO.to_dict(), "stride": 4, "coarse_stride": 8, "size": 481, "licence": "Apache-2.0"}
RUNTIMES = (OnnxRuntime, OpenVinoRuntime)


def with_metadata(model: Path, target: Path, text: str | None) -> Path:
    """A copy of a model with another metadata entry, or none."""
    proto = onnx.load(model)
    del proto.metadata_props[:]
    if text is not None:
        proto.metadata_props.add(key="strongpose", value=text)
    onnx.save(proto, target)
    return target


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_model_says_what_it_is(tiny_model, runtime):
    info = runtime(tiny_model).info
    assert info.skeleton == COCO
    assert (info.stride, info.coarse_stride, info.size) == (4, 8, 129)
    assert info.decode == {"disk_radius": 12.0}
    assert info.about["licence"] == "Apache-2.0"


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(("threads", "batch", "height", "width"), [(0, 1, 65, 97), (1, 2, 129, 73)])
def test_maps_have_the_shapes_of_the_contract(tiny_model, runtime, threads, batch, height, width):
    images = np.random.default_rng(0).integers(0, 256, (batch, height, width, 3), dtype=np.uint8)
    maps = runtime(tiny_model, threads)(images)
    size = (cell_count(height, 4), cell_count(width, 4))
    assert maps.heatmaps.shape == (batch, 17, *size)
    assert maps.offsets.shape == (batch, 17, 2, *size)
    assert maps.displacements.shape == (batch, 2 * len(COCO.edges), 2, *size)
    assert maps.body.shape == (batch, *size)
    assert all(m.dtype == np.float32 for m in maps)
    assert 0 <= maps.heatmaps.min() and maps.heatmaps.max() <= 1


@pytest.mark.parametrize("runtime", [OnnxRuntime, partial(OpenVinoRuntime, bf16=False)])
def test_a_batch_gives_what_its_images_give_alone(tiny_model, runtime):
    run = runtime(tiny_model)
    images = np.random.default_rng(0).integers(0, 256, (2, 65, 97, 3), dtype=np.uint8)
    for together, alone in zip(run(images), run(images[1:]), strict=True):
        np.testing.assert_allclose(together[1], alone[0], atol=1e-4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"not a StrongPose model \(no metadata 'strongpose'\)"),
        ("{", "its metadata does not fit"),
        ("[]", "expected a JSON object, got list"),
        (json.dumps({**FACTS, "stride": 0}), "'stride' must be a positive whole number, got 0"),
        (
            json.dumps({k: v for k, v in FACTS.items() if k != "size"}),
            "'size' must be a positive whole number, got None",
        ),
        (json.dumps({**FACTS, "stride": 3}), "'coarse_stride' must be a multiple of 'stride', got 8 and 3"),
        (json.dumps({**FACTS, "skeleton": {"name": "coco"}}), "a skeleton needs the fields"),
        (json.dumps({**FACTS, "decode": {"disk_radius": "wide"}}), "'decode' must hold numbers"),
        (json.dumps({**FACTS, "skeleton": COCO_TREE.to_dict()}), r"'displacements' must have shape .*32, 2.* got .*68"),
    ],
)
def test_models_whose_metadata_does_not_fit_are_refused(tiny_model, tmp_path, text, message):
    path = with_metadata(tiny_model, tmp_path / "odd.onnx", text)
    for runtime in RUNTIMES:
        with pytest.raises(ModelError, match=message) as caught:
            runtime(path)
        assert str(path) in str(caught.value)
        assert "strongpose export" in str(caught.value)


def test_models_with_other_inputs_or_outputs_are_refused(tiny_model, tmp_path):
    proto = onnx.load(tiny_model)
    outputs = [o for o in proto.graph.output if o.name != "body"]
    del proto.graph.output[:]
    proto.graph.output.extend(outputs)
    onnx.save(proto, tmp_path / "odd.onnx")
    for runtime in RUNTIMES:
        with pytest.raises(ModelError, match=r"has no output 'body', only \['displacements'"):
            runtime(tmp_path / "odd.onnx")

    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 2])
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["x"], ["y"])],
        "copy",
        [value],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 2])],
    )
    other = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    other.metadata_props.add(key="strongpose", value=json.dumps(FACTS))
    onnx.save(other, tmp_path / "copy.onnx")
    for runtime in RUNTIMES:
        with pytest.raises(ModelError, match=r"one input images .* of uint8, got x of float.*, 2 axes"):
            runtime(tmp_path / "copy.onnx")


def test_a_damaged_file_is_named(tiny_model, tmp_path):
    path = tmp_path / "cut.onnx"
    path.write_bytes(tiny_model.read_bytes()[:5000])
    with pytest.raises(ModelError, match=r"cut\.onnx: ONNX Runtime cannot load it"):
        OnnxRuntime(path)
    with pytest.raises(ModelError, match=r"cut\.onnx: OpenVINO cannot load it \(Model can't be parsed\)"):
        OpenVinoRuntime(path)


def test_models_are_found_by_path_or_name(tiny_model, tmp_path, monkeypatch):
    assert resolve_model(tiny_model) == tiny_model
    assert resolve_model(str(tiny_model)) == tiny_model
    for name in packaged_models():
        assert resolve_model(name).is_file()
        assert resolve_model(name).with_suffix(".md").is_file()  # its card
    with pytest.raises(
        ModelError, match=r"^nope: no such model; give the path of an \.onnx or \.xml file or a packaged name"
    ):
        resolve_model("nope")
    with pytest.raises(ModelError, match="no such model"):
        resolve_model(tmp_path / "nope.onnx")


def test_info_keeps_the_other_facts():
    info = ModelInfo.from_json(json.dumps({**FACTS, "trained_on": "drawings"}))
    assert info.about == {"licence": "Apache-2.0", "trained_on": "drawings"}
    assert info.decode == {}
