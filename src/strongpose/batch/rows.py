"""The output's format: a Parquet file with a row a photo, which says how it was made."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from strongpose.poses import Poses

__all__ = ["SCHEMA", "Row", "to_parquet"]

PERSON = pa.struct(
    [
        ("score", pa.float32()),
        ("box", pa.list_(pa.float32())),  # x0, y0, x1, y1 in photo pixels
        ("keypoints", pa.list_(pa.float32())),  # K times x, y in photo pixels and score 0-1
    ]
)

SCHEMA = pa.schema(
    [
        pa.field("photo", pa.string(), nullable=False),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("error", pa.string()),
        pa.field("people", pa.list_(PERSON), nullable=False),
    ]
)
"""Columns of a part; people are best first. The schema's metadata entry ``strongpose`` is JSON about the run."""


@dataclass(frozen=True)
class Row:
    """What there is to say about a photo.

    Attributes:
        photo: its name.
        status: ok; unreadable, if it could not be opened; failed, if something else went wrong with it.
        error: what went wrong.
        size: (w, h) in pixels, if it could be opened.
        poses: its people.
    """

    photo: str
    status: Literal["ok", "unreadable", "failed"]
    error: str | None = None
    size: tuple[int, int] | None = None
    poses: Poses | None = None


def to_parquet(rows: Sequence[Row], about: Mapping[str, Any]) -> bytes:
    """A Parquet file with the given rows, and ``about`` as JSON in its schema's metadata."""
    columns = {
        "photo": [row.photo for row in rows],
        "width": [row.size and row.size[0] for row in rows],
        "height": [row.size and row.size[1] for row in rows],
        "status": [row.status for row in rows],
        "error": [row.error for row in rows],
        "people": [_people(row.poses) for row in rows],
    }
    table = pa.table(columns, SCHEMA.with_metadata({"strongpose": json.dumps(dict(about))}))
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()


def _people(poses: Poses | None) -> list[dict[str, Any]]:
    if poses is None:
        return []
    return [{"score": p.score, "box": p.box.tolist(), "keypoints": p.keypoints.ravel().tolist()} for p in poses]
