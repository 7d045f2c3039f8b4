"""Measure calibration: predicted scores against the true similarity (OKS), and precision and recall by threshold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from strongpose import StrongPose
from strongpose.annotations import load_annotations
from strongpose.decode.scoring import expected_similarities
from strongpose.evaluation import MAX_DETECTIONS
from strongpose.oks import keypoint_similarities, person_areas
from strongpose.poses import Poses

DECILES = 10
THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
RIGHT = 0.5
"""OKS from which a person counts as found."""
LEAST_OKS = 0.1
"""Of a pose and the person it is compared with."""
CROWD_SHARE = 0.5
"""Of a pose's keypoints inside of a crowd's box, from which nobody knows whether it is right."""


def similarities(points: np.ndarray, person: np.ndarray, area: float, sigmas: np.ndarray) -> np.ndarray:
    """(N, K) similarities of (N, K, 2) points to a (K, 3) person; NaN where not labelled."""
    squared = np.square(points - person[:, :2]).sum(axis=-1)
    return np.where(person[:, 2] > 0, keypoint_similarities(squared, area, sigmas), np.nan)


def inside(points: np.ndarray, box: Sequence[float]) -> float:
    """The share of (K, 2) points inside of a box x, y, width, height."""
    low = np.array(box[:2])
    return float(((points >= low) & (points <= low + box[2:])).all(axis=-1).mean())


def true_similarities(
    poses: Poses, annotations: Iterable[dict[str, Any]], sigmas: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give every pose, best first, the annotated person it resembles most of those that are left.

    A pose that resembles nobody, and all its keypoints, have similarity 0; NaN if it lies inside of a crowd or of a
    person without keypoints. Keypoints that were not labelled have NaN.

    Args:
        poses: of one photo, best first, in its pixels.
        annotations: the photo's, in COCO's form.
        sigmas: (K,) COCO's tolerances.

    Returns:
        (N, K) similarities of the keypoints and (N,) of the people (OKS), 0-1.
    """
    points, k = poses.keypoints[..., :2], len(sigmas)
    known: list[dict[str, Any]] = []
    unknown: list[dict[str, Any]] = []
    for a in annotations:
        (unknown if a.get("iscrowd") or not a.get("num_keypoints") else known).append(a)
    truth = [similarities(points, np.reshape(a["keypoints"], (k, 3)), a["area"], sigmas) for a in known]
    of_keypoints, of_people = np.zeros((len(poses), k)), np.zeros(len(poses))
    taken: set[int] = set()
    for i in range(len(poses)):
        oks = [0.0 if j in taken else float(np.nanmean(person[i])) for j, person in enumerate(truth)]
        best = int(np.argmax(oks)) if oks else -1
        if best >= 0 and oks[best] > LEAST_OKS:
            taken.add(best)
            of_keypoints[i], of_people[i] = truth[best][i], oks[best]
        elif any(inside(points[i], a["bbox"]) > CROWD_SHARE for a in unknown):
            of_keypoints[i] = of_people[i] = np.nan
    return of_keypoints, of_people


def table(name: str, predicted: np.ndarray, true: np.ndarray) -> str:
    """A table of the deciles of a prediction: its mean and that of the truth in each."""
    lines = [f"| {name} | number | predicted, mean | true, mean |", "|---|---|---|---|"]
    for i, rows in enumerate(np.array_split(np.argsort(predicted, kind="stable"), DECILES), start=1):
        lines.append(f"| {i} | {len(rows)} | {predicted[rows].mean():.3f} | {true[rows].mean():.3f} |")
    lines.append(f"| all | {len(true)} | {predicted.mean():.3f} | {true.mean():.3f} |")
    return "\n".join(lines)


def thresholds(scores: np.ndarray, oks: np.ndarray, annotated: int) -> str:
    """A table of who is shown from which score on: how many of them are people, how many people are among them.

    Args:
        scores: (N,) of the poses.
        oks: (N,) their similarity to the person each was given, 0 for none; from `RIGHT` on it is found.
        annotated: people there are.
    """
    lines = ["| shown from score | precision | recall | F1 |", "|---|---|---|---|"]
    for threshold in THRESHOLDS:
        shown = scores >= threshold
        right = (shown & (oks >= RIGHT)).sum()
        precision, recall, f1 = right / max(1, shown.sum()), right / annotated, 2 * right / (shown.sum() + annotated)
        lines.append(f"| {threshold:.2f} | {precision:.3f} | {recall:.3f} | {f1:.3f} |")
    return "\n".join(lines)


@dataclass(frozen=True)
class Arguments:
    """Print by deciles what scores of keypoints and people promise and hold, and what thresholds of people's do."""

    model: tyro.conf.Positional[str]
    """A released model's name, or the path of an .onnx file."""
    annotations: tyro.conf.Positional[Path]
    """COCO keypoint annotations (JSON)."""
    images: tyro.conf.Positional[Path]
    """The folder of the photos."""
    size: int | None = None
    """Long side in pixels; left out, what the model recommends."""


def main(arguments: Arguments) -> None:
    estimator = StrongPose.from_pretrained(arguments.model, size=arguments.size, threshold=0)
    options, skeleton = estimator.options, estimator.info.skeleton
    data = load_annotations(arguments.annotations, skeleton)
    sigmas = np.array(skeleton.sigmas)
    annotations: dict[Any, list[dict[str, Any]]] = {image["id"]: [] for image in data["images"]}
    for a in data["annotations"]:
        annotations[a["image_id"]].append(a)
    keypoints, people = [], []
    for image in data["images"]:
        fitted = estimator.fit(arguments.images / image["file_name"])
        poses = estimator.decode(estimator.fields(fitted), fitted)[:MAX_DETECTIONS]
        points, scores = fitted.to_input(poses.keypoints[..., :2]), poses.keypoints[..., 2]
        areas = person_areas(points, scores, options.keypoint_threshold, least=options.disk_radius**2)
        expected = expected_similarities(scores, areas, sigmas, options.localization_error)
        of_keypoints, of_people = true_similarities(poses, annotations[image["id"]], sigmas)
        keypoints.append(np.stack([scores, expected, of_keypoints], axis=-1)[~np.isnan(of_keypoints)])
        people.append(np.stack([poses.scores, of_people], axis=-1)[~np.isnan(of_people)])
    score, similarity, true = np.concatenate(keypoints).T
    print(table("keypoint score, decile", score, true), end="\n\n")
    print(table("expected similarity, decile", similarity, true), end="\n\n")
    score, oks = np.concatenate(people).T
    print(table("score of the person, decile", score, oks), end="\n\n")
    known = [a for a in data["annotations"] if a.get("num_keypoints") and not a.get("iscrowd")]
    print(thresholds(score, oks, len(known)))


if __name__ == "__main__":
    main(tyro.cli(Arguments))
