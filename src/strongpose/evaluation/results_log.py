"""The poses in thousands of photos, kept as they are found, so that an interrupted run resumes where it was."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from strongpose import __version__
from strongpose.exceptions import EvaluationError
from strongpose.inference import StrongPose
from strongpose.runtime.model import model_files

__all__ = ["MAX_DETECTIONS", "PhotoResults", "ResultsLog", "describe_run", "find_poses"]

MAX_DETECTIONS = 20
"""COCO's keypoint task looks at that many people a photo, the best."""


class PhotoResults(NamedTuple):
    """What was found in one photo: COCO keypoint results, and the seconds it took."""

    results: list[dict[str, Any]]
    seconds: float


class ResultsLog:
    """A JSON Lines file: what was run in the first line, then a line a photo, written when the photo is done.

    Args:
        path: the file; begun if it is not there, else continued.
        about: what is run (`describe_run`); a file about something else is not continued.

    Attributes:
        done: what the file holds, by image id.

    Raises:
        EvaluationError: if the file is about another run, or damaged before its last line.
        OSError: if it cannot be written.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self.path = path
        self.done: dict[Any, PhotoResults] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        size = self._read(dict(about)) if path.exists() else 0
        self._file = path.open("ab")
        self._file.truncate(size)  # of a line that was cut off when the machine went down
        if size == 0:
            self._write(dict(about))

    def add(self, image_id: Any, results: PhotoResults) -> None:
        """Keep what was found in a photo.

        Raises:
            OSError: if the disk is full or gone.
        """
        self._write({"image_id": image_id, **results._asdict()})
        self.done[image_id] = results

    def remove(self) -> None:
        """Remove the file, when its content has been written elsewhere."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> ResultsLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _write(self, entry: dict[str, Any]) -> None:
        self._file.write(json.dumps(entry, separators=(",", ":")).encode() + b"\n")
        self._file.flush()

    def _read(self, about: dict[str, Any]) -> int:
        """Read the file; returns the number of bytes up to the end of its last whole line."""
        size = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    break
                try:
                    entry = json.loads(line)
                    if number == 1:
                        self._compare(entry, about)
                    else:
                        self.done[entry["image_id"]] = PhotoResults(entry["results"], float(entry["seconds"]))
                except (ValueError, KeyError, TypeError, RecursionError) as error:
                    if isinstance(error, EvaluationError):
                        raise
                    raise EvaluationError(
                        f"{self.path}, line {number}: damaged; remove the file to start over"
                    ) from error
                size += len(line)
        return size

    def _compare(self, found: Any, about: dict[str, Any]) -> None:
        if not isinstance(found, dict):
            raise TypeError(found)
        differing = [key for key in {**found, **about} if found.get(key) != about.get(key)]
        if differing:
            key = differing[0]
            raise EvaluationError(
                f"{self.path}: holds poses of another evaluation (its {key} is {found.get(key)!r}, now it is "
                f"{about.get(key)!r}); resume with the same options, or remove the file to start over"
            )


def describe_run(estimator: StrongPose, model: Path, photos: Mapping[Any, Path]) -> dict[str, Any]:
    """Everything on which the poses depend, as JSON: the model's content, runtime, sizes, options, and the photos.

    Args:
        estimator: what is run.
        model: its file; of an .xml model the .bin beside it counts as well.
        photos: the photos' paths by image id; their names and folder count, not their content.
    """
    weights = hashlib.sha256()
    for path in model_files(model):
        weights.update(path.read_bytes())
    names = json.dumps([[image_id, os.fspath(path.absolute())] for image_id, path in photos.items()])
    return {
        "strongpose": __version__,
        "model": weights.hexdigest(),
        "runtime": estimator.runtime.name,
        "merged_sizes": list(estimator.sizes),  # "sizes" until they were merged: results of then are others
        "flip": estimator.flip,
        "options": repr(estimator.options),
        "threshold": estimator.threshold,
        "photos": hashlib.sha256(names.encode()).hexdigest(),
    }


def find_poses(
    estimator: StrongPose,
    photos: Mapping[Any, Path],
    category: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
    log: ResultsLog | None = None,
) -> tuple[list[dict[str, Any]], list[float]]:
    """The poses in photos as COCO keypoint results, at most 20 a photo, and the seconds that each photo took.

    Args:
        estimator: what finds them; its threshold does not count, as average precision is about people of all scores.
        photos: paths by image id.
        category: id of people.
        progress: called after every photo with the number done and the total.
        log: photos done earlier, which are not looked at again; the others are added to it.

    Raises:
        strongpose.exceptions.ImageError: if a photo cannot be opened.
    """
    results: list[dict[str, Any]] = []
    seconds = []
    estimator = estimator.with_threshold(0)
    for done, (image_id, path) in enumerate(photos.items(), start=1):
        found = log.done.get(image_id) if log is not None else None
        if found is None:
            start = time.perf_counter()
            poses = estimator(path)
            spent = time.perf_counter() - start
            best = np.argsort(-poses.scores, kind="stable")[:MAX_DETECTIONS]
            found = PhotoResults(poses[best].to_coco(image_id, category), spent)
            if log is not None:
                log.add(image_id, found)
        results += found.results
        seconds.append(found.seconds)
        progress(done, len(photos))
    return results, seconds
