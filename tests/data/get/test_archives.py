"""A data set from a server on this machine: layout, room on the disk, what is complete, what is not."""

from __future__ import annotations

import hashlib
import io
import shutil
import zipfile
from types import SimpleNamespace

import pytest
from http_server import Site, serve

from strongpose.data.get import published
from strongpose.data.get.archives import get_archive, is_complete, plan
from strongpose.data.get.published import Archive
from strongpose.exceptions import DownloadError


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


PHOTOS = zipped({"val2017/": b"", **{f"val2017/{i:012d}.jpg": bytes([i]) * 5000 for i in range(3)}})
LABELS = zipped({"annotations/person_keypoints_val2017.json": b"{}", "annotations/captions_val2017.json": b"[]"})
VAL = Archive("zips/val2017.zip", 1.05, hashlib.md5(PHOTOS).hexdigest(), ("val2017",))
NOTES = Archive("annotations/annotations_trainval2017.zip", 5.0, None, ("annotations",))


@pytest.fixture
def site():
    with serve(Site({f"/{VAL.path}": PHOTOS, f"/{NOTES.path}": LABELS})) as running:
        yield running


def get(archive, folder, site, keep=False):
    return get_archive(archive, folder, site.url, lambda done, total: None, lambda done, total: None, keep)


def test_two_archives_give_the_official_layout_once(site, tmp_path):
    out = tmp_path / "coco"
    todo = plan([VAL, NOTES], out, f"{site.url}/")
    assert [archive for archive, _ in todo.missing] == [VAL, NOTES]
    assert todo.bytes_to_load == len(PHOTOS) + len(LABELS)
    assert todo.bytes_on_disk > 2 * len(PHOTOS)
    assert VAL.md5 in get(VAL, out, site)
    assert "CRC-32 of 2 files; no checksum of the archive is published" in get(NOTES, out, site)
    files = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert files == [
        ".annotations_trainval2017.zip.json",
        ".val2017.zip.json",
        "annotations/captions_val2017.json",
        "annotations/person_keypoints_val2017.json",
        *[f"val2017/{i:012d}.jpg" for i in range(3)],
    ]
    site.requests.clear()
    assert plan([VAL, NOTES], out, site.url).missing == []
    assert site.requests == []


def test_a_missing_or_shortened_file_makes_the_set_incomplete(site, tmp_path):
    get(VAL, tmp_path, site)
    assert is_complete(VAL, tmp_path)
    (tmp_path / "val2017" / "000000000001.jpg").write_bytes(b"short")
    assert not is_complete(VAL, tmp_path)
    get(VAL, tmp_path, site)
    assert is_complete(VAL, tmp_path)
    (tmp_path / "val2017" / "000000000002.jpg").unlink()
    assert not is_complete(VAL, tmp_path)


def test_an_archive_that_lies_there_is_used_and_one_that_is_another_refused(site, tmp_path):
    (tmp_path / "val2017.zip").write_bytes(PHOTOS)
    assert plan([VAL], tmp_path, site.url).bytes_to_load == 0
    get(VAL, tmp_path, site, keep=True)
    assert site.requests == []
    assert (tmp_path / "val2017.zip").read_bytes() == PHOTOS
    shutil.rmtree(tmp_path / "val2017")
    (tmp_path / "val2017.zip").write_bytes(LABELS)
    with pytest.raises(DownloadError, match=r"val2017\.zip: expected MD5 .* remove it"):
        get(VAL, tmp_path, site)
    assert (tmp_path / "val2017.zip").read_bytes() == LABELS  # it may be somebody's


def test_too_little_room_is_told_before_anything_is_loaded(site, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=100_000_000))
    with pytest.raises(DownloadError, match=r"need about 0\.0 GB, but only 0\.1 GB are free"):
        plan([VAL], tmp_path / "new", site.url)
    assert site.ranges_asked() == []
    assert list(tmp_path.iterdir()) == []


def test_too_little_room_for_the_files_leaves_the_archive(site, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=100_000_000))
    with pytest.raises(DownloadError, match=r"the files of val2017\.zip"):
        get(VAL, tmp_path, site)
    assert [path.name for path in tmp_path.iterdir()] == ["val2017.zip"]
    monkeypatch.undo()
    site.requests.clear()
    get(VAL, tmp_path, site)
    assert site.requests == []
    assert is_complete(VAL, tmp_path)


def test_an_archive_that_is_not_on_the_server_is_told_first(site, tmp_path):
    del site.files[f"/{NOTES.path}"]
    with pytest.raises(DownloadError, match=r"annotations_trainval2017\.zip: HTTP status 404"):
        plan([VAL, NOTES], tmp_path, site.url)


def test_what_is_published_is_complete():
    archives = {a for chosen in (published.COCO, published.LSP) for part in chosen.archives.values() for a in part}
    assert {a.name for a in archives} == {
        *("train2017.zip", "val2017.zip", "test2017.zip", "annotations_trainval2017.zip", "image_info_test2017.zip"),
        *("lsp_dataset.zip", "lspet_dataset.zip"),
    }
    for archive in archives:
        assert archive.tops or archive.into
        assert archive.md5 is None or (len(archive.md5) == 32 and int(archive.md5, 16))
