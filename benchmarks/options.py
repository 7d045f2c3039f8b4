"""Measure the decoder's options on a trained network: the fields are computed once, then decoded in many ways."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from strongpose import StrongPose
from strongpose.decode import DecodeOptions, Ranking, Suppression, decode
from strongpose.evaluation import MAX_DETECTIONS, evaluate_results, load_annotations
from strongpose.fields import Fields
from strongpose.images import FittedImage

CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {"ranking": Ranking.BEST},
    {"ranking": Ranking.UNCLAIMED},
    {"localization_error": 0.0},
    {"localization_error": 0.0, "ranking": Ranking.BEST},
    {"localization_error": 0.0, "ranking": Ranking.UNCLAIMED},
    {"localization_error": 2.0},
    {"localization_error": 5.0},
    {"suppression": Suppression.NONE},
    {"suppression": Suppression.HARD},
    {"similarity": 0.3},
    {"similarity": 0.8},
    {"return_tolerance": 0.5},
    {"return_tolerance": 2.0},
    {"return_tolerance": 1e6},
    {"through_unsure": False},
    {"refinements": 0},
    {"refinements": 1},
    {"refinements": 3},
    {"filter_sigma": 1.0},
    {"vote_threshold": 0.05},
    {"vote_threshold": 0.2},
    {"seed_threshold": 0.08},
    {"seed_threshold": 0.3},
    {"seed_radius": 6.0},
    {"seed_radius": 16.0},
    {"body_threshold": 0.1},
    {"body_threshold": 0.3},
)


@dataclass(frozen=True)
class Arguments:
    """Print the average precision of a model on annotated photos for many settings of the decoder."""

    model: tyro.conf.Positional[str]
    """A released model's name, or the path of an .onnx file."""
    annotations: tyro.conf.Positional[Path]
    """COCO keypoint annotations (JSON)."""
    images: tyro.conf.Positional[Path]
    """The folder of the photos."""
    size: int | None = None
    """Long side in pixels; left out, what the model recommends."""
    flip: bool = False
    """Average with the fields of the mirrored photo."""


def main(arguments: Arguments) -> None:
    estimator = StrongPose.from_pretrained(arguments.model, size=arguments.size, flip=arguments.flip)
    data = load_annotations(arguments.annotations, estimator.info.skeleton)
    photos = []
    for image in data["images"]:
        fitted = estimator.fit(arguments.images / image["file_name"])
        photos.append((image["id"], fitted, estimator.fields(fitted)))
    print("| change | AP | AP50 | AP75 | AP medium | AP large | AR | people a photo | ms a photo |")
    print("|---|---|---|---|---|---|---|---|---|")
    for change in CHANGES:
        print(row(replace(estimator.options, **change), change, photos, data), flush=True)


def row(
    options: DecodeOptions,
    change: dict[str, Any],
    photos: Sequence[tuple[int, FittedImage, Fields]],
    data: dict[str, Any],
) -> str:
    """The line of the table for options that differ by one change from those the model recommends."""
    results: list[dict[str, Any]] = []
    found, times = 0, []
    for image_id, fitted, fields in photos:
        start = time.process_time()
        poses = decode(fields, options)
        times.append(time.process_time() - start)
        found += len(poses)
        best = poses[:MAX_DETECTIONS]
        keypoints = best.keypoints.copy()
        keypoints[..., :2] = fitted.to_photo(keypoints[..., :2])
        results += replace(best, keypoints=keypoints).to_coco(image_id, data["categories"][0]["id"])
    f = evaluate_results(results, data, photos[0][2].skeleton.sigmas)
    name = ", ".join(f"{key} {getattr(value, 'value', value)}" for key, value in change.items()) or "nothing"
    figures = " | ".join(f"{v:.3f}" for v in (f.ap, f.ap50, f.ap75, f.ap_medium, f.ap_large, f.ar))
    return f"| {name} | {figures} | {found / len(photos):.1f} | {1e3 * float(np.mean(times)):.1f} |"


if __name__ == "__main__":
    main(tyro.cli(Arguments))
