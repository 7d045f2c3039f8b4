"""Evaluate what the body heat map does for poses: as a gate for seeds, and fused into scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tyro

from strongpose import Poses, StrongPose
from strongpose.annotations import load_annotations
from strongpose.decode import DecodeOptions, decode
from strongpose.evaluation import MAX_DETECTIONS, evaluate_results
from strongpose.fields import Fields
from strongpose.images import FittedImage
from strongpose.oks import similarity_to

CHANGES: tuple[dict[str, Any], ...] = (
    {"body_threshold": 0.0, "body_weight": 0.0},
    {"body_threshold": 0.1, "body_weight": 0.0},
    {"body_threshold": 0.3, "body_weight": 0.0},
    {"body_threshold": 0.0, "body_weight": 0.25},
    {"body_threshold": 0.0, "body_weight": 0.5},
    {"body_threshold": 0.1, "body_weight": 0.25},
)


@dataclass(frozen=True)
class Arguments:
    """Print the ablation of the body heat map."""

    model: tyro.conf.Positional[str]
    """A released model's name, or the path of an .onnx file."""
    annotations: tyro.conf.Positional[Path]
    """COCO keypoint annotations (JSON). Photos that they call `"complete": false` do not count false positives."""
    images: tyro.conf.Positional[Path]
    """The folder of the photos."""
    size: int | None = None
    """Long side in pixels; left out, what the model recommends."""
    threshold: float = 0.25
    """Score from which a person is shown, and can be a false positive."""


class Photo(NamedTuple):
    """A photo with what the network says about it and who is annotated in it."""

    image_id: int
    fitted: FittedImage
    fields: Fields
    people: list[dict[str, Any]]
    complete: bool


def main(arguments: Arguments) -> None:
    estimator = StrongPose.from_pretrained(arguments.model, size=arguments.size)
    data = load_annotations(arguments.annotations, estimator.info.skeleton)
    photos = []
    for image in data["images"]:
        fitted = estimator.fit(arguments.images / image["file_name"])
        people = [person for person in data["annotations"] if person["image_id"] == image["id"]]
        complete = image.get("complete", True)
        photos.append(Photo(image["id"], fitted, estimator.fields(fitted), people, complete))
    print(
        f"{len(photos)} photos; found and false: people a photo, on {sum(photo.complete for photo in photos)} photos\n"
    )
    ablations(photos, estimator.options, data, arguments.threshold)


def photo_poses(photo: Photo, options: DecodeOptions) -> Poses:
    """The people of a photo in photo pixels."""
    poses = decode(photo.fields, options)
    keypoints = poses.keypoints.copy()
    keypoints[..., :2] = photo.fitted.to_photo(keypoints[..., :2])
    return Poses(keypoints, poses.scores, poses.skeleton)


class Shown(NamedTuple):
    """All poses of the photos that count false positives, the highest score first, over all photos.

    Attributes:
        scores: (N,).
        hits: (N,) as `matches` gives them.
    """

    scores: np.ndarray
    hits: np.ndarray

    def wrong(self, threshold: float) -> int:
        """The number of false positives that score at least ``threshold``."""
        return int(((self.hits < 0) & (self.scores >= threshold)).sum())

    def right(self, threshold: float) -> int:
        """The number of people found who score at least ``threshold``."""
        return int(((self.hits > 0) & (self.scores >= threshold)).sum())

    def threshold(self, right: int) -> float:
        """The highest threshold at which so many people are found; 0 if they never are."""
        found = self.scores[self.hits > 0]
        return float(found[right - 1]) if 0 < right <= len(found) else 0.0


def ablations(photos: Sequence[Photo], options: DecodeOptions, data: dict[str, Any], threshold: float) -> None:
    """Print a table with a line for every setting of the decoder."""
    complete = max(1, sum(photo.complete for photo in photos))
    print("| gate | weight | AP | AP50 | AP75 | AP medium | AP large | AR | found | false | false at equal recall |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    plain: Shown | None = None
    for change in CHANGES:
        results: list[dict[str, Any]] = []
        scores, hits = [np.zeros(0)], [np.zeros(0)]
        for photo in photos:
            poses = photo_poses(photo, replace(options, **change))
            results += poses[:MAX_DETECTIONS].to_coco(photo.image_id, data["categories"][0]["id"])
            if photo.complete:
                scores.append(poses.scores)
                hits.append(matches(poses, photo.people))
        order = np.argsort(-np.concatenate(scores), kind="stable")
        shown = Shown(np.concatenate(scores)[order], np.concatenate(hits)[order])
        plain = plain or shown
        f = evaluate_results(results, data, photos[0].fields.skeleton.sigmas)
        figures = [f"{v:.3f}" for v in (f.ap, f.ap50, f.ap75, f.ap_medium, f.ap_large, f.ar)]
        counts = (
            shown.right(threshold),
            shown.wrong(threshold),
            shown.wrong(shown.threshold(plain.right(threshold))),
        )
        names = [str(change[name] or "off") for name in ("body_threshold", "body_weight")]
        print(
            "| " + " | ".join([*names, *figures, *(f"{count / complete:.2f}" for count in counts)]) + " |", flush=True
        )


def matches(poses: Poses, people: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """(N,) int: 1 for poses that resemble somebody, each only one, at OKS .5; 0 for those in an ignored box; else -1.

    Ignored are crowds and people without keypoints. A pose is in their box if half its sure keypoints are.
    """
    sigmas = np.array(poses.skeleton.sigmas)
    result = np.full(len(poses), -1)
    labelled = {i: np.reshape(p["keypoints"], (-1, 3)) for i, p in enumerate(people) if p.get("num_keypoints")}
    for n in np.argsort(-poses.scores, kind="stable"):
        alike = {
            i: float(
                similarity_to(poses.keypoints[n, :, :2], people[i]["area"], k[None, :, :2], k[None, :, 2] > 0, sigmas)[
                    0
                ]
            )
            for i, k in labelled.items()
        }
        best = max(alike, key=alike.__getitem__, default=None)
        if best is not None and alike[best] >= 0.5:
            result[n] = 1
            del labelled[best]
    for person in people:
        if not person.get("num_keypoints"):
            x, y, w, h = person["bbox"]
            points = poses.keypoints
            inside = (
                (points[..., 0] >= x) & (points[..., 0] <= x + w) & (points[..., 1] >= y) & (points[..., 1] <= y + h)
            )
            sure = points[..., 2] >= 0.1
            ignored = (inside & sure).sum(axis=1) >= 0.5 * np.maximum(sure.sum(axis=1), 1)
            result[ignored & (result < 0)] = 0
    return result


if __name__ == "__main__":
    main(tyro.cli(Arguments))
