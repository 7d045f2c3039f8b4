"""The models of the package are taken only as they were released."""

from __future__ import annotations

import shutil

import pytest

from strongpose.exceptions import ModelError
from strongpose.runtime import model, packaged_models, resolve_model


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """The folder of a package of one's own."""
    shutil.copytree(model.MODELS, tmp_path / "models")
    monkeypatch.setattr(model, "MODELS", tmp_path / "models")
    return tmp_path / "models"


def test_whole_copies_are_taken(copies):
    assert packaged_models() == ["accurate", "base", "fast"]
    assert resolve_model("base") == copies / "base.onnx"
    assert resolve_model("accurate") == copies / "accurate.onnx"
    assert resolve_model("fast") == copies / "fast.xml"


@pytest.mark.parametrize("name", ["accurate.onnx", "base.onnx", "fast.xml", "fast.bin"])
def test_one_wrong_bit_is_noticed(copies, name):
    content = bytearray((copies / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copies / name).write_bytes(content)
    with pytest.raises(ModelError, match=r"is damaged or was replaced .* install the package again") as caught:
        resolve_model(name.split(".")[0])
    assert str(caught.value).startswith(f"{copies / name}: ") and "\n" not in str(caught.value)
    assert resolve_model(copies / name) == copies / name, "who names the path means this file"


@pytest.mark.parametrize("name", ["fast.bin", "base.md"])
def test_a_missing_part_is_named(copies, name):
    (copies / name).unlink()
    with pytest.raises(ModelError, match=r"cannot be read \(No such file or directory\); install the package again"):
        resolve_model(name.split(".")[0])


def test_a_card_without_a_checksum_vouches_for_nothing(copies):
    (copies / "base.md").write_text("# Model card: `base`\n", encoding="utf-8")
    with pytest.raises(ModelError, match="its sha256 is not that of its card"):
        resolve_model("base")
