"""The results of a photo in files: pictures with the poses, a JSON file, and whether they are there already."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongpose import draw
from strongpose._util.atomic_write import write_atomically
from strongpose.decode.body import BodyRegion, body_regions
from strongpose.evaluation.results_log import describe_run
from strongpose.images.results import KINDS, is_about, jpeg_of

if TYPE_CHECKING:
    from strongpose.inference import Prediction, StrongPose

__all__ = ["ResultOptions", "describe_estimator", "has_results", "write_results"]


@dataclass(frozen=True)
class ResultOptions:
    """What to write about photos.

    Attributes:
        keypoint_threshold: keypoints with a lower score are not drawn; the JSON has them all.
        bodies: whether to find and draw the region of each person, too.
        fields: whether to draw what the network predicts.
        estimator: what else the poses depend on (`describe_estimator`), so that results of others are known.
    """

    keypoint_threshold: float
    bodies: bool
    fields: bool
    estimator: str = ""

    @property
    def run(self) -> str:
        """Digest of everything on which the results depend, but for the photo."""
        return hashlib.sha256(json.dumps(astuple(self)).encode()).hexdigest()[:16]

    @property
    def pictures(self) -> tuple[str, ...]:
        """The kinds of pictures (`strongpose.images.results.KINDS`)."""
        return KINDS if self.fields else KINDS[:1]


def describe_estimator(estimator: StrongPose, model: Path) -> str:
    """Everything on which an estimator's poses depend, as text; ``model`` is its file."""
    return json.dumps(describe_run(estimator, model, {}))


def has_results(photo: Path, target: Path, options: ResultOptions) -> bool:
    """Whether the results of a photo are there, whole, with the same options, and no older than the photo.

    The JSON file is written last, and each file whole or not at all.

    Args:
        photo: its path.
        target: of the results, without ``.poses.json`` and the like.
        options: what should have been written.
    """
    results = target.with_name(f"{target.name}.poses.json")
    try:
        about = json.loads(results.read_bytes())
        fresh = results.stat().st_mtime >= photo.stat().st_mtime
    except (OSError, ValueError, RecursionError):
        return False
    drawn = all(target.with_name(f"{target.name}.{kind}.jpg").is_file() for kind in options.pictures)
    is_ours = isinstance(about, dict) and "photo" in about and is_about(about, photo)
    return fresh and drawn and is_ours and about.get("run") == options.run


def write_results(
    estimator: StrongPose, prediction: Prediction, photo: Path, target: Path, options: ResultOptions
) -> int:
    """Write the results of a photo to ``target`` plus ``.poses.jpg``, ``.fields.jpg`` and ``.poses.json``.

    Args:
        estimator: what made the prediction.
        prediction: what it predicts for the photo.
        photo: its path.
        target: where to, without the endings.
        options: what to write.

    Returns:
        The number of people.

    Raises:
        OSError: if a file cannot be written.
    """
    image = prediction.photo
    poses = estimator.poses(prediction.views)
    regions = body_regions(prediction.fields, poses, prediction.fitted) if options.bodies else None
    ground = image if regions is None else draw.draw_bodies(image, regions)
    pictures = {"poses": draw.draw_poses(ground, poses, options.keypoint_threshold)}
    if options.fields:
        fields, fitted = prediction.fields, prediction.fitted
        grown = estimator.decode(fields, fitted)  # as the largest size alone shows them
        pictures["fields"] = draw.draw_fields(fields, fitted, grown, estimator.options)
    for kind, picture in pictures.items():
        write_atomically(target.with_name(f"{target.name}.{kind}.jpg"), jpeg_of(picture))
    about = {"photo": str(photo), "width": image.shape[1], "height": image.shape[0], "run": options.run}
    details = None if regions is None else [{"body": _describe_body(region)} for region in regions]
    write_atomically(target.with_name(f"{target.name}.poses.json"), poses.to_json(about=about, details=details))
    return len(poses)


def _describe_body(region: BodyRegion) -> dict[str, Any]:
    facts = region.to_coco()
    return {"segmentation": facts["segmentation"], "area": facts["area"]}
