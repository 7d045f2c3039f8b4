"""Exported networks compute what the network computes, describe themselves and give their weights back."""

import functools
import json

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
import torch

from strongpose.export.onnx import export_onnx
from strongpose.export.openvino_ir import read_onnx, write_ir
from strongpose.network import NetworkConfig, build_network
from strongpose.network.norm import Norm
from strongpose.network.weights import load_network
from strongpose.runtime import OpenVinoRuntime
from strongpose.skeleton import COCO_TREE

NORMALISATION = {
    "mobile": ([0.502, 0.502, 0.502], [1, 1, 1]),
    "lite0": ([0.498039, 0.498039, 0.498039], [0.501961, 0.501961, 0.501961]),
    "resnet50v2": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
}
FACTS = {"size": 481, "licence": "Apache-2.0", "about": "a test"}


MODELS = {
    "half-scale-float32": NetworkConfig(COCO_TREE, upsample=1, neck_channels=16, half_scale=True),
    "lite0-float16": NetworkConfig(COCO_TREE, "lite0", upsample=1, neck_channels=16, norm="trained"),
    "resnet50v2-float16": NetworkConfig(
        COCO_TREE, "resnet50v2", output_stride=16, last_stage=3, upsample=4, neck_channels=0
    ),
}


@pytest.fixture(scope="module")
def exporting(tmp_path_factory):
    """Of one of `MODELS`, a network with lively outputs, its exported file and whether that stores half precision."""

    @functools.cache
    def export(name):
        torch.manual_seed(0)
        network = build_network(MODELS[name])
        with torch.no_grad():  # displacements as long as real ones: tens of pixels
            spread = network.eval()(torch.rand(1, 3, 65, 65)).displacements.std()
            network.head.fields.weight *= 30 / spread
            network.head.body2.weight *= 10
        path = tmp_path_factory.mktemp("export") / "model.onnx"
        precision = name.rpartition("-")[2]
        export_onnx(network.train(), path, FACTS, precision)
        assert network.training
        assert [file.name for file in path.parent.iterdir()] == ["model.onnx"]
        return network.eval(), path, precision == "float16"

    return export


@pytest.fixture(params=MODELS)
def exported(request, exporting):
    return exporting(request.param)


def torch_outputs(network, images):
    with torch.no_grad():
        maps = network(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255)
    return [maps.heatmaps.sigmoid(), maps.offsets, maps.displacements, maps.body.sigmoid()]


def onnx_outputs(path, images):
    session = onnxruntime.InferenceSession(path)
    return session.run(["heatmaps", "offsets", "displacements", "body"], {"images": images})


@pytest.mark.parametrize("shape", [(1, 65, 65), (3, 97, 33), (2, 81, 129), (1, 100, 60)])
def test_maps_equal_the_networks_at_every_size(exported, shape):
    network, path, half = exported
    if half:  # the weights as the file stores them
        network = load_network(path).eval()
    images = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    expected, actual = torch_outputs(network, images), onnx_outputs(path, images)
    for e, a in zip(expected, actual, strict=True):
        assert a.dtype == np.float32
        assert a.shape == tuple(e.shape)
        assert e.std() > 1e-4
        np.testing.assert_allclose(a, e.numpy(), atol=1e-3, rtol=1e-5)


def test_openvino_files_compute_the_same(exported, tmp_path):
    _, path, _ = exported
    facts = json.loads({entry.key: entry.value for entry in onnx.load(path).metadata_props}["strongpose"])
    write_ir(read_onnx(path), tmp_path / "model.xml", facts)
    images = np.random.default_rng(0).integers(0, 256, (2, 81, 65, 3), dtype=np.uint8)
    runtime = OpenVinoRuntime(tmp_path / "model.xml", bf16=False)
    for e, a in zip(onnx_outputs(path, images), runtime(images), strict=True):
        np.testing.assert_allclose(a, e, atol=1e-3, rtol=1e-5)


def test_runtimes_fold_the_norms_into_the_convolutions(exporting, tmp_path):
    """The file keeps them by name, for training to resume from; when it is loaded they disappear."""
    network, path, _ = exporting("lite0-float16")
    norms = sum(isinstance(module, Norm) for module in network.modules())
    assert "BatchNormalization" in {node.op_type for node in onnx.load(path).graph.node}
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3  # it warns that such a file is for one machine
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    left = {node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node}
    assert left & {"Conv", "FusedConv"} and "BatchNormalization" not in left
    compiled = openvino.Core().compile_model(path, "CPU")
    layers = [node.get_rt_info()["layerType"].astype(str) for node in compiled.get_runtime_model().get_ops()]
    assert layers.count("Convolution") >= norms  # a norm that is left over becomes elementwise layers
    assert layers.count("Eltwise") < norms / 3, layers.count("Eltwise")


def test_the_file_describes_itself(exported):
    network, path, half = exported
    model = onnx.load(path)
    onnx.checker.check_model(model)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    config = network.config
    facts = json.loads(metadata["strongpose"])
    cells = facts["outputs"]["heatmaps"].pop("cells")
    assert cells.startswith(f"h = ceil(H / {config.stride}), w = ceil(W / {config.stride}); ")
    assert facts == {
        **FACTS,
        "skeleton": config.skeleton.to_dict(),
        "stride": config.stride,
        "coarse_stride": config.coarse_stride,
        "network": config.to_dict(),
        "precision": "float16" if half else "float32",
        "input": {
            "name": "images",
            "shape": ["B", "H", "W", 3],
            "type": "uint8",
            "colour": "RGB",
            "range": [0, 255],
            "resizing": "long side to `size` pixels, aspect kept; bilinear, over all pixels to shrink",
            "sides": f"a multiple of {config.coarse_stride}, plus 1; padded right and below",
            "padding": [127, 127, 127],
            "mean": NORMALISATION[config.backbone][0],
            "std": NORMALISATION[config.backbone][1],
            "normalisation": "(RGB / 255 - mean) / std, done inside the model",
        },
        "outputs": {
            "heatmaps": {"shape": ["B", 17, "h", "w"], "unit": "probability"},
            "offsets": {"shape": ["B", 17, 2, "h", "w"], "unit": "input pixels, x and y"},
            "displacements": {"shape": ["B", 32, 2, "h", "w"], "unit": "input pixels, x and y"},
            "body": {"shape": ["B", "h", "w"], "unit": "probability"},
        },
    }
    assert [value.name for value in model.graph.input] == ["images"]
    # Nothing of the machine that exported it, and no head that serves training only.
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
    assert not any("middle_head" in initializer.name for initializer in model.graph.initializer)


def test_weights_come_back_out_of_the_file(exported):
    network, path, half = exported
    loaded = load_network(path)
    assert loaded.config == network.config
    state = loaded.state_dict()
    for name, tensor in network.state_dict().items():
        if not name.startswith("middle_head."):
            stored = tensor.half().float() if half and tensor.ndim == 4 else tensor
            assert torch.equal(state[name], stored), name


def test_half_precision_halves_the_file_and_hardly_moves_the_maps(exported):
    network, path, half = exported
    exported_parts = (network.backbone, network.neck, network.head)
    kernels = sum(t.nbytes for part in exported_parts for t in part.state_dict().values() if t.ndim == 4)
    others = sum(t.nbytes for part in exported_parts for t in part.state_dict().values() if t.ndim < 4)
    assert path.stat().st_size == pytest.approx(kernels / (1 + half) + others, rel=0.05)
    images = np.random.default_rng(0).integers(0, 256, (1, 97, 65, 3), dtype=np.uint8)
    for e, a in zip(torch_outputs(network, images), onnx_outputs(path, images), strict=True):
        np.testing.assert_allclose(a, e.numpy(), atol=0.01 * e.abs().max().item())


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"size": 481}, "licence"),
        ({"licence": "Apache-2.0"}, "size"),
        ({**FACTS, "stride": 4}, "must not give.*stride"),
        ({**FACTS, "precision": "float32"}, "must not give.*precision"),
    ],
)
def test_metadata_that_does_not_fit_is_refused(facts, message, tmp_path):
    network = build_network(NetworkConfig(COCO_TREE, upsample=1, neck_channels=0))
    with pytest.raises(ValueError, match=message):
        export_onnx(network, tmp_path / "model.onnx", facts)
