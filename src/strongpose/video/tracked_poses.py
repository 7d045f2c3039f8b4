"""TrackedPoses: the people of one frame of a video, with ids."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

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
        motions: N times what a person does (`strongpose.video.motion`), or None if that was not looked at.

    Raises:
        ValueError: if there are not as many ids or motions as people, or an id comes twice.
    """

    time: float
    poses: Poses
    ids: np.ndarray
    motions: tuple[tuple[str, ...], ...] | None = None

    def __post_init__(self) -> None:
        ids = np.asarray(self.ids, dtype=np.int64)
        if ids.shape != (len(self.poses),) or len(set(ids.tolist())) < len(ids):
            raise ValueError(f"expected {len(self.poses)} different ids, got {ids.tolist()}")
        if self.motions is not None and len(self.motions) != len(self.poses):
            raise ValueError(f"expected motions of {len(self.poses)} people, got {len(self.motions)}")
        object.__setattr__(self, "ids", ids)

    def __len__(self) -> int:
        return len(self.poses)

    def to_json(self, frame: int) -> str:
        """One line of JSON: version, frame, time in seconds, and of everybody id, score, box and keypoints by name.

        Args:
            frame: number of the frame.
        """
        details: list[dict[str, Any]] = [{"id": identifier} for identifier in self.ids.tolist()]
        for facts, words in zip(details, self.motions or (), strict=self.motions is not None):
            facts["motion"] = list(words)
        people = describe_people(self.poses, details)
        return json.dumps({"version": VERSION, "frame": frame, "time": round(self.time, 6), "people": people})

    def to_csv(self, frame: int) -> str:
        """A table with a row per person: frame, time, id, what `Poses.to_csv` writes, and motion where it is known.

        Args:
            frame: number of the frame.
        """
        header, *rows = self.poses.to_csv().splitlines()
        start = f"{frame},{round(self.time, 6)}"
        lines = [f"frame,time,id,{header}", *(f"{start},{i},{row}" for i, row in zip(self.ids, rows, strict=True))]
        if self.motions is not None:
            ends = ["motion", *(" + ".join(words) for words in self.motions)]
            lines = [f"{line},{end}" for line, end in zip(lines, ends, strict=True)]
        return "".join(line + "\n" for line in lines)
