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
from strongpose.poses.json_layout import VERSION, describe_people
from strongpose.skeleton import Skeleton

__all__ = ["Row", "schema_of", "to_parquet"]


def schema_of(skeleton: Skeleton) -> pa.Schema:
    """Columns of a part; people are best first, and as in the JSON layout (`strongpose.poses.json_layout`)."""
    numbers = pa.list_(pa.float32())
    person = pa.struct(
        [
            ("score", pa.float32()),
            ("box", numbers),  # x0, y0, x1, y1 in photo pixels
            ("keypoints", pa.struct([(name, numbers) for name in skeleton.names])),  # x, y in photo pixels, score 0-1
        ]
    )
    return pa.schema(
        [
            pa.field("photo", pa.string(), nullable=False),
            pa.field("width", pa.int32()),
            pa.field("height", pa.int32()),
            pa.field("status", pa.string(), nullable=False),
            pa.field("error", pa.string()),
            pa.field("people", pa.list_(person), nullable=False),
        ]
    )


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


def to_parquet(rows: Sequence[Row], skeleton: Skeleton, about: Mapping[str, Any]) -> bytes:
    """A Parquet file with the given rows.

    Args:
        rows: one for each photo.
        skeleton: of their poses.
        about: what else the schema's metadata entry ``strongpose``, which is JSON, holds beside the version of the
            layout and the skeleton.
    """
    columns = {
        "photo": [row.photo for row in rows],
        "width": [row.size and row.size[0] for row in rows],
        "height": [row.size and row.size[1] for row in rows],
        "status": [row.status for row in rows],
        "error": [row.error for row in rows],
        "people": [[] if row.poses is None else describe_people(row.poses) for row in rows],
    }
    facts = {"version": VERSION, **about, "skeleton": skeleton.to_dict()}
    table = pa.table(columns, schema_of(skeleton).with_metadata({"strongpose": json.dumps(facts)}))
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()
