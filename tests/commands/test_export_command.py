"""``strongpose export``: float and int8 models, what int8 costs, and clear errors for options that do not fit."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from pictures import write_dataset

from strongpose import StrongPose
from strongpose.cli import main
from strongpose.decode import DecodeOptions
from strongpose.network.weights import load_network
from strongpose.runtime import OnnxRuntime, OpenVinoRuntime, resolve_model
from strongpose.runtime.pytorch import TorchRuntime


def test_int8_is_calibrated_described_and_measured(strongpose, tiny_model, photos, tmp_path):
    shutil.copytree(photos, tmp_path / "photos")
    (tmp_path / "photos" / "cut.jpg").write_bytes((photos / "group.jpg").read_bytes()[:500])
    annotations = write_dataset(tmp_path / "set", 1)
    out = tmp_path / "new" / "int8.xml"
    run = strongpose(
        *("export", tiny_model, "--out", out, "--precision", "int8", "--calibrate", tmp_path / "photos"),
        *("--size", 97, "--card", "https://example.org/card"),
        *("--evaluate", annotations, "--images", tmp_path / "set" / "people"),
    )
    assert run.stderr.startswith(f"strongpose: {tmp_path / 'photos' / 'cut.jpg'}: "), run.stderr
    assert len(run.stderr.splitlines()) == 1 and run.returncode == 1  # the rest is done all the same
    calibration, written, exact, _, _, int8, _, _, lost = run.stdout.splitlines()
    assert calibration == "calibrating with 4 photos of 97 pixels"
    assert written.startswith(f"{out}: ") and ", int8, skeleton coco, one cell per 4 pixels, size 97" in written
    assert exact.startswith("float32 weights by OpenVINO in ") and int8.startswith(
        "int8 weights by OpenVINO in int8 and "
    )
    assert lost == "AP 0.000 with float32 weights, 0.000 with int8: lost 0.000"  # random weights find nobody
    assert sorted(file.name for file in out.parent.iterdir()) == ["int8.bin", "int8.xml"]
    info = OpenVinoRuntime(out, threads=1).info
    assert (info.size, info.decode) == (97, {"disk_radius": 12.0})
    assert (info.about["licence"], info.about["card"]) == ("Apache-2.0", "https://example.org/card")
    assert (info.about["precision"], info.about["calibration"]) == ("int8", {"photos": 4, "size": 97})


def test_a_released_model_by_its_name_says_and_finds_what_it_did(photos, tmp_path, capsys):
    """The network, whose weights float16 holds exactly, and two files that it is exported to again."""
    onnx, xml = tmp_path / "base.onnx", tmp_path / "base.xml"
    assert main(["export", "base", "--out", str(onnx), "--size", "401"]) == 0
    assert (
        main(["export", "base", "--out", str(xml), "--size", "401", "--precision", "float32", "--licence", "MIT"]) == 0
    )
    assert capsys.readouterr().err == ""
    assert xml.with_suffix(".bin").stat().st_size > 1.9 * onnx.stat().st_size
    before, half, full = OnnxRuntime(resolve_model("base")), OnnxRuntime(onnx), OpenVinoRuntime(xml, bf16=False)
    gone = ("neck_rank", "fine_channels")  # which the released file still says it lacks
    network = {name: value for name, value in before.info.about["network"].items() if name not in gone}
    about = {**before.info.about, "network": network}
    assert half.info == replace(before.info, size=401, about=about)
    about |= {"licence": "MIT", "precision": "float32"}
    assert full.info == replace(before.info, size=401, about=about)
    expected = StrongPose(TorchRuntime(load_network(resolve_model("base")), 401, 12))(photos / "group.jpg")
    assert (expected.scores > 0.3).sum() == 3
    for runtime in (half, full):
        got = StrongPose(runtime, options=DecodeOptions(disk_radius=12))(photos / "group.jpg")
        assert len(got) == len(expected)
        assert np.abs(got.keypoints - expected.keypoints)[..., :2].max() < 0.1


def test_files_for_openvino_are_no_weights(tmp_path, capsys):
    assert main(["export", "fast", "--out", str(tmp_path / "fast.onnx")]) == 1
    assert "fast: OpenVINO's .xml files only run, as their weights are rounded" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--out m.txt", "m.txt: the name of a model must end in .onnx or, for OpenVINO, in .xml"),
        ("--out m.onnx --precision int8 --calibrate .", "Write m.xml, or an .onnx file in float16"),
        ("--out m.xml --precision int8", "needs photos to calibrate with: --calibrate FOLDER"),
        ("--out m.xml --calibrate .", "photos to calibrate with are for int8, not for float16; leave --calibrate out"),
        ("--out m.xml --evaluate a.json", "a.json: no such file"),
        ("--out m.xml --images .", "--images is the folder of the photos of --evaluate"),
        ("--out m.xml --precision int8 --calibrate .", ".: holds no photo to calibrate with"),
        ("--out m.xml --precision int8 --calibrate nowhere", "nowhere: no such folder of photos"),
        ("--out m.onnx --evaluate nowhere.json --images .", "nowhere.json: no such file"),
        ("--out m.onnx --filter-sigma 0", "filter_sigma must be positive, got 0"),
        ("--out m.onnx --threshold 2", "the threshold must be 0 to 1, got 2.0"),
        ("--out m.onnx --size 0", "the size must be at least 1 pixel, got 0"),
    ],
)
def test_mistakes_are_explained(options, message, tiny_model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(tiny_model), *options.split()]) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
