"""TrackedPoses: the people of one frame of a video, with ids."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from strongpose.poses import Poses
from strongpose.poses.json_layout import VERSION, describe_people

__all__ = ["TrackedPoses"]


@dataclass(frozen=True, eq=False)
class TrackedPoses:
    """The people of one frame, with ids.

    Attributes:
        time: of the frame, in seconds.
        poses: N people in photo pixels.
        ids: (N,) int, different in one frame; a person has the same one in all frames.

    Raises:
        ValueError: if there are not as many ids as people, or an id comes twice.
    """

    time: float
    poses: Poses
    ids: np.ndarray

    def __post_init__(self) -> None:
        ids = np.asarray(self.ids, dtype=np.int64)
        if ids.shape != (len(self.poses),) or len(set(ids.tolist())) < len(ids):
            raise ValueError(f"expected {len(self.poses)} different ids, got {ids.tolist()}")
        object.__setattr__(self, "ids", ids)

    def __len__(self) -> int:
        return len(self.poses)

    def to_json(self, frame: int) -> str:
        """One line of JSON: version, frame, time in seconds, and of everybody id, score, box and keypoints by name.

        Args:
            frame: number of the frame.
        """
        people = describe_people(self.poses, [{"id": identifier} for identifier in self.ids.tolist()])
        return json.dumps({"version": VERSION, "frame": frame, "time": round(self.time, 6), "people": people})

    def to_csv(self, frame: int) -> str:
        """A table with a row per person: frame, time, id and what `Poses.to_csv` writes.

        Args:
            frame: number of the frame.
        """
        header, *rows = self.poses.to_csv().splitlines()
        start = f"{frame},{round(self.time, 6)}"
        lines = [f"frame,time,id,{header}", *(f"{start},{i},{row}" for i, row in zip(self.ids, rows, strict=True))]
        return "".join(line + "\n" for line in lines)
