"""Poses as a CSV table, a row for each person."""

from __future__ import annotations

import csv
import io

import numpy as np

from strongpose.poses.numbers import rounded
from strongpose.poses.poses import Poses
from strongpose.skeleton import Skeleton

__all__ = ["poses_from_csv", "poses_to_csv"]


def poses_to_csv(poses: Poses) -> str:
    """See `Poses.to_csv`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_header(poses.skeleton))
    for person in poses:
        writer.writerow([round(person.score, 6), *rounded(person.box), *rounded(person.keypoints.ravel())])
    return out.getvalue()


def poses_from_csv(text: str, skeleton: Skeleton) -> Poses:
    """See `Poses.from_csv`."""
    header, *rows = list(csv.reader(io.StringIO(text))) or [[]]
    expected = _header(skeleton)
    if header != expected:
        raise ValueError(f"expected the columns {', '.join(expected[:8])}, … ({len(expected)}), got {header[:8]}")
    try:
        table = np.array(rows, dtype=np.float32).reshape(len(rows), len(expected))
    except ValueError as error:
        raise ValueError(f"every row must hold {len(expected)} numbers: {error}") from error
    return Poses(table[:, 5:].reshape(len(rows), skeleton.num_keypoints, 3), table[:, 0], skeleton, table[:, 1:5])


def _header(skeleton: Skeleton) -> list[str]:
    columns = [f"{name}_{part}" for name in skeleton.names for part in ("x", "y", "score")]
    return ["score", "x0", "y0", "x1", "y1", *columns]
