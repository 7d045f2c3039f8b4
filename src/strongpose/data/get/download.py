"""Downloading large files over HTTP: resumes where it stopped, and keeps nothing that is not what it should be.

Hand-written, as pooch (1.9) begins every attempt anew: it deletes its temporary file on failure and sends no ``Range``.
Archives of many gigabytes over a connection that breaks need to be resumed by ``Range`` with ``If-Range``.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from strongpose import __version__
from strongpose._util.atomic_write import write_atomically
from strongpose.exceptions import DownloadError

__all__ = ["RemoteFile", "download", "look_up", "md5_of"]

_CHUNK = 1 << 20
_TIMEOUT = 60.0  # seconds without a byte
_TRIES = 6  # in a row that bring no byte
_TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
_BROKEN = (OSError, http.client.HTTPException)  # what a lost connection raises; URLError and timeouts are OSErrors


@dataclass(frozen=True)
class RemoteFile:
    """What a server says about a file.

    Attributes:
        url: where it lies.
        size: in bytes, or None if the server does not say.
        version: strong ETag or date of change, by which a changed file is told, or None.
    """

    url: str
    size: int | None
    version: str | None


def look_up(url: str, wait: Callable[[float], None] = time.sleep) -> RemoteFile:
    """Ask a server about a file without downloading it.

    Args:
        url: http:// or https://.
        wait: called with the seconds to wait before the next try.

    Raises:
        DownloadError: if the file is not there or the server does not answer.
    """
    for attempt in range(_TRIES):
        try:
            with _opened(url, method="HEAD") as response:
                return _described(url, response)
        except urllib.error.HTTPError as error:
            if error.code in (405, 501):  # this server answers downloads only
                return RemoteFile(url, None, None)
            if error.code not in _TRANSIENT:
                raise _refused(url, error) from error
            reason = f"HTTP status {error.code}"
        except _BROKEN as error:
            reason = _reason(error)
        if attempt + 1 < _TRIES:
            wait(2.0**attempt)
    raise DownloadError(f"{url}: no answer in {_TRIES} tries ({reason}); check the connection and try again")


def download(
    url: str,
    path: Path,
    md5: str | None = None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
    wait: Callable[[float], None] = time.sleep,
) -> RemoteFile:
    """Download a file; ``path`` appears once it is complete and its checksum is right.

    Until then the bytes lie in ``path`` + ``.part``, and ``.part.json`` says of which file. After an interruption, in
    this call or a later one, they are continued by an HTTP range, if the server still has the same file (``If-Range``
    with its strong ETag, or else with its date of change). If it has another, or knows no ranges, the download begins
    anew.

    Args:
        url: http:// or https://.
        path: where to; a file there is replaced.
        md5: expected checksum in hexadecimal digits; without it only the size is checked.
        progress: called with the bytes there are and the total, None if unknown.
        wait: called with the seconds to wait before the next try.

    Raises:
        DownloadError: if the file is not there, the connection keeps breaking, or the checksum is another.
        OSError: if ``path`` cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part, note = path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.part.json")
    most, failures, reason = _size(part), 0, ""
    while failures < _TRIES:
        remote: RemoteFile | None = None
        try:
            remote = _continue(url, part, note, progress)
        except urllib.error.HTTPError as error:
            if error.code not in _TRANSIENT:
                raise _refused(url, error) from error
            reason = f"HTTP status {error.code}"
        except _Lost as error:
            reason = str(error)
        if remote is not None:
            break
        failures = 1 if _size(part) > most else failures + 1
        most = max(most, _size(part))
        if failures < _TRIES:
            wait(min(2.0 ** (failures - 1), 30.0))
    else:
        raise DownloadError(
            f"{url}: the connection was lost {_TRIES} times without progress ({reason}); {_size(part):,} bytes are in "
            f"{part}: run the same command again to resume"
        )
    got = None if md5 is None else md5_of(part)
    if got != md5:
        part.unlink()
        note.unlink(missing_ok=True)
        raise DownloadError(
            f"{url}: expected MD5 {md5}, got {got}; the bytes were thrown away. Try again; if it happens again, the "
            "server's file is not the published one"
        )
    os.replace(part, path)
    note.unlink(missing_ok=True)
    return remote


def md5_of(path: Path) -> str:
    """The MD5 checksum of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


class _Lost(Exception):
    """The connection broke; what has come is kept."""


def _continue(url: str, part: Path, note: Path, progress: Callable[[int, int | None], None]) -> RemoteFile:
    """One request for what is missing of ``part``, and its answer written there."""
    known, size = _read_note(note, url), _size(part)
    headers = {}
    if known is not None and known.version is not None and 0 < size:
        if size == known.size:
            return known
        headers = {"Range": f"bytes={size}-", "If-Range": known.version}
    try:
        with _opened(url, headers) as response:
            if response.status == 206 and known is not None:
                start, total = _content_range(response)
                if start != size or total != known.size:
                    note.unlink(missing_ok=True)  # an answer to another question: begin anew
                    raise _Lost(f"asked for bytes from {size:,} of {known.size:,}, got {start:,} of {total:,}")
                remote, mode = known, "ab"
            elif response.status == 200:
                remote, mode, size = _described(url, response), "wb", 0
                write_atomically(note, json.dumps(asdict(remote)))
            else:
                raise DownloadError(f"{url}: expected HTTP status 200 or 206, got {response.status}; check the address")
            with part.open(mode) as file:
                for chunk in _chunks(response):
                    file.write(chunk)
                    size += len(chunk)
                    progress(size, remote.size)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        note.unlink(missing_ok=True)  # the part is longer than the file
        raise _Lost("the server has fewer bytes than were asked for") from error
    except urllib.error.URLError as error:
        raise _Lost(_reason(error)) from error
    if remote.size is not None and size < remote.size:
        raise _Lost(f"it ended after {size:,} of {remote.size:,} bytes")
    if remote.size is not None and size > remote.size:
        note.unlink(missing_ok=True)
        raise _Lost(f"{size:,} bytes came instead of {remote.size:,}")
    return remote


def _chunks(response: Any) -> Iterator[bytes]:
    """The answer's bytes; those that came before the connection broke as well."""
    while True:
        try:
            chunk = response.read1(_CHUNK)
        except _BROKEN as error:
            raise _Lost(_reason(error)) from error
        if not chunk:
            return
        yield chunk


@contextmanager
def _opened(url: str, headers: dict[str, str] | None = None, method: str = "GET") -> Iterator[Any]:
    if not re.match(r"https?://[^/]", url):
        raise DownloadError(f"{url}: expected an address that begins with http:// or https://")
    about = {"User-Agent": f"strongpose/{__version__}", "Accept-Encoding": "identity", **(headers or {})}
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=about, method=method), timeout=_TIMEOUT)
    except urllib.error.URLError:
        raise
    except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise urllib.error.URLError(error) from error
    with response:
        yield response


def _described(url: str, response: Any) -> RemoteFile:
    size = response.headers.get("Content-Length", "")
    tag = response.headers.get("ETag", "")
    version = tag if tag.startswith('"') else response.headers.get("Last-Modified")  # a weak ETag is no proof
    return RemoteFile(url, int(size) if size.isdigit() else None, version)


def _content_range(response: Any) -> tuple[int, int]:
    """First byte and total size of a partial answer; -1 where it does not say them."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
    return (int(found[1]), int(found[2])) if found else (-1, -1)


def _read_note(note: Path, url: str) -> RemoteFile | None:
    """Which file the part is of, if it is this one."""
    try:
        known = RemoteFile(**json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return known if known.url == url else None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _refused(url: str, error: urllib.error.HTTPError) -> DownloadError:
    return DownloadError(f"{url}: HTTP status {error.code} ({error.reason}); check the address (--url)")


def _reason(error: BaseException) -> str:
    inner = getattr(error, "reason", None)
    return str(inner or error) or type(error).__name__
