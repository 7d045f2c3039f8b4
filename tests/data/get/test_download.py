"""Downloads from a server on this machine that breaks off, changes its files, and knows ranges or not."""

from __future__ import annotations

import hashlib

import pytest
from http_server import Site, serve

from strongpose.data.get.download import RemoteFile, download, look_up
from strongpose.exceptions import DownloadError

CONTENT = bytes(range(256)) * 4000  # 1 MB
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def site():
    with serve(Site({"/a.zip": CONTENT})) as running:
        yield running


@pytest.fixture
def get(site, tmp_path):
    """Downloads /a.zip without waiting; returns what was waited for and what was reported."""

    def run(md5: str | None = MD5, path: str = "/a.zip") -> tuple[list[float], list[tuple[int, int | None]]]:
        waits: list[float] = []
        steps: list[tuple[int, int | None]] = []
        download(site.url + path, tmp_path / "a.zip", md5, lambda *step: steps.append(step), waits.append)
        return waits, steps

    return run


def left(tmp_path):
    return sorted(path.name for path in tmp_path.iterdir())


def test_a_file_comes_whole_and_leaves_nothing_else(get, site, tmp_path):
    waits, steps = get()
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert left(tmp_path) == ["a.zip"]
    assert waits == []
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert site.ranges_asked() == [None]


def test_a_broken_connection_is_taken_up_where_it_broke(get, site, tmp_path):
    site.cuts = [300_000, 500_000]
    waits, _ = get()
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert site.ranges_asked() == [None, "bytes=300000-", "bytes=800000-"]
    assert waits == [1.0, 1.0]


def test_a_later_call_goes_on(get, site, tmp_path):
    site.cuts = [300_000] + [0] * 5
    with pytest.raises(DownloadError, match=r"lost 6 times without progress.*300,000 bytes are in .*run the same"):
        get()
    assert left(tmp_path) == ["a.zip.part", "a.zip.part.json"]
    site.requests.clear()
    get()
    assert site.ranges_asked() == ["bytes=300000-"]
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert left(tmp_path) == ["a.zip"]


def test_waits_grow_while_nothing_comes(get, site):
    site.statuses = [503] * 5
    waits, _ = get()
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_a_file_that_changed_on_the_server_begins_anew(get, site, tmp_path):
    site.cuts = [300_000] + [0] * 5
    with pytest.raises(DownloadError):
        get()
    site.files["/a.zip"] = other = CONTENT[::-1]
    site.tag = '"two"'
    get(hashlib.md5(other).hexdigest())
    assert (tmp_path / "a.zip").read_bytes() == other


def test_a_server_without_ranges_begins_anew_and_gives_up_in_the_end(get, site, tmp_path):
    site.ranges = False
    site.cuts = [300_000]
    get()
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    site.cuts = [300_000] * 20
    with pytest.raises(DownloadError, match="without progress"):
        get()
    assert len(site.cuts) == 20 - 6


def test_without_a_proof_that_the_file_is_the_same_nothing_is_continued(get, site, tmp_path):
    site.tag = ""
    site.cuts = [300_000]
    get()
    assert site.ranges_asked() == [None, None]
    site.tag, site.cuts = 'W/"one"', [300_000]
    site.requests.clear()
    get()
    assert site.ranges_asked() == [None, None]


def test_parts_of_another_address_are_not_continued(get, site, tmp_path):
    site.files["/b.zip"] = CONTENT
    site.cuts = [300_000] + [0] * 5
    with pytest.raises(DownloadError):
        get()
    site.requests.clear()
    get(path="/b.zip")
    assert site.ranges_asked() == [None]


def test_a_part_that_is_longer_than_the_file_is_thrown_away(get, site, tmp_path):
    site.cuts = [300_000] + [0] * 5
    with pytest.raises(DownloadError):
        get()
    (tmp_path / "a.zip.part").write_bytes(CONTENT + b"more")
    get()
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_complete_part_is_not_asked_for_again(get, site, tmp_path):
    site.cuts = [300_000] + [0] * 5
    with pytest.raises(DownloadError):
        get()
    (tmp_path / "a.zip.part").write_bytes(CONTENT)
    site.requests.clear()
    get()
    assert site.requests == []
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_wrong_checksum_is_refused_and_the_bytes_thrown_away(get, tmp_path):
    with pytest.raises(DownloadError, match=f"expected MD5 {'0' * 32}, got {MD5}"):
        get("0" * 32)
    assert left(tmp_path) == []


def test_a_missing_file_is_told_at_once(get, site):
    with pytest.raises(DownloadError, match=r"nope\.zip: HTTP status 404"):
        get(path="/nope.zip")
    assert len(site.requests) == 1
    with pytest.raises(DownloadError, match="404"):
        look_up(f"{site.url}/nope.zip")


def test_no_server_is_told_after_some_tries(tmp_path):
    waits: list[float] = []
    with pytest.raises(DownloadError, match=r"without progress .*refused"):
        download("http://127.0.0.1:1/a.zip", tmp_path / "a.zip", wait=waits.append)
    assert len(waits) == 5
    with pytest.raises(DownloadError, match=r"no answer in 6 tries .*refused"):
        look_up("http://127.0.0.1:1/a.zip", waits.append)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/a.zip", "a.zip", "http:///a.zip"])
def test_other_addresses_are_refused(tmp_path, url):
    with pytest.raises(DownloadError, match="begins with http"):
        download(url, tmp_path / "a.zip")


def test_the_size_and_version_are_known_beforehand(site):
    url = f"{site.url}/a.zip"
    assert look_up(url) == RemoteFile(url, len(CONTENT), '"one"')
    assert site.requests == [("HEAD", "/a.zip", None)]
