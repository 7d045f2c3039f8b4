"""``strongpose data get``: from a server on this machine; licence, layout, and errors in a line."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import zipfile

import pytest
from http_server import Site, serve

from strongpose.cli import main


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/") + ".jpg", content)
    return out.getvalue()


@pytest.fixture
def site():
    with serve(Site({"/lsp_dataset.zip": zipped(images__im0001=b"photo", images__im0002=b"other")})) as running:
        yield running


def test_a_set_comes_once_and_only_with_its_terms_accepted(strongpose, site, tmp_path):
    command = ("data", "get", "lsp", "--parts", "lsp", "--out", tmp_path / "sets", "--url", site.url)
    run = strongpose(*command)
    assert run.returncode == 1
    assert "Flickr" in run.stdout
    assert run.stderr == "strongpose: add --yes if you accept these terms; nothing was downloaded\n"
    assert not (tmp_path / "sets").exists()
    run = strongpose(*command, "--yes")
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "sets" / "lsp_dataset" / "images" / "im0002.jpg").read_bytes() == b"other"
    assert "CRC-32 of 2 files; no checksum of the archive is published" in run.stdout
    assert run.stderr == ""
    site.files.clear()
    run = strongpose(*command)
    assert (run.returncode, run.stdout) == (0, f"Leeds Sports Pose: all files are in {tmp_path / 'sets'}\n")


@pytest.mark.parametrize(("typed", "status"), [("yes", 0), ("", 1)])
def test_the_terms_may_be_accepted_by_typing(site, tmp_path, typed, status):
    ours, theirs = pty.openpty()
    os.write(ours, f"{typed}\n".encode())
    command = [sys.executable, "-m", "strongpose.cli", "data", "get", "lsp", "--parts", "lsp"]
    command += ["--out", str(tmp_path / "sets"), "--url", site.url]
    try:
        run = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=60)
    finally:
        os.close(ours)
        os.close(theirs)
    assert run.returncode == status, run.stderr
    assert (tmp_path / "sets").exists() == (status == 0)
    assert ("not accepted" in run.stderr) == (status == 1)


def test_what_is_not_the_published_archive_is_refused(strongpose, site, tmp_path):
    site.files = {
        "/zips/val2017.zip": zipped(val2017__000000000139=b"photo"),
        "/annotations/annotations_trainval2017.zip": zipped(annotations__a=b"{}"),
    }
    run = strongpose("data", "get", "coco", "--parts", "val2017", "--out", tmp_path, "--url", site.url, "--yes")
    assert run.returncode == 1
    assert "Creative Commons" in run.stdout
    last = run.stderr.splitlines()[-1]
    assert "val2017.zip: expected MD5 442b8da7639aecaf257c1dceb8ba8c80, got" in last
    assert list(tmp_path.iterdir()) == []


def test_errors_are_a_line(site, tmp_path, capsys):
    def complaint(*arguments: str) -> str:
        assert main(["data", "get", *arguments, "--out", str(tmp_path / "sets"), "--yes"]) == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        return said

    assert "lspet_dataset.zip: HTTP status 404" in complaint("lsp", "--url", site.url)
    assert "begins with http" in complaint("lsp", "--url", "sam.johnson.io")
    assert "--parts lsp: COCO 2017 has val2017, train2017, test2017" in complaint("coco", "--parts", "lsp")
    assert "https://github.com/Jeff-sjtu/CrowdPose" in complaint("crowdpose")
    (tmp_path / "sets").write_text("a file")
    assert "sets" in complaint("lsp", "--parts", "lsp", "--url", site.url)
