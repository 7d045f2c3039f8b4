"""``strongpose batch`` as its users meet it: a run on this machine, and its errors."""

from __future__ import annotations

import json
import re
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from strongpose._util.installing import install_command
from strongpose.cli import main


def test_a_folder_becomes_one_table_and_is_not_done_twice(strongpose_process, photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RAY_worker_niceness", "0")  # so that other programs do not stop the test
    source, out = tmp_path / "photos", tmp_path / "out"
    source.mkdir()
    for name in ("astronaut", "group", "grace_hopper"):
        with Image.open(photos / f"{name}.jpg") as photo:
            photo.save(source / f"{name}.jpg")
    (source / "broken.jpg").write_bytes(b"no photo")
    options = ("batch", source, out, "--size", 161, "--part-size", 3, "--actors", 1, "--runtime", "onnx")
    run = strongpose_process(*options)
    assert run.returncode == 0, run.stderr
    assert "[2/2] part" in run.stderr and len(run.stderr.splitlines()) == 2, run.stderr
    assert re.search(
        r"4 photos in .* 1 of them without result, \d+ people; \d+ ms of CPU time a photo; 1 actor busy",
        run.stdout,
    ), run.stdout
    table = pq.read_table(out)  # the folder is a data set
    assert table["photo"].to_pylist() == ["astronaut.jpg", "broken.jpg", "grace_hopper.jpg", "group.jpg"]
    assert table["status"].to_pylist() == ["ok", "unreadable", "ok", "ok"]
    assert "not a photo that can be read" in table["error"][1].as_py()
    assert len(table["people"][0]) >= 1 and len(table["people"][0][0]["keypoints"]) == 17
    assert json.loads(table.schema.metadata[b"strongpose"])["estimator"]["merged_sizes"] == [161]
    assert main(list(map(str, options))) == 0
    assert capsys.readouterr().err == "strongpose: 2 of 2 parts are done already\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("nowhere", "out"), "nowhere: no such file or folder"),
        (("empty", "out"), "empty: holds no photos, Parquet files or tar files; check the path"),
        (("a.parquet", "out"), "a.parquet: has no column 'path' but url; name one with --column"),
        (("a.parquet", "out", "--model", "nope"), "nope: no such model"),
        (("a.parquet", "out", "--part-size", "0"), "--part-size must be at least 1, got 0"),
        (("a.parquet", "a.parquet", "--column", "url"), "a.parquet is a file; name another folder"),
        (
            ("a.parquet", "out", "--column", "url", "--address", "127.0.0.1:1"),
            "--address 127.0.0.1:1: no cluster there",
        ),
    ],
)
def test_mistakes_are_one_line(options, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    pq.write_table(pa.table({"url": ["x.jpg"]}), "a.parquet")
    assert main(["batch", *options]) == 1
    errors = capsys.readouterr().err
    assert message in errors and errors.startswith("strongpose: ") and errors.count("\n") == 1, errors


@pytest.mark.parametrize("package", ["ray", "pyarrow"])
def test_missing_packages_are_named(package, tmp_path, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith("strongpose.batch")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["batch", str(tmp_path), str(tmp_path / "out")]) == 1
    assert install_command("batch") in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
