"""Training from shards on an HTTP server or in object storage: weights equal those from local photos, bit by bit."""

import io
import os
import signal
import tarfile

import fsspec
import pytest
import torch
from http_server import Site, serve
from pictures import write_dataset
from safetensors.torch import load_file

from strongpose.commands.train import train as train_command
from strongpose.data.batches import BatchesByStep
from strongpose.training.loop import train
from strongpose.training.recipe import TrainConfig

NO_HTTP = "addresses with http:// need aiohttp: pip install 'strongpose[remote]'"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("drawn") / "set", 4)


@pytest.fixture(scope="module")
def files(dataset):
    """people.json and two shards, by path."""
    files = {"/set/people.json": dataset.read_bytes()}
    for number, names in enumerate((["0.png", "1.png"], ["2.png", "3.png"])):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name in names:
                archive.add(dataset.with_suffix("") / name, f"people/{name}")
        files[f"/set/people-{number}.tar"] = buffer.getvalue()
    return files


def recipe(data, out, **changes):
    values = dict(
        data=(data,), out=out, crop_size=65, batch_size=2, steps=4, warmup_steps=2, workers=0, bf16=False, log_every=1
    )
    return TrainConfig(**(values | changes))


@pytest.fixture(scope="module")
def local(dataset, tmp_path_factory):
    return load_file(train(recipe(dataset, tmp_path_factory.mktemp("local"))))


def assert_equal(weights, expected):
    assert weights.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(weights[name], tensor), name


def test_http_shards_stopped_and_resumed(files, local, tmp_path):
    pytest.importorskip("aiohttp", reason=NO_HTTP)

    def stop_after_two(line):
        if line.startswith("step 2/"):
            os.kill(os.getpid(), signal.SIGTERM)

    with serve(Site(files=files)) as site:
        images = (f"{site.url}/set/people-{{0..1}}.tar",)
        first = recipe(f"{site.url}/set/people.json", tmp_path / "run", images=images)
        train(first, stop_after_two)
        more = recipe(first.data[0], first.out, images=images, cache=tmp_path / "kept", cache_gb=1.0, workers=1)
        lines = []
        assert_equal(load_file(train(more, lines.append)), local)
    assert "at step 2; changed: cache, cache_gb, workers" in lines[0]
    assert len(list((tmp_path / "kept").glob("*/index.json"))) == 2
    assert all(part for method, path, part in site.requests if method == "GET" and path.endswith(".tar"))


def test_object_storage(files, local, tmp_path):
    for name, content in files.items():
        fsspec.filesystem("memory").pipe(name, content)
    assert_equal(load_file(train(recipe("memory://set/people.json", tmp_path))), local)


def test_lost_shard_ends_training_in_one_line(files, tmp_path, capsys, monkeypatch):
    """Never with another photo in its place: the batches would no longer depend on the seed and the step alone."""
    pytest.importorskip("aiohttp", reason=NO_HTTP)
    with serve(Site(files=dict(files))) as site:

        def lose(*arguments, **options):
            """The batches; by now the shards are indexed, and one goes away."""
            site.files.pop("/set/people-0.tar", None)
            return BatchesByStep(*arguments, **options)

        monkeypatch.setattr("strongpose.training.loop.BatchesByStep", lose)
        images = (f"{site.url}/set/people-{{0..1}}.tar",)
        assert train_command(recipe(f"{site.url}/set/people.json", tmp_path, images=images, workers=1)) == 1
        lost = f"strongpose: {site.url}/set/people-0.tar: no such file; check the address\n"
        assert capsys.readouterr().err == lost
        assert train_command(recipe(f"{site.url}/set/people.jsn", tmp_path)) == 1
        assert capsys.readouterr().err == f"strongpose: {site.url}/set/people.jsn: no such file; check the address\n"
