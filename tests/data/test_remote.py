"""Photos in tar shards at addresses: https:// of a server on this machine, and fsspec's memory://."""

import io
import json
import tarfile
from pathlib import Path

import fsspec
import numpy as np
import pytest
from http_server import Site, serve
from pictures import write_dataset

from strongpose.data import remote
from strongpose.data.coco import KeypointDataset
from strongpose.data.remote import matching, read_part
from strongpose.data.shards import RemoteShards, ShardCache
from strongpose.exceptions import AnnotationError, ImageError, RemoteError

NO_HTTP = "addresses with http:// need aiohttp: pip install 'strongpose[remote]'"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(remote, "_WAITS", (0.0, 0.0))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """people.json and four photos in a folder."""
    return write_dataset(tmp_path_factory.mktemp("drawn") / "set", 4)


def packed(folder: Path, names: list[str], prefix: str = "people/") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in names:
            archive.add(folder / name, f"{prefix}{name}")
    return buffer.getvalue()


@pytest.fixture
def site(drawn):
    """A server that lists no files, with people.json and two shards."""
    pytest.importorskip("aiohttp", reason=NO_HTTP)
    folder = drawn.with_suffix("")
    files = {
        "/people.json": drawn.read_bytes(),
        "/people-00.tar": packed(folder, ["0.png", "1.png"]),
        "/people-01.tar": packed(folder, ["2.png", "3.png"], prefix="./"),
    }
    with serve(Site(files=files)) as running:
        yield running


def shards_of(site: Site) -> str:
    return f"{site.url}/people-{{00..01}}.tar"


def opened(data: KeypointDataset) -> list[np.ndarray]:
    return [data.open(i)[0] for i in range(len(data))]


def same(photos: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return len(photos) == len(others) == 4 and all(map(np.array_equal, photos, others))


def test_photos_over_http_are_those_of_the_folder(drawn, site, tmp_path):
    cache = ShardCache(tmp_path)
    data = KeypointDataset(f"{site.url}/people.json", shards_of(site), cache=cache)
    assert same(opened(data), opened(KeypointDataset(drawn)))
    gets = len(site.ranges_asked())
    again = KeypointDataset(f"{site.url}/people.json", shards_of(site), cache=cache)
    assert len(site.ranges_asked()) == gets + 1  # the annotations; the shards' indices are kept
    assert same(opened(again), opened(data))
    sizes = [int(b) - int(a) + 1 for a, b in (r[6:].split("-") for r in site.ranges_asked() if r)]
    assert max(sizes) < len(site.files["/people-00.tar"])  # parts of shards only


def test_what_fits_is_kept_and_read_once(site, tmp_path):
    size = len(site.files["/people-00.tar"])
    for _ in range(2):  # the second one finds what the first one kept
        data = KeypointDataset(f"{site.url}/people.json", shards_of(site), cache=ShardCache(tmp_path, size + 600))
        photos = opened(data)
    assert sum(path.name != "index.json" for path in tmp_path.glob("*/*")) == 2
    asked = len(site.requests)
    assert same(opened(data), photos)
    assert len(site.requests) == asked + 2  # those of the second shard, for which there is no room
    broken = next(path for path in tmp_path.glob("people-00*/*") if path.name != "index.json")
    broken.write_bytes(b"cut")
    assert same(opened(data), photos) and broken.stat().st_size > 3


def test_kept_indices_are_made_anew_when_the_shard_or_the_note_changes(drawn, site, tmp_path):
    KeypointDataset(f"{site.url}/people.json", shards_of(site), cache=ShardCache(tmp_path))
    for note in tmp_path.glob("*/index.json"):
        note.write_text(note.read_text()[:40])
    site.files["/people-00.tar"] = packed(drawn.with_suffix(""), ["1.png", "0.png"])
    site.tag = '"two"'
    data = KeypointDataset(f"{site.url}/people.json", shards_of(site), cache=ShardCache(tmp_path))
    assert same(opened(data), opened(KeypointDataset(drawn)))


def test_full_disk_keeps_nothing_and_goes_on(site, tmp_path, monkeypatch):
    data = KeypointDataset(f"{site.url}/people.json", shards_of(site), cache=ShardCache(tmp_path, 10**9))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("strongpose.data.shards.write_atomically", full)
    with pytest.warns(UserWarning, match=r"photos are not kept \(No space left on device\)"):
        assert data.open(0)[0].shape == (160, 192, 3)


def test_shards_in_object_storage_are_found_by_listing(drawn):
    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/people.json", drawn.read_bytes())
    for number, names in enumerate((["0.png", "3.png"], ["1.png", "2.png"])):
        memory.pipe(f"/bucket/people-{number}.tar", packed(drawn.with_suffix(""), names))
    assert len(matching("memory://bucket/people-*.tar")) == 2
    data = KeypointDataset("memory://bucket/people.json")
    assert same(opened(data), opened(KeypointDataset(drawn)))
    mixed = KeypointDataset(drawn, "memory://bucket/people")  # the annotations here, the photos there
    assert same(opened(mixed), opened(data)) and "3.png" in mixed.photos and "4.png" not in mixed.photos
    with pytest.raises(FileNotFoundError, match=r"memory://bucket/people: no photo '4\.png' in its shards"):
        mixed.photos.open("4.png")


def test_passing_failures_pass(drawn, site):
    data = KeypointDataset(f"{site.url}/people.json", shards_of(site))
    site.statuses = [503, 429]
    assert np.array_equal(data.open(0)[0], KeypointDataset(drawn).open(0)[0])
    site.cuts = [100, 0]
    assert np.array_equal(data.open(1)[0], KeypointDataset(drawn).open(1)[0])
    assert not site.statuses and not site.cuts


def test_a_server_that_keeps_breaking_off_is_named(site):
    data = KeypointDataset(f"{site.url}/people.json", shards_of(site))
    site.cuts = [100] * 3
    with pytest.raises(RemoteError, match=rf"^{site.url}/people-00\.tar: 3 tries failed, the last: .*; run the same"):
        data.open(0)
    site.statuses = [500] * 3
    with pytest.raises(RemoteError, match=rf"^{site.url}/people-01\.tar: 3 tries failed, the last: HTTP status 500"):
        data.open(3)


def test_what_is_not_there_or_refused_is_named_at_once(site):
    with pytest.raises(RemoteError, match=rf"^{site.url}/gone\.json: no such file; check the address$"):
        KeypointDataset(f"{site.url}/gone.json")
    with pytest.raises(
        RemoteError, match=rf"^{site.url}/people-\*\.tar: no shards, .* --images '{site.url}/people-{{0"
    ):
        KeypointDataset(f"{site.url}/people.json")
    with pytest.raises(RemoteError, match=rf"^{site.url}/people-02\.tar: no such file"):
        RemoteShards(f"{site.url}/people-{{00..02}}.tar", ShardCache())
    asked = len(site.requests)
    site.statuses = [403]
    with pytest.raises(
        RemoteError, match=r"people\.json: refused \(HTTP status 403 .*\); check address and credentials"
    ):
        KeypointDataset(f"{site.url}/people.json")
    assert len(site.requests) == asked + 1


def test_cut_damaged_and_whole_file_shards_are_named(site):
    whole = site.files["/people-00.tar"]
    site.files["/people-00.tar"] = whole[: len(whole) // 4]
    with pytest.raises(
        ImageError, match=rf"^{site.url}/people-00\.tar: not a tar archive, or damaged \(unexpected end"
    ):
        RemoteShards(shards_of(site), ShardCache())
    site.files["/people-00.tar"] = b"no archive" * 1000
    with pytest.raises(ImageError, match=rf"^{site.url}/people-00\.tar: not a tar archive"):
        RemoteShards(shards_of(site), ShardCache())
    site.files["/people-00.tar"] = whole
    site.ranges = False
    with pytest.raises(RemoteError, match=r"people-0\d\.tar: the server sends whole files only"):
        RemoteShards(shards_of(site), ShardCache())


def test_a_shard_that_became_shorter_is_named(site):
    data = KeypointDataset(f"{site.url}/people.json", shards_of(site))
    site.files["/people-01.tar"] = site.files["/people-01.tar"][:2000]
    with pytest.raises(
        RemoteError, match=r"people-01\.tar: (3 tries failed, the last: .* bytes came instead of|refused)"
    ):
        opened(data)


def test_damaged_annotations_at_an_address_are_named(site):
    site.files["/people.json"] = json.dumps({"images": []}).encode()
    with pytest.raises(AnnotationError, match=rf"^{site.url}/people\.json: expected a list 'annotations'"):
        KeypointDataset(f"{site.url}/people.json", shards_of(site))


def test_missing_packages_and_unknown_protocols_are_one_line(monkeypatch):
    with pytest.raises(
        RemoteError, match=r"^nowhere://x/people\.json: cannot be opened \(Protocol not known: nowhere\)"
    ):
        KeypointDataset("nowhere://x/people.json")

    def missing(address: str, **_: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(RemoteError, match=r"^s3://b/people\.json: .* \(Install s3fs to access S3\): pip install s3fs$"):
        KeypointDataset("s3://b/people.json")
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(RemoteError, match=r"^s3://b/people\.json: .*: pip install .*\[remote\]'$"):
        read_part("s3://b/people.json", 0, 1)
