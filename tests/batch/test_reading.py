"""Every photo of a part is given once, whatever it lies in, and damage is told."""

from __future__ import annotations

import gzip
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from strongpose.batch import Job, Part
from strongpose.batch.reading import Found, load, read_part
from strongpose.exceptions import BatchError, ImageError


def job(source: Path, kind: str, column: str = "path", key: str = "") -> Job:
    return Job(str(source), kind, column, key, 10, "base", "auto", 0.25, {})  # type: ignore[arg-type]


def tar(path: Path, names: list[str], size: int = 700) -> Path:
    with tarfile.open(path, "w") as file:
        for i, name in enumerate(names):
            info = tarfile.TarInfo(name)
            info.size = size
            file.addfile(info, io.BytesIO(bytes([i]) * size))
    return path


def test_a_part_may_lie_across_row_groups(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"photo": [b"%d" % i for i in range(100)]}), path, row_group_size=30)
    found = list(read_part(job(path, "parquet", "photo"), Part(3, str(path), 25, 40)))
    assert found == [Found(f"a.parquet#{i}", b"%d" % i) for i in range(25, 65)]


def test_paths_count_from_the_files_folder_and_rows_may_be_empty_or_named(tmp_path):
    path = tmp_path / "sub" / "a.parquet"
    path.parent.mkdir()
    photos = ["x/1.jpg", "/far/2.jpg", "s3://bucket/3.jpg", None, ""]
    pq.write_table(pa.table({"url": photos, "id": [7, 8, 9, 10, None]}), path)
    part = Part(0, str(path), 0, 5)
    found = list(read_part(job(tmp_path, "parquet", "url"), part))
    assert [one.key for one in found] == [*photos[:3], "sub/a.parquet#3", "sub/a.parquet#4"]
    assert [one.source for one in found[:3]] == [path.parent / "x/1.jpg", Path("/far/2.jpg"), "s3://bucket/3.jpg"]
    with pytest.raises(ImageError, match=r"a.parquet#3: the row holds no photo"):
        load(found[3].source)
    keys = [one.key for one in read_part(job(tmp_path, "parquet", "url", "id"), part)]
    assert keys == ["7", "8", "9", "10", "sub/a.parquet#4"]


def test_addresses_are_fetched(tmp_path):
    (tmp_path / "a b.jpg").write_bytes(b"photo")
    assert load((tmp_path / "a b.jpg").as_uri()) == b"photo"
    for address in ((tmp_path / "c.jpg").as_uri(), "gopher://x/y.jpg"):
        with pytest.raises(ImageError, match=r"cannot be fetched.*check the address"):
            load(address)


def test_a_file_that_lost_rows_since_is_told(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"path": ["x"]}), path)
    with pytest.raises(BatchError, match="has 1 rows, there were more"):
        list(read_part(job(path, "parquet"), Part(0, str(path), 0, 2)))


@pytest.mark.parametrize("packed", [False, True])
def test_tar_files_give_their_photos_only(tmp_path, packed):
    path = tar(tmp_path / "s.tar", ["a/0.jpg", "a/0.json", "a/0.cls", "1.PNG", "a/._0.jpg", "__MACOSX/1.PNG"])
    if packed:
        plain, path = path, tmp_path / "s.tar.gz"
        path.write_bytes(gzip.compress(plain.read_bytes()))
    found = list(read_part(job(tmp_path, "tar"), Part(0, str(path))))
    assert found == [Found(f"{path.name}/a/0.jpg", b"\0" * 700), Found(f"{path.name}/1.PNG", b"\3" * 700)]


def test_a_damaged_tar_file_gives_what_is_before_the_damage(tmp_path):
    whole = tar(tmp_path / "whole.tar", ["0.jpg", "1.jpg", "2.jpg"]).read_bytes()
    member = 512 + 1024  # a header, and 700 bytes in blocks of 512
    cases = {
        "cut in a member": (whole[: member + 600], 1),
        "cut in a header": (whole[: member + 100], 1),
        "damaged header": (whole[: 2 * member] + b"?" * 512 + whole[2 * member + 512 :], 2),
        "no tar file": (b"?" * 2000, 0),
        "empty": (b"", 0),
    }
    path = tmp_path / "shard.tar"
    for case, (content, sound) in cases.items():
        path.write_bytes(content)
        *found, last = read_part(job(path, "tar"), Part(0, str(path)))
        assert [one.key for one in found] == [f"shard.tar/{i}.jpg" for i in range(sound)], case
        assert last.key == "shard.tar", case
        with pytest.raises(ImageError, match="damaged or cut short after this point"):
            load(last.source)


def test_the_own_list_of_a_folder_is_read_from_the_folder(tmp_path):
    listing = tmp_path / "_photos.parquet"
    pq.write_table(pa.table({"path": ["a/1.jpg"]}), listing)
    [found] = read_part(replace(job(Path("/photos"), "photos"), column="url", key="id"), Part(0, str(listing), 0, 1))
    assert found == Found("a/1.jpg", Path("/photos/a/1.jpg"))
