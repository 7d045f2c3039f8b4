"""LSP's and LSP-extended's joints become COCO annotations."""

import numpy as np
import pytest
from samples import named, write_photo

from strongpose.data.convert import read_lsp
from strongpose.exceptions import ConversionError


def lsp_joints():
    """(14, 3) with x = 10, 11 …, y = 50, 51 …; the flag is 1 for the right knee (1) and the head top (13)."""
    flags = np.zeros(14)
    flags[[1, 13]] = 1
    return np.stack([np.arange(10.0, 24.0), np.arange(50.0, 64.0), flags], axis=1)


def test_lsp_flags_hidden_joints(tmp_path):
    scipy_io = pytest.importorskip("scipy.io")
    write_photo(tmp_path / "images" / "im0001.jpg", 90, 120)
    scipy_io.savemat(tmp_path / "joints.mat", {"joints": lsp_joints().T[:, :, None]})  # (3, 14, 1)
    data = read_lsp(tmp_path / "joints.mat", tmp_path / "images")
    assert data["images"] == [{"id": 1, "file_name": "im0001.jpg", "width": 90, "height": 120}]
    keypoints = named(data)
    assert keypoints["right_ankle"] == [10, 50, 2]
    assert keypoints["right_knee"] == [11, 51, 1]
    assert keypoints["left_ankle"] == [15, 55, 2]
    assert keypoints["left_wrist"] == [21, 61, 2]
    assert keypoints["neck"] == [22, 62, 2]
    assert keypoints["head_top"] == [23, 63, 1]
    person = data["annotations"][0]
    assert (person["id"], person["image_id"], person["num_keypoints"]) == (1, 1, 14)
    assert person["bbox"] == [10, 50, 13, 13]
    assert person["area"] == pytest.approx(0.53 * 169, abs=1e-3)


def test_lsp_extended_flags_labelled_joints(tmp_path):
    scipy_io = pytest.importorskip("scipy.io")
    write_photo(tmp_path / "images" / "im00001.jpg", 90, 120)
    scipy_io.savemat(tmp_path / "joints.mat", {"joints": lsp_joints()[:, :, None]})  # (14, 3, 1)
    data = read_lsp(tmp_path / "joints.mat", tmp_path / "images")
    assert data["images"][0]["file_name"] == "im00001.jpg"
    assert named(data) == {"right_knee": [11, 51, 2], "head_top": [23, 63, 2]}


def test_damaged_lsp_is_explained(tmp_path):
    scipy_io = pytest.importorskip("scipy.io")
    path = tmp_path / "joints.mat"
    with pytest.raises(ConversionError, match=r"joints\.mat: cannot be read"):
        read_lsp(path, tmp_path)
    path.write_bytes(b"no matlab")
    with pytest.raises(ConversionError, match=r"joints\.mat: not a \.mat file"):
        read_lsp(path, tmp_path)
    scipy_io.savemat(path, {"other": np.zeros(3)})
    with pytest.raises(ConversionError, match="no variable 'joints'"):
        read_lsp(path, tmp_path)
    scipy_io.savemat(path, {"joints": np.zeros((2, 14, 5))})
    with pytest.raises(ConversionError, match=r"\(14, 3, N\), LSP-extended, got \(2, 14, 5\)"):
        read_lsp(path, tmp_path)
    scipy_io.savemat(path, {"joints": lsp_joints()[:, :, None]})
    with pytest.raises(ConversionError, match=r"joints\.mat, person 1: no photo .*im00001\.jpg"):
        read_lsp(path, tmp_path)
    with pytest.raises(ConversionError, match="name their folder with --images"):
        read_lsp(path, None)
