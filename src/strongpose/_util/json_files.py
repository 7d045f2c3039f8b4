"""JSON files as other programs write them: their encodings, and which of their values can be ids, names and pixels."""

from __future__ import annotations

import json
from numbers import Real
from pathlib import Path
from typing import Any

from strongpose.exceptions import JsonError

__all__ = ["is_id", "is_name", "is_number", "parse_json", "read_json"]

_STRANGERS = {
    b"\x1f\x8b": "is packed by gzip; unpack it first",
    b"PK\x03\x04": "is a zip archive; unpack it first",
    b"version https://git-lfs": "is a pointer of Git LFS, not the file; fetch it with `git lfs pull`",
}
_MOST = 1e12  # pixels and square pixels of any photo are less


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        JsonError: if it cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise JsonError(f"{path}: no such file; check the path") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        reason = getattr(error, "strerror", None) or error
        raise JsonError(f"{path}: cannot be read ({reason}); check the path") from error
    return parse_json(data, str(path))


def parse_json(data: bytes, name: str) -> Any:
    """JSON from bytes in UTF-8, UTF-16 or UTF-32, which is told by their beginning (RFC 4627 §3, byte order marks too).

    Args:
        data: the bytes.
        name: what messages call them.

    Raises:
        JsonError: if they are no JSON.
    """
    if not data.strip():
        raise JsonError(f"{name}: the file is empty; copy or download it again")
    for beginning, what in _STRANGERS.items():
        if data.startswith(beginning):
            raise JsonError(f"{name}: {what}")
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            raise JsonError(
                f"{name}, line {error.lineno}: more follows behind the first JSON value (JSON Lines?); expected one"
            ) from error
        raise JsonError(
            f"{name}, line {error.lineno}: not JSON, or cut short ({error.msg}); copy or download it again"
        ) from error
    except UnicodeDecodeError as error:
        raise JsonError(
            f"{name}: not JSON, or text in another encoding than UTF-8 or UTF-16 ({error.reason} at byte "
            f"{error.start}); save it as UTF-8"
        ) from error
    except (ValueError, RecursionError) as error:  # a number of too many digits, or lists in lists in lists
        raise JsonError(f"{name}: JSON that cannot be read ({error})") from error


def is_number(value: Any) -> bool:
    """Whether a value of a JSON file is a finite number that can be pixels: at most 10¹² either way."""
    return isinstance(value, Real) and bool(abs(value) <= _MOST)  # type: ignore[operator]  # Real knows no order


def is_id(value: Any) -> bool:
    """Whether a value of a JSON file can identify an entry: text, or a whole number of at most 128 bits.

    A whole number may be written with a decimal point, as some tools do, where that says it exactly.
    """
    if isinstance(value, float):
        return value.is_integer() and abs(value) <= 2**53
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**128)


def is_name(value: Any) -> bool:
    """Whether a value of a JSON file can name a file or a keypoint: text in one line."""
    return isinstance(value, str) and len(value.splitlines()) == 1 and "\0" not in value
