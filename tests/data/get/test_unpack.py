"""Unpacking: whole or not at all, never outside of the folder."""

from __future__ import annotations

import stat
import zipfile

import pytest

from strongpose.data.get.unpack import unpack, unpacked_size
from strongpose.exceptions import UnpackError


def write_zip(path, files, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_files_of_two_archives_share_a_folder(tmp_path):
    first = write_zip(
        tmp_path / "1.zip", {"annotations/": b"", "annotations/a.json": b"one", "annotations/b.json": b"two"}
    )
    second = write_zip(tmp_path / "2.zip", {"annotations/c.json": b"three", "annotations/a.json": b"new"})
    out = tmp_path / "out"
    assert unpack(first, out, ("annotations",)) == {"annotations/a.json": 3, "annotations/b.json": 3}
    steps: list[tuple[int, int]] = []
    unpack(second, out, ("annotations",), lambda *step: steps.append(step))
    assert steps == [(1, 2), (2, 2)]
    assert tree(out) == {"annotations/a.json": b"new", "annotations/b.json": b"two", "annotations/c.json": b"three"}
    assert unpacked_size(first) == 6


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../evil.txt", "outside"),
        ("val2017/../../evil.txt", "outside"),
        ("/tmp/evil.txt", "outside"),
        ("C:/evil.txt", "outside"),
        ("val2017\\..\\..\\evil.txt", "outside"),
        ("val2017//a.jpg", "outside"),
        ("other/a.jpg", "expected files in val2017 only"),
        ("val2017", "expected files in val2017 only"),
    ],
)
def test_entries_that_would_lie_elsewhere_are_refused_before_anything_is_written(tmp_path, name, message):
    hostile = write_zip(tmp_path / "val2017.zip", {"val2017/1.jpg": b"photo", name: b"evil"})
    with pytest.raises(UnpackError, match=message):
        unpack(hostile, tmp_path / "deep" / "out", ("val2017",))
    assert tree(tmp_path) == {"val2017.zip": hostile.read_bytes()}


def test_links_and_double_names_are_refused(tmp_path):
    link = zipfile.ZipInfo("val2017/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(link, "/etc")
    with pytest.raises(UnpackError, match="is a link"):
        unpack(tmp_path / "link.zip", tmp_path / "out")
    write_zip(tmp_path / "double.zip", {"a.txt": b"1", "A.txt": b"2"})
    with pytest.raises(UnpackError, match="two files of the same name"):
        unpack(tmp_path / "double.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_damage_is_found_and_leaves_what_was_there(tmp_path, compression):
    photo = bytes(range(256)) * 20
    archive = write_zip(tmp_path / "a.zip", {"val2017/1.jpg": b"first", "val2017/2.jpg": photo}, compression)
    data = bytearray(archive.read_bytes())
    position = bytes(data).index(b"2.jpg") + 40
    data[position] ^= 255
    archive.write_bytes(data)
    (tmp_path / "out" / "val2017").mkdir(parents=True)
    (tmp_path / "out" / "val2017" / "1.jpg").write_bytes(b"mine")
    with pytest.raises(UnpackError, match=r"a\.zip: damaged .*download it again"):
        unpack(archive, tmp_path / "out")
    assert tree(tmp_path / "out") == {"val2017/1.jpg": b"mine"}
    archive.write_bytes(data[:80])
    with pytest.raises(UnpackError, match="no zip archive"):
        unpack(archive, tmp_path / "out")


def test_what_an_interrupted_run_left_is_cleared_away(tmp_path):
    archive = write_zip(tmp_path / "a.zip", {"val2017/1.jpg": b"photo"})
    left = tmp_path / "out" / ".a.unpacking" / "val2017"
    left.mkdir(parents=True)
    (left / "1.jpg").write_bytes(b"pho")
    unpack(archive, tmp_path / "out")
    assert tree(tmp_path / "out") == {"val2017/1.jpg": b"photo"}
