"""Ablate the decoder on a trained network: decode the same fields with one part changed at a time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from strongpose import StrongPose
from strongpose.annotations import load_annotations
from strongpose.decode import DecodeOptions, Ranking, Suppression, decode
from strongpose.evaluation import MAX_DETECTIONS, evaluate_results
from strongpose.fields import Fields
from strongpose.images import FittedImage

PARTS: dict[str, dict[str, Any]] = {
    "nothing (default)": {},
    "no Hough votes: seeds are maxima of the heat maps": {"voting": False},
    "no Hough votes, half the seed threshold": {"voting": False, "seed_threshold": 0.08},
    "Gaussian filter of the votes of the paper's width (1 cell)": {"filter_sigma": 1.0},
    "votes not filtered": {"filter_sigma": 0.1},
    "all cells vote": {"vote_threshold": 0.0},
    "half the seed threshold": {"seed_threshold": 0.08},
    "twice the seed threshold": {"seed_threshold": 0.32},
    "30 seeds at most": {"max_seeds": 30},
    "body heat map as a gate of seeds, .1": {"body_threshold": 0.1},
    "body heat map as a gate of seeds, .3": {"body_threshold": 0.3},
    "seed radius 6 px instead of 10": {"seed_radius": 6.0},
    "seed radius 16 px instead of 10": {"seed_radius": 16.0},
    "no refinement by short offsets": {"refinements": 0},
    "one refinement": {"refinements": 1},
    "no forward-backward check": {"backward_tolerance": 1e6},
    "no growth through low-score keypoints": {"through_low_scores": False},
    "no refinement by mean shift": {"refinement_width": 0.0},
    "mean shift of half the width": {"refinement_width": 0.04},
    "keypoint scores instead of expected similarities": {"localization_error": 0.0},
    "localisation error 2 px instead of 3": {"localization_error": 2.0},
    "localisation error 5 px instead of 3": {"localization_error": 5.0},
    "ranking by the mean of the nine best keypoints": {"ranking": Ranking.BEST},
    "ranking by Eq. (1)": {"ranking": Ranking.KEYPOINT_NMS},
    "Eq. (1) of keypoint scores": {"ranking": Ranking.KEYPOINT_NMS, "localization_error": 0.0},
    "Eq. (1) of keypoint scores, soft OKS-NMS": {
        "ranking": Ranking.KEYPOINT_NMS,
        "localization_error": 0.0,
        "suppression": Suppression.SOFT,
    },
    "keypoint NMS radius 5 px instead of 10": {"keypoint_nms_radius": 5.0},
    "keypoint NMS radius 20 px instead of 10": {"keypoint_nms_radius": 20.0},
    "soft OKS-NMS": {"suppression": Suppression.SOFT},
    "soft OKS-NMS, width .2 instead of .5": {"suppression": Suppression.SOFT, "similarity": 0.2},
    "hard OKS-NMS": {"suppression": Suppression.HARD},
    "no suppression": {"suppression": Suppression.NONE},
}
"""What is changed, in words, and the options that do it."""


@dataclass(frozen=True)
class Arguments:
    """Print COCO's figures and the decoding time of a model with each part of the decoder disabled or changed."""

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
    print("| changed | AP | AP50 | AP75 | AP medium | AP large | AR | people a photo | decoding, ms a photo |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, change in PARTS.items():
        print(f"| {name} | {measure(replace(estimator.options, **change), photos, data)} |", flush=True)


def measure(options: DecodeOptions, photos: Sequence[tuple[int, FittedImage, Fields]], data: dict[str, Any]) -> str:
    """The figures of the table: what the options find, and the median of the processor time it takes."""
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
    figures = " | ".join(f"{v:.3f}" for v in (f.ap, f.ap50, f.ap75, f.ap_medium, f.ap_large, f.ar))
    return f"{figures} | {found / len(photos):.1f} | {1e3 * float(np.median(times)):.1f}"


if __name__ == "__main__":
    main(tyro.cli(Arguments))
