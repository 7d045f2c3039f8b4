"""Files at addresses such as https://host/file or s3://bucket/file, read whole or in parts through fsspec."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

from strongpose._util.installing import install_command
from strongpose.exceptions import RemoteError

__all__ = ["RemoteFile", "is_address", "matching", "read_part", "read_whole_file"]

_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)  # seconds before the next tries
_SILENCE = 60.0  # seconds without a byte after which an HTTP server is taken to be gone
_VERSION = ("ETag", "etag", "LastModified", "last_modified", "mtime", "updated", "created", "md5Hash")
_HTTP = ("http", "https")
_Result = TypeVar("_Result")


def is_address(path: str | Path) -> TypeGuard[str]:
    """Whether this is no path but an address with a protocol."""
    return isinstance(path, str) and "://" in path


def read_whole_file(address: str) -> bytes:
    """The content of the file at an address.

    Raises:
        RemoteError: if it is not there or the connection keeps breaking.
    """
    system, path = _system(address)
    return _tried(address, lambda: system.cat_file(path))


def matching(pattern: str) -> list[str]:
    """The addresses of the files whose names match, sorted; none where a server lists no files.

    Args:
        pattern: an address whose last part may hold ``*``.

    Raises:
        RemoteError: if the connection keeps breaking.
    """
    system, path = _system(pattern)
    try:
        return sorted(system.unstrip_protocol(found) for found in _tried(pattern, lambda: system.glob(path)))
    except _Denied:
        return []


class RemoteFile(io.RawIOBase):
    """A file at an address, of which any part can be read.

    Attributes:
        address: where it lies.
        size: in bytes.
        version: changes when the file does, as far as the server says.

    Raises:
        RemoteError: if it is not there, its size is not known, or the connection keeps breaking.
    """

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        system, path = _system(address)
        about = _tried(address, lambda: system.info(path))
        if not isinstance(about.get("size"), int):
            raise RemoteError(
                f"{address}: the server does not say how large it is; copy it to a disk or another server"
            )
        self.size: int = about["size"]
        self.version = " ".join(f"{key} {about[key]}" for key in _VERSION if about.get(key))
        self._at = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte; returns its number."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as the file goes; returns how many bytes that were."""
        end = min(self._at + len(buffer), self.size)
        data = read_part(self.address, self._at, end) if self._at < end else b""
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def read_part(address: str, start: int, end: int) -> bytes:
    """Bytes ``start`` … ``end`` − 1 of the file at an address.

    Raises:
        RemoteError: if they are not there or the connection keeps breaking.
    """
    system, path = _system(address)

    def part() -> bytes:
        data: bytes = system.cat_file(path, start=start, end=end)
        if len(data) > end - start:
            raise RemoteError(f"{address}: the server sends whole files only; serve it from one that knows HTTP ranges")
        if len(data) < end - start:
            raise EOFError(f"{len(data):,} bytes came instead of {end - start:,} from {start:,} on")
        return data

    return _tried(address, part)


class _Denied(RemoteError):
    """There is nothing at the address, or not for us."""


def _system(address: str) -> tuple[Any, str]:
    """The file system of an address, made once in each process, and the path in it."""
    protocol = _protocol(address)
    try:
        import fsspec
    except ImportError as error:
        raise RemoteError(f"{address}: addresses need one more package: {install_command('remote')}") from error
    settings: dict[str, Any] = {}
    try:
        if protocol in _HTTP:
            import aiohttp

            patience = aiohttp.ClientTimeout(total=None, sock_connect=_SILENCE, sock_read=_SILENCE)
            settings = {
                "client_kwargs": {"timeout": patience, "trust_env": True},  # proxies and ~/.netrc
                "headers": {"Accept-Encoding": "identity"},
            }
        return fsspec.core.url_to_fs(address, **settings)
    except ImportError as error:
        remote = install_command("remote")
        remedies = {"http": remote, "https": remote, "s3": "pip install s3fs", "gs": "pip install gcsfs"}
        remedy = remedies.get(protocol, "install it with pip")
        raise RemoteError(f"{address}: {protocol}:// needs one more package ({_line(error)}): {remedy}") from error
    except Exception as error:  # each protocol's package has errors of its own
        raise RemoteError(f"{address}: cannot be opened ({_line(error)}); check the address") from error


def _tried(address: str, action: Callable[[], _Result]) -> _Result:
    """What the action returns; it is repeated when it fails for a reason that may pass."""
    protocol = _protocol(address)
    for attempt, wait in enumerate((*_WAITS, None), start=1):
        try:
            return action()
        except RemoteError:
            raise
        except Exception as error:  # each protocol's package has errors of its own
            cause: BaseException = error
            if protocol in _HTTP and isinstance(error, FileNotFoundError):
                cause = error.__cause__ or error  # fsspec calls every failed look-up so
            status = getattr(cause, "status", 0)
            if isinstance(cause, FileNotFoundError) or status in (404, 410):
                raise _Denied(f"{address}: no such file; check the address") from error
            if isinstance(cause, PermissionError) or (400 <= status < 500 and status not in (408, 425, 429)):
                raise _Denied(f"{address}: refused ({_line(cause)}); check address and credentials") from error
            if wait is None:
                reason = f"{attempt} tries failed, the last: {_line(cause)}"
                raise RemoteError(f"{address}: {reason}; run the same command again when it can be reached") from error
            time.sleep(wait)
    raise AssertionError("the last try returns or raises")


def _protocol(address: str) -> str:
    return re.split(r"::|://", address)[0]


def _line(error: BaseException) -> str:
    status, message = getattr(error, "status", None), getattr(error, "message", None)
    text = f"HTTP status {status} {message}" if status and message else str(error)
    return " ".join(text.split())[:200] or type(error).__name__
