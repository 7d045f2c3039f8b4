"""Inputs are found whole and divided the same way every time."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from strongpose.batch.plan import Part, plan_parts
from strongpose.exceptions import BatchError
from strongpose.images.results import marked


def plan(source: Path, part_size: int = 2, column: str = "path", kind=None):
    output = source.parent / "output"
    output.mkdir(exist_ok=True)
    return plan_parts(source, output, output / "list.parquet", part_size, column, kind)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "input"
    folder.mkdir()
    return folder


def test_folders_are_listed_to_the_bottom_in_the_order_of_names(source):
    for name in ("b/2.jpg", "b/10.PNG", "a/x.webp", "z.jpg", "b/c/d/e.tiff", "a/notes.txt"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).touch()
    listing = source.parent / "output" / "list.parquet"
    kind, parts = plan(source)
    assert kind == "photos"
    names = ["z.jpg", "a/x.webp", "b/10.PNG", "b/2.jpg", "b/c/d/e.tiff"]
    assert pq.read_table(listing).to_pydict() == {"path": names}
    assert pq.read_metadata(listing).num_row_groups == 3
    assert parts == [Part(0, str(listing), 0, 2), Part(1, str(listing), 2, 2), Part(2, str(listing), 4, 1)]
    assert parts[2].name == "part-000002.parquet"


def test_names_that_are_no_utf_8_are_listed_too(source):
    with open(bytes(source) + b"/\xff.jpg", "wb"):
        pass
    plan(source)
    assert pq.read_table(source.parent / "output" / "list.parquet")["path"].to_pylist() == ["\\udcff.jpg"]


def test_parquet_files_are_divided_by_rows(source):
    for name, rows in (("a", 3), ("b", 0), ("c", 2)):
        pq.write_table(pa.table({"image": pa.array([b"x"] * rows, pa.binary())}), source / f"{name}.parquet")
    kind, parts = plan(source, column="image")
    assert kind == "parquet"
    assert [(Path(part.path).name, part.first, part.rows) for part in parts] == [
        ("a.parquet", 0, 2),
        ("a.parquet", 2, 1),
        ("c.parquet", 0, 2),
    ]
    assert plan(source / "a.parquet", column="image")[1] == parts[:2]


def test_every_tar_file_is_a_part(source):
    for name in ("b.tar", "a.tar.gz", "c.tgz"):
        (source / name).touch()
    kind, parts = plan(source)
    assert (kind, [Path(part.path).name for part in parts]) == ("tar", ["a.tar.gz", "b.tar", "c.tgz"])


def test_of_several_kinds_one_must_be_chosen(source):
    for name in ("a.jpg", "b.jpg", "c.tar"):
        (source / name).touch()
    with pytest.raises(BatchError, match=r"2 of kind photos and 1 of kind tar.*--kind"):
        plan(source)
    assert plan(source, kind="photos")[1][0].rows == 2
    assert plan(source, kind="tar")[1][0].path == str(source / "c.tar")
    with pytest.raises(BatchError, match="holds no parquet"):
        plan(source, kind="parquet")


def test_results_are_not_taken_for_input(source):
    (source / "a.jpg").touch()
    output = source / "out"
    output.mkdir()
    pq.write_table(pa.table({"path": ["x"]}), output / "part-000000.parquet")
    kind, parts = plan_parts(source, output, output / "list.parquet", 10, "path")
    assert (kind, len(parts)) == ("photos", 1)


def test_what_is_hidden_or_no_photo_is_left_out_and_told(source):
    for name in ("a.jfif", "._a.jfif", "__MACOSX/a.jpg", ".cache/b.jpg", "._c.tar", "d.psd", "e/f.NEF", "g.poses.jpg"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_bytes(b"")
    (source / "g.poses.jpg").write_bytes(marked(b"\xff\xd8\xff\xe0\0\x02"))
    told = []
    listing = source.parent / "list.parquet"
    assert plan_parts(source, source.parent / "output", listing, 10, "path", tell=told.append)[0] == "photos"
    assert pq.read_table(listing)["path"].to_pylist() == ["a.jfif"]
    assert told == [
        f"{source}/g.poses.jpg: left out (results of earlier runs)",
        f"{source}/d.psd and 1 more: left out (pictures of kinds that are not opened)",
    ]


def test_a_folder_without_photos_says_what_is_there_instead(source):
    (source / "a.cr2").touch()
    with pytest.raises(
        BatchError, match=r"holds no photos.*; .*a\.cr2: left out \(pictures of kinds that are not opened\)"
    ):
        plan(source)


def test_useless_input_is_named(source):
    with pytest.raises(BatchError, match="nowhere: no such file or folder"):
        plan(source / "nowhere")
    with pytest.raises(BatchError, match="input: holds no photos, Parquet files or tar files"):
        plan(source)
    (source / "a.jpg").touch()
    with pytest.raises(BatchError, match=r"a.jpg: expected a folder, a .parquet file or a .tar file"):
        plan(source / "a.jpg")
    pq.write_table(pa.table({"id": [1], "url": ["x"]}), source / "a.parquet")
    with pytest.raises(BatchError, match=r"a.parquet: has no column 'path' but id, url; name one with --column"):
        plan(source / "a.parquet")
    with pytest.raises(BatchError, match=r"column 'id' holds int64, expected paths \(string\) or photos \(binary\)"):
        plan(source / "a.parquet", column="id")
    (source / "b.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(BatchError, match=r"b.parquet: not a Parquet file, or damaged"):
        plan(source / "b.parquet")
