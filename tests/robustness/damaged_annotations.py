"""JSON documents with every field missing, of another type, or beyond all measure."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pictures import write_dataset

__all__ = ["DAMAGED_TEXTS", "mutations", "paths_of", "small_annotations"]

_DROPPED = object()
_DEEP = json.loads("[" * 200 + "]" * 200)
_WRONG = {
    "dropped": _DROPPED,
    "null": None,
    "text": "x",
    "no text": "",
    "a line break": "a\nb",
    "minus one": -1,
    "zero": 0,
    "a half": 0.5,
    "1e308": 1e308,
    "not a number": float("nan"),
    "infinity": float("inf"),
    "a huge whole number": 10**400,
    "2 to the 63": 2**63,
    "true": True,
    "an empty list": [],
    "a list of null": [None],
    "a list of lists": [[[1, 2], "x"]],
    "an empty object": {},
    "an object": {"x": [1]},
    "nested 200 deep": _DEEP,
}

DAMAGED_TEXTS = {
    "empty": b"",
    "a space": b" ",
    "binary": bytes(range(256)),
    "a pickle": b"cos\nsystem\n(S'touch strongpose-was-here'\ntR.",
    "null": b"null",
    "a number": b"7",
    "a list": b"[]",
    "a text": b'"x"',
    "an empty object": b"{}",
    "nested a million deep": b"[" * 1_000_000,
    "objects nested a million deep": b'{"images":' * 1_000_000,
    "a number of a million digits": b'{"images": ' + b"9" * 1_000_000 + b"}",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "two bytes a letter": "{}".encode("utf-16"),
    "half of a pair of surrogates": b'{"images": "\\ud800"}',
    "Latin-1": b'{"images": "\xe9"}',
}
"""What is no such document at all, by what it is."""


def paths_of(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The keys and indices that lead to every value; of long lists to the first, third and last."""
    if path:
        yield path
    if isinstance(document, dict):
        for key, value in document.items():
            yield from paths_of(value, (*path, key))
    elif isinstance(document, list):
        for i in sorted({0, 2, len(document) - 1} & set(range(len(document)))):
            yield from paths_of(document[i], (*path, i))


def mutations(document: Any, wanted: Callable[[int], bool] = lambda number: True) -> Iterator[tuple[str, Any]]:
    """Copies of a document, each with one value replaced or removed, and what was done.

    Args:
        document: as `json.loads` returns it.
        wanted: which of them, by number.
    """
    number = -1
    for path in paths_of(document):
        for what, value in _WRONG.items():
            number += 1
            if not wanted(number):
                continue
            mutated = copy.deepcopy(document)
            parent = mutated
            for key in path[:-1]:
                parent = parent[key]
            if value is _DROPPED:
                del parent[path[-1]]
            else:
                parent[path[-1]] = value
            yield f"{'.'.join(map(str, path))}: {what}", mutated


def small_annotations(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Write a data set of two photos with a polygon and a run-length mask; its annotation file and its content."""
    path = write_dataset(folder, 2, size=(48, 40))
    data = json.loads(path.read_text())
    data["annotations"][0]["segmentation"] = [[1, 1, 20, 1, 20, 20, 1, 20]]
    data["annotations"][1].update(segmentation={"size": [40, 48], "counts": [10, 20, 1890]}, iscrowd=1)
    data["categories"][0]["skeleton"] = [[1, 2], [2, 3]]
    path.write_text(json.dumps(data))
    return path, data
