"""Measure learnt rescoring: does a regression on a few features rank people better than the decoder's score?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from calibration import true_similarities

from strongpose import StrongPose
from strongpose.annotations import load_annotations
from strongpose.decode.scoring import expected_similarities
from strongpose.evaluation import MAX_DETECTIONS, evaluate_results
from strongpose.oks import person_areas
from strongpose.poses import Poses

FEATURES: dict[str, Sequence[int]] = {
    "score": (0,),
    "score, size": (0, 1),
    "score, size, means of the 5 and 9 best": (0, 1, 2, 3, 4),
    "… and single keypoints": (0, 1, 2, 3, 4, 5, 6, 7, 8),
    "… and shares found and suppressed, aspect, body heat": tuple(range(13)),
}
"""Columns of `describe`."""
THRESHOLDS = np.arange(0.5, 1, 0.05)
PENALTY = 3.0
STEPS = 15


@dataclass(frozen=True, eq=False)
class Described:
    """The poses of one photo, best first, in photo pixels; their (N, F) features and (N,) true OKS."""

    image_id: Any
    poses: Poses
    features: np.ndarray
    oks: np.ndarray


def describe(poses: Poses, expected: np.ndarray, areas: np.ndarray, sure: float, body: np.ndarray) -> np.ndarray:
    """(N, 13) features of poses with (N, K) expected similarities, (N,) areas and (N, K) body heat at the keypoints."""
    scores = poses.keypoints[..., 2]
    best = -np.sort(-expected, axis=1)
    sides = np.maximum(poses.boxes[:, 2:] - poses.boxes[:, :2], 1)
    return np.stack(
        [
            np.log(poses.scores + 0.01),
            np.log(areas) / 2,
            expected.mean(axis=1),
            best[:, :5].mean(axis=1),
            best[:, :9].mean(axis=1),
            *best[:, :16:4].T,
            (scores >= sure).mean(axis=1),
            (scores == 0).mean(axis=1),
            np.log(sides[:, 1] / sides[:, 0]),
            (body * scores).sum(axis=1) / (scores.sum(axis=1) + 1e-6),
        ],
        axis=1,
    )


def describe_all(estimator: StrongPose, annotations: Path, images: Path, most: int | None) -> list[Described]:
    """The poses in the first photos, described and compared with the annotations."""
    options, skeleton = estimator.options, estimator.info.skeleton
    sigmas = np.array(skeleton.sigmas)
    data = load_annotations(annotations, skeleton)
    described = []
    for image in data["images"][:most]:
        fitted = estimator.fit(images / image["file_name"])
        fields = estimator.fields(fitted)
        poses = estimator.decode(fields, fitted)[:MAX_DETECTIONS]
        points, scores = fitted.to_input(poses.keypoints[..., :2]), poses.keypoints[..., 2]
        areas = person_areas(points, scores, options.keypoint_threshold, least=options.disk_radius**2)
        expected = expected_similarities(scores, areas, sigmas, options.localization_error)
        cells = np.rint(points / fields.stride).astype(int).clip(0, np.array(fields.size)[::-1] - 1)
        features = describe(
            poses, expected, areas, options.keypoint_threshold, fields.body[cells[..., 1], cells[..., 0]]
        )
        people = [a for a in data["annotations"] if a["image_id"] == image["id"]]
        described.append(Described(image["id"], poses, features, true_similarities(poses, people, sigmas)[1]))
    return described


def fit(features: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logistic regression of a target from 0 to 1, by Newton's method: means, scales and (F + 1,) coefficients."""
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    rows = np.column_stack([(features - mean) / scale, np.ones(len(features))])
    penalty = PENALTY * np.diag([1.0] * features.shape[1] + [0.0])
    coefficients = np.zeros(rows.shape[1])
    for _ in range(STEPS):
        guess = 1 / (1 + np.exp(-rows @ coefficients))
        curvature = (rows * (guess * (1 - guess))[:, None]).T @ rows + penalty
        coefficients -= np.linalg.solve(curvature, rows.T @ (guess - target) + penalty @ coefficients)
    return mean, scale, coefficients


def figures(described: Sequence[Described], scores: Sequence[np.ndarray], annotations: Path) -> str:
    """AP, AP50, AP75 and AR of poses with other scores."""
    results = []
    for one, of_poses in zip(described, scores, strict=True):
        results += replace(one.poses, scores=of_poses).to_coco(one.image_id)
    f = evaluate_results(results, annotations, described[0].poses.skeleton.sigmas)
    return " | ".join(f"{value:.3f}" for value in (f.ap, f.ap50, f.ap75, f.ar))


@dataclass(frozen=True)
class Arguments:
    """Fit re-scorings of people on some annotated photos and print the average precision they give on others."""

    model: tyro.conf.Positional[str]
    """A released model's name, or the path of an .onnx file."""
    train: tyro.conf.Positional[Path]
    """COCO keypoint annotations (JSON) to fit on."""
    train_images: tyro.conf.Positional[Path]
    """The folder of their photos."""
    annotations: tyro.conf.Positional[Path]
    """COCO keypoint annotations (JSON) to measure on."""
    images: tyro.conf.Positional[Path]
    """The folder of their photos."""
    photos: int = 400
    """The number of photos to fit on."""


def main(arguments: Arguments) -> None:
    estimator = StrongPose.from_pretrained(arguments.model, threshold=0)
    known = describe_all(estimator, arguments.train, arguments.train_images, arguments.photos)
    described = describe_all(estimator, arguments.annotations, arguments.images, None)
    features, oks = np.concatenate([one.features for one in known]), np.concatenate([one.oks for one in known])
    features, oks = features[~np.isnan(oks)], oks[~np.isnan(oks)]
    print(f"fitted on {len(oks)} poses, {int((oks >= 0.5).sum())} of them of OKS .5 or more")
    print("| score of a person | predicts | AP | AP50 | AP75 | AR |")
    print("|---|---|---|---|---|---|")
    print(f"| the decoder's | | {figures(described, [one.poses.scores for one in described], arguments.annotations)} |")
    targets = {"OKS": oks, "share of COCO's OKS thresholds": (oks[:, None] >= THRESHOLDS).mean(axis=1)}
    for name, columns in FEATURES.items():
        for predicts, target in targets.items():
            mean, scale, coefficients = fit(features[:, columns], target)
            scores = [
                1 / (1 + np.exp(-((one.features[:, columns] - mean) / scale @ coefficients[:-1] + coefficients[-1])))
                for one in described
            ]
            print(f"| {name} | {predicts} | {figures(described, scores, arguments.annotations)} |", flush=True)


if __name__ == "__main__":
    main(tyro.cli(Arguments))
