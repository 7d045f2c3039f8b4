"""int8 models find the people that float models find, and calibration explains what it cannot use."""

import shutil
import sys

import numpy as np
import openvino
import pytest
import torch

from strongpose import StrongPose
from strongpose.export.onnx import describe, export_onnx
from strongpose.export.openvino_ir import write_ir
from strongpose.export.quantization import calibration_inputs, calibration_photos, quantize
from strongpose.network import NetworkConfig, build_network
from strongpose.runtime import OnnxRuntime, OpenVinoRuntime, resolve_model
from strongpose.runtime.saturation import sums_fit_16_bits
from strongpose.skeleton import COCO


def similarity(pose, other):
    """OKS of two poses, of the keypoints that the first one found; the area is that of its box."""
    found = pose.keypoints[:, 2] > 0.2
    squared = ((pose.keypoints - other.keypoints)[:, :2] ** 2).sum(axis=1)
    x0, y0, x1, y1 = pose.box
    return np.exp(-squared / (8 * np.square(COCO.sigmas) * 0.53 * (x1 - x0) * (y1 - y0)))[found].mean()


@pytest.fixture(scope="module")
def int8(photos, tmp_path_factory):
    """`base`, calibrated with the sample photos."""
    inputs = calibration_inputs(calibration_photos([photos], 100), 257, 8, pytest.fail)
    path = tmp_path_factory.mktemp("int8") / "base.xml"
    description = {"skeleton": COCO.to_dict(), "stride": 8, "coarse_stride": 8, "size": 401, "licence": "Apache-2.0"}
    write_ir(quantize(resolve_model("base"), inputs), path, description)
    return path


def test_int8_finds_the_same_poses(int8, photos):
    runtime = OpenVinoRuntime(int8)
    assert "int8" in runtime.name
    expected = StrongPose(OnnxRuntime(resolve_model("base")), 401)(photos / "group.jpg")
    got = StrongPose(runtime, 401)(photos / "group.jpg")
    expected, got = expected[expected.scores > 0.3], got[got.scores > 0.3]
    assert len(expected) == len(got) == 3
    for pose in expected:
        assert max(similarity(pose, other) for other in got) > 0.95


def test_int8_weights_take_a_byte_each(int8):
    weights = 5.49e6  # of base
    assert weights < int8.with_suffix(".bin").stat().st_size < 1.1 * weights


def test_int8_weights_take_half_the_range(int8):
    model = openvino.Core().read_model(int8)
    constants = [node for node in model.get_ops() if node.get_type_name() == "Constant"]
    weights = [node.data.astype(int) for node in constants if node.get_element_type() == openvino.Type.i8]
    assert len(weights) > 40
    assert all(60 <= np.abs(channels).max() <= 64 for channels in weights)
    assert sums_fit_16_bits(model)


def test_int8_is_exact_without_vnni(int8, photos, without_vnni):
    (pixels,) = calibration_inputs([photos / "group.jpg"], 257, 8, pytest.fail)
    name, maps = without_vnni(int8, pixels)
    assert name == "OpenVINO in int8 and float32"
    exact = OpenVinoRuntime(int8, int8=False)(pixels)
    assert np.abs(maps["heatmaps"] - exact.heatmaps).mean() < 0.0025


def test_norms_are_folded_before_activations_are_rounded(photos, tmp_path):
    """Ranges between a convolution and its norm would be of no use, and OpenVINO's AMX kernels crash on them."""
    torch.manual_seed(0)
    network = build_network(NetworkConfig(backbone="lite0", upsample=1, neck_channels=16, norm="trained"))
    inputs = calibration_inputs(calibration_photos([photos], 4), 129, 32, pytest.fail)
    images = torch.from_numpy(inputs[0]).permute(0, 3, 1, 2).float() / 255
    for _ in range(30):  # until the norms' statistics are those of this photo
        with torch.no_grad():
            network.train()(images)
    facts = {"size": 129, "licence": "Apache-2.0"}
    export_onnx(network.eval(), tmp_path / "float.onnx", facts, "float32", fold_norms=True)
    model = quantize(tmp_path / "float.onnx", inputs)
    kinds = {node.get_type_name() for node in model.get_ops()}
    assert "FakeQuantize" in kinds and "BatchNormInference" not in kinds
    write_ir(model, tmp_path / "int8.xml", describe(network, facts, "int8"))
    exact, rounded = OnnxRuntime(tmp_path / "float.onnx")(inputs[0]), OpenVinoRuntime(tmp_path / "int8.xml")(inputs[0])
    for name in ("heatmaps", "offsets", "displacements"):  # random weights round badly, most of all the body's
        a, b = (getattr(maps, name).ravel() for maps in (exact, rounded))
        assert np.corrcoef(a, b)[0, 1] > 0.85, name


def test_photos_are_spread_over_all_folders(tmp_path):
    for folder, count in (("a", 6), ("b", 3)):
        (tmp_path / folder / "deeper").mkdir(parents=True)
        (tmp_path / folder / "notes.txt").touch()
        for i in range(count):
            (tmp_path / folder / f"{i}.JPG").touch()
    folders = [tmp_path / "a", tmp_path / "b"]
    names = [str(path.relative_to(tmp_path)) for path in calibration_photos(folders, 3)]
    assert names == ["a/0.JPG", "a/4.JPG", "b/2.JPG"]
    assert len(calibration_photos(folders, 100)) == 9


def test_inputs_are_what_the_network_sees_in_use(photos):
    (pixels,) = calibration_inputs([photos / "group.jpg"], 129, 8, pytest.fail)
    model = StrongPose(OnnxRuntime(resolve_model("base")), 129)
    np.testing.assert_array_equal(pixels[0], model.fit(photos / "group.jpg").pixels)


def test_damaged_photos_are_named_and_skipped(photos, tmp_path):
    shutil.copy(photos / "astronaut.jpg", tmp_path)
    (tmp_path / "cut.jpg").write_bytes((photos / "group.jpg").read_bytes()[:500])
    complaints = []
    assert len(calibration_inputs(sorted(tmp_path.iterdir()), 65, 8, complaints.append)) == 1
    assert [str(error).partition(":")[0] for error in complaints] == [str(tmp_path / "cut.jpg")]
    with pytest.raises(ValueError, match="none of the photos"):
        calibration_inputs([tmp_path / "cut.jpg"], 65, 8, complaints.append)


def test_folders_without_photos_are_refused(photos, tmp_path):
    with pytest.raises(ValueError, match="nowhere: no such folder"):
        calibration_photos([tmp_path / "nowhere"], 10)
    with pytest.raises(ValueError, match="holds no photo"):
        calibration_photos([photos, tmp_path], 10)
    with pytest.raises(ValueError, match="at least one photo"):
        calibration_photos([photos], 0)


def test_missing_nncf_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "nncf", None)
    with pytest.raises(ImportError, match=r"int8 needs NNCF and OpenVINO .*pip install .*\[export\]"):
        quantize(resolve_model("base"), [])
