"""COCO's folder layout, and result files as its evaluation server wants them."""

from __future__ import annotations

import io
import json
import math
import re
import zipfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from strongpose.evaluation.results_log import MAX_DETECTIONS
from strongpose.exceptions import EvaluationError
from strongpose.skeleton import COCO, Skeleton

__all__ = [
    "PHOTOS",
    "CocoSplit",
    "SplitName",
    "check_results",
    "find_split",
    "pack_submission",
    "require_coco",
    "result_path",
]

SplitName = Literal["val2017", "test-dev2017"]
"""val2017 has annotations; those of test-dev2017 are known to COCO's server alone."""

PHOTOS: dict[SplitName, int] = {"val2017": 5000, "test-dev2017": 20288}
"""How many photos the parts of COCO have."""

_CATEGORY = 1  # person
_VALUES = 51  # x, y and visibility of 17 keypoints


class CocoSplit(NamedTuple):
    """Where a part of COCO lies: its annotation or image-info file, and the folder of its photos."""

    annotations: Path
    images: Path


def find_split(folder: Path, split: SplitName) -> CocoSplit:
    """The files of a part of COCO, laid out as published.

    Args:
        folder: holds ``annotations/`` and ``val2017/`` or ``test2017/``.
        split: val2017 or test-dev2017.

    Raises:
        EvaluationError: if they are not there; the message says what was expected and how to get it.
    """
    if split == "val2017":
        found = CocoSplit(folder / "annotations" / "person_keypoints_val2017.json", folder / "val2017")
    else:
        found = CocoSplit(folder / "annotations" / "image_info_test-dev2017.json", folder / "test2017")
    for path in found:
        if not path.exists():
            raise EvaluationError(
                f"{path}: not there; expected COCO's layout. "
                f"`strongpose data get coco --parts {found.images.name} --out {folder}` downloads it"
            )
    return found


def require_coco(skeleton: Skeleton) -> None:
    """Raise `EvaluationError` unless keypoints are COCO's, in COCO's order."""
    if skeleton.names != COCO.names:
        raise EvaluationError(
            f"COCO's server expects {', '.join(COCO.names)}; the model's are {', '.join(skeleton.names)}"
        )


def result_path(folder: Path, split: SplitName, algorithm: str) -> Path:
    """The result file of a part of COCO, named as the server expects: .zip to upload, or .json.

    Source: https://cocodataset.org/#upload, step 4.

    Args:
        folder: where it is to lie.
        split: the part of COCO.
        algorithm: letters, digits, dots and dashes.

    Raises:
        EvaluationError: if the algorithm's name has other signs.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", algorithm):
        raise EvaluationError(
            f"--algorithm {algorithm}: expected letters, digits, dots and dashes; underscores part the file's name"
        )
    return folder / f"person_keypoints_{split}_{algorithm}_results.{'json' if split == 'val2017' else 'zip'}"


def check_results(results: Sequence[Mapping[str, Any]], image_ids: Collection[Any]) -> None:
    """Check that COCO's server can read keypoint results.

    Source: https://cocodataset.org/#format-results, section 2.

    Args:
        results: those of all photos.
        image_ids: the photos there are.

    Raises:
        EvaluationError: if a result lacks a field, is about an unknown image or another category than people, its
            keypoints are not 51 finite numbers or its score not a finite float, or a photo has more than 20.
    """
    known = set(image_ids)
    for i, result in enumerate(results):
        missing = [key for key in ("image_id", "category_id", "keypoints", "score") if key not in result]
        if missing:
            raise EvaluationError(f"result {i} lacks {' and '.join(missing)}")
        if result["image_id"] not in known or isinstance(result["image_id"], bool):
            raise EvaluationError(f"result {i} is about image {result['image_id']!r}, which is not in this split")
        if result["category_id"] != _CATEGORY or isinstance(result["category_id"], bool):
            raise EvaluationError(f"result {i}: expected category {_CATEGORY}, got {result['category_id']!r}")
        values = result["keypoints"]
        if len(values) != _VALUES or not all(_is_finite(v) for v in values):
            raise EvaluationError(f"result {i}: expected {_VALUES} finite keypoint values, got {len(values)}: {values}")
        if not isinstance(result["score"], float) or not math.isfinite(result["score"]):
            raise EvaluationError(f"result {i}: expected a finite float as score, got {result['score']!r}")
    crowded = [(image, n) for image, n in Counter(r["image_id"] for r in results).items() if n > MAX_DETECTIONS]
    if crowded:
        raise EvaluationError(f"image {crowded[0][0]} has {crowded[0][1]} results, at most {MAX_DETECTIONS} count")


def pack_submission(results: Sequence[Mapping[str, Any]], image_ids: Collection[Any], name: str) -> bytes:
    """The content of the zip file to upload: one JSON file, in no folder. Equal results give equal bytes.

    Coordinates are rounded to a tenth of a pixel, and the visibility that nobody looks at is 1, as COCO advises.

    Args:
        results: COCO keypoint results of all photos.
        image_ids: the photos there are.
        name: of the JSON file; that of the zip file (`result_path`) but for the ending.

    Raises:
        EvaluationError: if the results are not as they must be (`check_results`).
    """
    check_results(results, image_ids)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        entry = zipfile.ZipInfo(name)  # without the time of day
        entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
        with archive.open(entry, "w", force_zip64=True) as file:
            file.write(b"[")
            for i, result in enumerate(results):
                plain = {**result, "keypoints": _plain(result["keypoints"])}
                text = json.dumps(plain, separators=(",", ":"), allow_nan=False)
                file.write(f"{',' if i else ''}\n{text}".encode())
            file.write(b"\n]\n")
    return data.getvalue()


def _plain(keypoints: Sequence[float]) -> list[float]:
    rows = zip(keypoints[0::3], keypoints[1::3], strict=True)
    return [value for x, y in rows for value in (round(x, 1), round(y, 1), 1)]


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
