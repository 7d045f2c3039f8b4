"""Weights and checkpoints: safetensors, .onnx and nothing else; damaged and hostile files are refused in one line."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from damaged_annotations import DAMAGED_TEXTS, mutations
from harness import is_one_line, try_all
from safetensors.torch import save_file

import strongpose
from strongpose.annotations import load_annotations
from strongpose.data.coco import KeypointDataset
from strongpose.exceptions import AnnotationError, CheckpointError, ImageError, ModelError
from strongpose.images import open_image
from strongpose.network import NetworkConfig, build_network
from strongpose.network.tensors import fill, read_tensors
from strongpose.network.weights import METADATA_KEY, load_network, load_weights, save_weights
from strongpose.runtime import OnnxRuntime, OpenVinoRuntime, packaged_models, resolve_model
from strongpose.skeleton import COCO_TREE
from strongpose.skeletons import load_skeleton
from strongpose.training.checkpoint import load_checkpoint, save_checkpoint

SOURCE = Path(strongpose.__file__).parent
SMALL = NetworkConfig(COCO_TREE, upsample=1, neck_channels=8, middle_head=False)


class Evil:
    """What runs when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_nothing_unpickles_or_evaluates_text():
    """In the source: no pickle, no torch.load, no YAML objects, no eval; NumPy's files only without pickles."""
    forbidden = re.compile(
        r"\bpickle\b|\bdill\b|joblib|marshal|shelve|torch\.load\(|torch\.save\(|torch\.hub|np\.load\(|allow_pickle=True"
        r"|yaml\.(?!safe_)\w*load|(?<![.\w])(eval|exec)\(|weights_only=False|trust_remote_code"
    )
    files = [*SOURCE.rglob("*.py"), *(SOURCE.parent.parent / "scripts").glob("*.py")]
    assert len(files) > 80
    found = [
        f"{path.name}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if forbidden.search(line)
    ]
    assert found == []


def test_hostile_pickles_are_refused_without_being_run(tmp_path):
    mark = tmp_path / "was-run"
    plain, zipped = pickle.dumps(Evil(mark)), tmp_path / "zipped"
    torch.save({"weights": Evil(mark)}, zipped)
    pickle.loads(plain)
    assert mark.exists()  # it would run
    mark.unlink()
    module = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(module.parameters())
    loaders = (
        (".safetensors", load_network, ValueError),
        (".safetensors", read_tensors, ValueError),
        (".safetensors", lambda path: load_checkpoint(path, module, module, optimizer), CheckpointError),
        (".onnx", load_network, ValueError),
        (".onnx", OnnxRuntime, ModelError),
        (".onnx", OpenVinoRuntime, ModelError),
        (".xml", OpenVinoRuntime, ModelError),
        (".json", load_annotations, AnnotationError),
        (".json", KeypointDataset, AnnotationError),
        (".json", lambda path: load_skeleton(str(path)), ValueError),
        (".jpg", open_image, ImageError),
    )
    for content in (plain, zipped.read_bytes()):
        for suffix, load, refusal in loaders:
            path = tmp_path / f"evil{suffix}"
            path.write_bytes(content)
            with pytest.raises(refusal) as caught:
                load(path)
            assert is_one_line(str(caught.value), str(path)), caught.value
    assert not mark.exists()


@pytest.mark.parametrize("name", packaged_models())
def test_packaged_models_are_those_of_their_cards(name):
    path = resolve_model(name)
    files = [path, path.with_suffix(".bin")] if path.suffix == ".xml" else [path]
    rows = path.with_suffix(".md").read_text(encoding="utf-8").splitlines()
    stated = [row.split("`")[-2] for row in rows if row.startswith("| sha256")]
    assert stated == [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "a.safetensors"
    save_weights(build_network(SMALL), path)
    return path


def with_header(data: bytes, header: bytes) -> bytes:
    """The file with another header."""
    length = struct.unpack("<Q", data[:8])[0]
    return struct.pack("<Q", len(header)) + header + data[8 + length :]


def test_damaged_weight_files_are_refused_in_one_line(weights, tmp_path):
    data = weights.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    name = next(key for key in header if key != "__metadata__")
    cases = {what: text for what, text in DAMAGED_TEXTS.items()}
    cases |= {f"cut to {share:.0%}": data[: int(share * len(data))] for share in (0.00001, 0.001, 0.5, 0.999)}
    cases |= {f"length {n}": struct.pack("<Q", n) + data[8:] for n in (0, 1, length - 1, length + 1, 2**31, 2**64 - 1)}
    cases |= {f"header {what}": with_header(data, text[:200_000]) for what, text in DAMAGED_TEXTS.items()}
    one = {"__metadata__": header["__metadata__"], name: header[name]}
    cases |= {
        f"header with {what}": with_header(data, json.dumps({**header, **document}).encode())
        for what, document in mutations(one, lambda number: number % 3 == 0)
        if what.startswith(name)
    }
    config = json.loads(header["__metadata__"][METADATA_KEY])
    descriptions = dict(mutations(config, lambda number: number % 4 == 0)) | {"nested a million deep": None}
    for what, description in descriptions.items():
        text = "[" * 1_000_000 if description is None else json.dumps(description)
        metadata = {"__metadata__": {METADATA_KEY: text}}
        cases[f"metadata with {what}"] = with_header(data, json.dumps({**header, **metadata}).encode())[:2_000_000]
    bad = tmp_path / "bad.safetensors"

    def load(content: bytes) -> None:
        bad.write_bytes(content)
        load_network(bad)

    tally = try_all(cases.items(), load, "bad.safetensors", (ValueError,))
    assert tally.wrong == []
    assert tally.counts["refused"] > 150


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.fill_(float("nan")), "neck.0.weight holds values that are not finite"),
        (lambda t: t.fill_(float("inf")), "neck.0.weight holds values that are not finite"),
        (lambda t: t.to(torch.int64), r"neck.0.weight has the type torch.int64, expected torch.float32"),
        (lambda t: t.to(torch.bool), r"neck.0.weight has the type torch.bool, expected torch.float32"),
    ],
)
def test_weights_that_are_no_numbers_are_refused(weights, tmp_path, change, message):
    tensors = read_tensors(weights)
    tensors["neck.0.weight"] = change(tensors["neck.0.weight"])
    metadata = {METADATA_KEY: json.dumps({"network": SMALL.to_dict()})}
    save_file(tensors, tmp_path / "bad.safetensors", metadata)
    with pytest.raises(ValueError, match=rf"bad\.safetensors: .*{message}"):
        load_weights(build_network(SMALL), tmp_path / "bad.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"neck_channels": 10**9}, "neck_channels must be a whole number up to 4096"),
        ({"backbone": 5}, "backbone must be a str, got 5"),
        ({"backbone": "timm:hf_hub:evil/model"}, "backbone must not be fetched from elsewhere"),
        ({"backbone": "timm:local-dir:/tmp/evil"}, "backbone must not be fetched from elsewhere"),
    ],
)
def test_a_described_network_beyond_measure_is_not_built(change, message):
    with pytest.raises(ValueError, match=message):
        NetworkConfig.from_dict({**SMALL.to_dict(), **change})


def test_fill_converts_half_precision_and_nothing_else():
    layer = torch.nn.Linear(2, 1, bias=False)
    fill(layer, {"weight": torch.tensor([[1.5, 2.5]], dtype=torch.float16)}, "file")
    assert layer.weight.tolist() == [[1.5, 2.5]]


@pytest.fixture
def run(tmp_path):
    """A network, its average and its optimizer after a step, and their checkpoint."""
    network, average = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, network, average, optimizer, {"step": 1, "config": {}})
    return path, network, average, optimizer


def test_damaged_checkpoints_are_refused_in_one_line_and_change_nothing(run):
    path, network, average, optimizer = run
    assert load_checkpoint(*run) == {"step": 1, "config": {}}
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    cases = {what: text for what, text in DAMAGED_TEXTS.items()}
    cases |= {f"cut to {share:.0%}": data[: int(share * len(data))] for share in np.linspace(0, 0.99, 20)}
    cases |= {f"length {n}": struct.pack("<Q", n) + data[8:] for n in (0, 1, length - 1, length + 1, 2**31, 2**64 - 1)}
    cases |= {what: with_header(data, json.dumps(h).encode()) for what, h in mutations(header)}
    for what, info in mutations({"step": 1, "config": {}}):
        more = {"__metadata__": {"info": json.dumps(info)}}
        cases[f"info {what}"] = with_header(data, json.dumps({**header, **more}).encode())

    def load(content: bytes) -> None:
        path.write_bytes(content)
        info = load_checkpoint(path, network, average, optimizer)
        assert info["step"] >= 0 and isinstance(info["config"], dict)

    tally = try_all(cases.items(), load, str(path), (CheckpointError,))
    assert tally.wrong == []
    assert tally.counts["refused"] > 300
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("network.weight", torch.full((3, 2), float("nan")), "weight holds values that are not finite"),
        ("network.weight", torch.ones(3, 2, dtype=torch.int32), "weight is torch.int32 .*expected torch.float32"),
        ("network.weight", torch.ones(2, 2), r"weight is torch.float32 \(2, 2\), expected torch.float32 \(3, 2\)"),
        ("network.other", torch.ones(1), "other is not part of this network"),
        ("optimizer.0.exp_avg", torch.ones(7), "the optimizer's 0.exp_avg belongs to no parameter"),
        ("optimizer.9.exp_avg", torch.ones(3, 2), "the optimizer's 9.exp_avg belongs to no parameter"),
        ("optimizer.0.exp_avg", torch.full((3, 2), float("inf")), "0.exp_avg holds values that are not finite"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(run, name, value, message):
    from safetensors.torch import load_file

    path, network, average, optimizer = run
    tensors = {**load_file(path), name: value}
    save_file(tensors, path, {"info": json.dumps({"step": 1, "config": {}})})
    with pytest.raises(CheckpointError, match=rf"cannot be resumed \(.*{message}"):
        load_checkpoint(path, network, average, optimizer)
