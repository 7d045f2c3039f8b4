"""Poses, the result of pose estimation: the keypoints, scores and boxes of N people in one photo."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from strongpose.exceptions import ImageError
from strongpose.oks import keypoint_corners
from strongpose.poses.numbers import keypoint_row, rounded
from strongpose.poses.pose import KEYPOINT_THRESHOLD, Pose
from strongpose.skeleton import COCO, Skeleton

if TYPE_CHECKING:
    import supervision

    from strongpose.draw.on_photo import Photo

__all__ = ["KEYPOINT_THRESHOLD", "Poses"]

_BOX_SCORE = 0.1  # keypoints below it are guesses that would blow a box up


@dataclass(frozen=True, eq=False)
class Poses:
    """The people found in one photo.

    ``len(poses)`` is the number of people, ``poses[i]`` and iteration give one `Pose`; slices, index
    lists and boolean masks give `Poses`.

    A keypoint that was not found keeps its best-guess coordinates and has a low score: thresholds are
    the reader's choice, ``poses.keypoints[..., 2] > 0.3``.

    Attributes:
        keypoints: (N, K, 3) float32, x, y in photo pixels (integers are pixel centres) and score 0-1.
        scores: (N,) float32, how sure each person is; higher is surer.
        skeleton: what the K keypoints are called.
        boxes: (N, 4) float32, x0, y0, x1, y1 in photo pixels; left out, they enclose the keypoints that
            score at least 0.1 (all keypoints where fewer than two do).
        photo: path of the photo, where it was given as one.
        error: why the photo could not be opened, where it could not (`StrongPose.predict_many`); then there are no
            people.

    Raises:
        ValueError: if a shape does not fit or a value is not finite; says what was expected.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    skeleton: Skeleton = COCO
    boxes: np.ndarray = None  # type: ignore[assignment]  # filled in below
    photo: Path | None = field(default=None, kw_only=True)
    error: ImageError | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        keypoints = np.asarray(self.keypoints, dtype=np.float32)
        k = self.skeleton.num_keypoints
        if keypoints.ndim != 3 or keypoints.shape[1:] != (k, 3):
            raise ValueError(
                f"keypoints of skeleton {self.skeleton.name!r} must have shape (people, {k}, 3), got {keypoints.shape}"
            )
        boxes = _enclosing_boxes(keypoints) if self.boxes is None else np.asarray(self.boxes, dtype=np.float32)
        scores = np.asarray(self.scores, dtype=np.float32)
        n = len(keypoints)
        for name, array, shape in (("scores", scores, (n,)), ("boxes", boxes, (n, 4))):
            if array.shape != shape:
                raise ValueError(f"{name} of {n} people must have shape {shape}, got {array.shape}")
        for name, array in (("keypoints", keypoints), ("scores", scores), ("boxes", boxes)):
            if not np.isfinite(array).all():
                raise ValueError(f"{name} must be finite numbers, got {int((~np.isfinite(array)).sum())} that are not")
            object.__setattr__(self, name, array)

    @classmethod
    def empty(cls, skeleton: Skeleton = COCO) -> Poses:
        """No people."""
        return cls(np.zeros((0, skeleton.num_keypoints, 3)), np.zeros(0), skeleton)

    def __len__(self) -> int:
        return len(self.keypoints)

    @overload
    def __getitem__(self, index: int | np.integer) -> Pose: ...

    @overload
    def __getitem__(self, index: slice | list[int] | list[bool] | np.ndarray) -> Poses: ...

    def __getitem__(self, index: int | np.integer | slice | list[int] | list[bool] | np.ndarray) -> Pose | Poses:
        """One `Pose` for an integer; `Poses` for a slice, index list or boolean mask.

        Raises:
            IndexError: if there is no such person.
        """
        if isinstance(index, int | np.integer):
            return Pose(self.keypoints[index], float(self.scores[index]), self.boxes[index], self.skeleton)
        if not isinstance(index, slice):
            index = np.asarray(index)
            if index.size == 0 and index.dtype != bool:
                index = index.astype(np.int64)
        keypoints, scores, boxes = self.keypoints[index], self.scores[index], self.boxes[index]
        return Poses(keypoints, scores, self.skeleton, boxes, photo=self.photo, error=self.error)

    def __iter__(self) -> Iterator[Pose]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        origin = "" if self.photo is None else f"{self.photo}: "
        what = f"{len(self)} people, skeleton {self.skeleton.name!r}, scores {rounded(self.scores, 2)}"
        return f"Poses({origin}{what if self.error is None else f'not opened ({self.error})'})"

    def to_coco(self, image_id: int | str, category_id: int = 1) -> list[dict[str, Any]]:
        """COCO keypoint results, one dictionary per person: image_id, category_id, keypoints (3K), score."""
        return [
            {
                "image_id": image_id,
                "category_id": category_id,
                "keypoints": rounded(person.keypoints.ravel()),
                "score": round(person.score, 6),
            }
            for person in self
        ]

    @classmethod
    def from_coco(cls, results: Iterable[Mapping[str, Any]], skeleton: Skeleton = COCO) -> Poses:
        """The poses in COCO keypoint results of one image (`to_coco`).

        Raises:
            ValueError: if a result lacks keypoints or score, or its number of values does not fit.
        """
        results = list(results)
        images = {result.get("image_id") for result in results}
        if len(images) > 1:
            raise ValueError(f"expected the results of one image, got those of {len(images)}; select an image_id first")
        rows = []
        for i, result in enumerate(results):
            missing = [key for key in ("keypoints", "score") if key not in result]
            if missing:
                raise ValueError(f"COCO result {i} lacks {' and '.join(missing)}; it has {sorted(result)}")
            rows.append(keypoint_row(result["keypoints"], skeleton, f"COCO result {i}"))
        if not rows:
            return cls.empty(skeleton)
        return cls(np.stack(rows), np.array([r["score"] for r in results]), skeleton)

    def draw(self, photo: Photo | None = None, *, bgr: bool = False, **options: Any) -> np.ndarray:
        """The photo with the poses drawn on it.

        Args:
            photo: the photo, in any form that `StrongPose` takes; left out, the file that the poses were found in.
            bgr: whether ``photo`` is an array with its channels in the order of OpenCV.
            options: of `strongpose.draw.draw_poses`, for example ``threshold`` or ``thickness``.

        Returns:
            (H, W, 3) uint8 RGB.

        Raises:
            ValueError: if no photo is given, and the poses were not found in a file.
            strongpose.exceptions.ImageError: if the photo cannot be opened.
        """
        from strongpose.draw.on_photo import draw_on_photo  # of a higher layer, see `tests/test_layout.py`

        return draw_on_photo(self, photo, bgr=bgr, **options)

    def save(self, path: str | PathLike[str], photo: Photo | None = None, *, bgr: bool = False, **options: Any) -> None:
        """Write the photo with the poses drawn on it as a file, whole or not at all.

        Args:
            path: where to, ending in .jpg, .png or .webp; the folder is made if need be.
            photo: see `draw`.
            bgr: see `draw`.
            options: see `draw`.

        Raises:
            ValueError: as `draw`, and if the name ends otherwise.
            strongpose.exceptions.ImageError: if the photo cannot be opened.
            strongpose.exceptions.OutputError: if the file cannot be written.
        """
        from strongpose.draw.on_photo import save_picture

        save_picture(Path(path), self.draw(photo, bgr=bgr, **options))

    def to_json(
        self,
        path: str | PathLike[str] | None = None,
        *,
        about: Mapping[str, Any] | None = None,
        details: Iterable[Mapping[str, Any]] | None = None,
    ) -> str:
        """JSON that explains itself: the skeleton, and each person's score, box and keypoints by name.

        Args:
            path: a file to write the text to as well; its folder is made if need be.
            about: more facts to write first, for example ``{"photo": "beach.jpg"}``; left out, ``photo`` and
                ``error`` if they are known.
            details: N times more facts about a person, for example ``{"id": 7}`` of a track.

        Raises:
            ValueError: if there are not as many ``details`` as people.
            strongpose.exceptions.OutputError: if the file cannot be written.
        """
        from strongpose.poses.json_layout import poses_to_json

        if about is None:
            known = {"photo": self.photo, "error": self.error}
            about = {name: str(fact) for name, fact in known.items() if fact is not None}
        return _written(poses_to_json(self, about, details), path)

    @classmethod
    def from_json(cls, text: str) -> Poses:
        """The poses that `to_json` wrote.

        Raises:
            ValueError: if the text is not such JSON; says what is wrong.
        """
        from strongpose.poses.json_layout import poses_from_json

        return poses_from_json(text)

    def to_csv(self, path: str | PathLike[str] | None = None) -> str:
        """A table with one row per person: score, x0, y0, x1, y1, then x, y and score of every keypoint.

        Args:
            path: a file to write the text to as well; its folder is made if need be.

        Raises:
            strongpose.exceptions.OutputError: if the file cannot be written.
        """
        from strongpose.poses.csv_table import poses_to_csv

        return _written(poses_to_csv(self), path)

    @classmethod
    def from_csv(cls, text: str, skeleton: Skeleton = COCO) -> Poses:
        """The poses that `to_csv` wrote.

        Raises:
            ValueError: if the header is not that of ``skeleton`` or a row does not fit it.
        """
        from strongpose.poses.csv_table import poses_from_csv

        return poses_from_csv(text, skeleton)

    def to_supervision(self) -> supervision.KeyPoints:
        """The poses as ``supervision.KeyPoints``, for that library's annotators.

        All keypoints are in it; those below `KEYPOINT_THRESHOLD` are marked invisible, and annotators leave them out.

        Raises:
            ImportError: if supervision (0.29 or newer) is not installed.
        """
        try:
            import supervision
        except ImportError as error:
            raise ImportError(
                "to_supervision needs the package supervision: pip install 'supervision>=0.29'"
            ) from error
        return supervision.KeyPoints(
            xy=self.keypoints[..., :2],
            class_id=np.zeros(len(self), dtype=int),
            keypoint_confidence=self.keypoints[..., 2],
            detection_confidence=self.scores,
            visible=self.keypoints[..., 2] >= KEYPOINT_THRESHOLD,
        )


def _written(text: str, path: str | PathLike[str] | None) -> str:
    if path is not None:
        from strongpose._util.atomic_write import write_output

        write_output(Path(path), lambda: text)
    return text


def _enclosing_boxes(keypoints: np.ndarray) -> np.ndarray:
    """(N, 4) boxes around the (N, K, 3) keypoints that are sure enough."""
    known = keypoints[..., 2] >= _BOX_SCORE
    known |= known.sum(axis=1, keepdims=True) < 2
    return np.concatenate(keypoint_corners(keypoints[..., :2], known), axis=1)
