"""OpenVINO model files describe themselves, and are written whole or not at all."""

import numpy as np
import pytest

from strongpose.export.openvino_ir import read_onnx, write_ir
from strongpose.runtime import OnnxRuntime, OpenVinoRuntime
from strongpose.skeleton import COCO

FACTS = {"skeleton": COCO.to_dict(), "stride": 4, "coarse_stride": 8, "size": 129, "licence": "CC0-1.0", "card": "Ö"}


def test_an_onnx_model_becomes_two_files(tiny_model, tmp_path):
    path = tmp_path / "new" / "tiny.xml"
    write_ir(read_onnx(tiny_model), path, FACTS)
    assert sorted(file.name for file in path.parent.iterdir()) == ["tiny.bin", "tiny.xml"]
    info = OpenVinoRuntime(path, threads=1).info
    assert (info.skeleton, info.stride, info.size, info.about["card"]) == (COCO, 4, 129, "Ö")
    images = np.random.default_rng(0).integers(0, 256, (2, 65, 97, 3), dtype=np.uint8)
    for expected, got in zip(OnnxRuntime(tiny_model)(images), OpenVinoRuntime(path, bf16=False)(images), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-3)


def test_nothing_is_left_of_files_that_could_not_be_written(tiny_model, tmp_path):
    (tmp_path / "tiny.bin").mkdir()
    with pytest.raises(OSError):
        write_ir(read_onnx(tiny_model), tmp_path / "tiny.xml", FACTS)
    assert [file.name for file in tmp_path.iterdir()] == ["tiny.bin"]


def test_a_description_that_is_no_json_leaves_the_old_model(tiny_model, tmp_path):
    path = tmp_path / "tiny.xml"
    write_ir(read_onnx(tiny_model), path, FACTS)
    with pytest.raises(TypeError):
        write_ir(read_onnx(tiny_model), path, {"size": object()})
    assert OpenVinoRuntime(path, threads=1).info.size == 129
    with pytest.raises(ValueError, match=r"must end in \.xml"):
        write_ir(read_onnx(tiny_model), tmp_path / "tiny.onnx", FACTS)
