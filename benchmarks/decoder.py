"""Study the decoder on trained networks: parts of it changed one at a time, calibration, and thresholds of scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from bootstrap import Matches, difference, match
from one_line import errors_in_one_line
from result_tables import show_results

from strongpose import Poses, StrongPose
from strongpose.annotations import load_sets, photo_folder
from strongpose.decode import DecodeOptions, Ranking, Suppression, decode
from strongpose.decode.scoring import KEYPOINT_THRESHOLD, expected_similarities
from strongpose.evaluation import MAX_DETECTIONS, evaluate_results
from strongpose.fields import Fields
from strongpose.images import FittedImage
from strongpose.oks import keypoint_similarities, person_areas

CHANGES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "seeds of heat maps, not of votes": {"voting": False, "seed_threshold": 0.08},
    "votes filtered with 1 cell": {"filter_sigma": 1.0},
    "all cells vote": {"vote_threshold": 0.0},
    "half the seed threshold": {"seed_threshold": 0.08},
    "twice the seed threshold": {"seed_threshold": 0.32},
    "body heat map gates seeds, .3": {"body_threshold": 0.3},
    "body heat map gates seeds, .5": {"body_threshold": 0.5},
    "body heat map not in scores": {"body_weight": 0.0},
    "body heat map in scores, .25": {"body_weight": 0.25},
    "body heat map in scores, .5": {"body_weight": 0.5},
    "body heat map in scores, 1": {"body_weight": 1.0},
    "no refinement by short offsets": {"refinements": 0},
    "one refinement": {"refinements": 1},
    "no forward-backward check": {"backward_tolerance": 1e6},
    "no mean shift": {"refinement_width": 0.0},
    "mean shift of half the width": {"refinement_width": 0.04},
    "keypoint scores, not Expected-OKS": {"localization_error": 0.0},
    "localisation error 2 px": {"localization_error": 2.0},
    "localisation error 5 px": {"localization_error": 5.0},
    "ranking by Eq. (1)": {"ranking": Ranking.KEYPOINT_NMS},
    "r = 5 px": {"nms_radius": 5.0},
    "r = 20 px": {"nms_radius": 20.0},
    "hard OKS-NMS": {"suppression": Suppression.HARD},
    "soft OKS-NMS": {"suppression": Suppression.SOFT},
    "no suppression": {"suppression": Suppression.NONE},
    "the paper's decoder": {
        "voting": False,
        "seed_threshold": 0.08,
        "filter_sigma": 1.0,
        "body_weight": 0.0,
        "backward_tolerance": 1e6,
        "refinement_width": 0.0,
        "ranking": Ranking.KEYPOINT_NMS,
        "suppression": Suppression.HARD,
    },
}
"""What is changed, in words, and the options that do it."""

DECILES = 10
THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
LEAST_OKS = 0.1
"""Of a pose and the person it is compared with in the calibration."""
CROWD_SHARE = 0.5
"""Of a pose's keypoints inside of a crowd's box, from which nobody knows whether it is right."""


@dataclass(frozen=True)
class Ablation:
    """COCO's figures of models with one part of the decoder changed at a time, all of the same fields."""

    annotations: tyro.conf.Positional[tuple[Path, ...]]
    """COCO keypoint annotations (JSON) beside their photos; several are one set."""
    models: tuple[str, ...] = ("base", "accurate")
    """Names of released models, or paths."""
    json: Path | None = None
    """Also write the table to this file."""


@dataclass(frozen=True)
class Calibration:
    """Predicted scores of keypoints and people against the true similarity (OKS), by deciles of the prediction."""

    annotations: tyro.conf.Positional[tuple[Path, ...]]
    """COCO keypoint annotations (JSON) beside their photos; several are one set."""
    model: str = "base"
    """Name of a released model, or path."""
    json: Path | None = None
    """Also write the table to this file."""


@dataclass(frozen=True)
class Thresholds:
    """Precision and recall of people by the score from which they are shown."""

    annotations: tyro.conf.Positional[tuple[Path, ...]]
    """COCO keypoint annotations (JSON) beside their photos; several are one set."""
    models: tuple[str, ...] = ("base", "accurate")
    """Names of released models, or paths."""
    json: Path | None = None
    """Also write the table to this file."""


class Study:
    """A model, annotated photos, and what the model predicts for them.

    Attributes:
        estimator: the model, at its own size alone, with its decoder options; people of all scores count.
        data: the annotations of all files, in COCO's form.
        people: the annotations of each photo by its id.
    """

    def __init__(self, model: str, annotations: Sequence[Path]) -> None:
        self.estimator = StrongPose.from_pretrained(model, threshold=0)
        folders = [photo_folder(file) for file in annotations]
        self.data, self._paths = load_sets(annotations, folders, self.estimator.info.skeleton)
        self.people: dict[Any, list[dict[str, Any]]] = {image["id"]: [] for image in self.data["images"]}
        for person in self.data["annotations"]:
            self.people[person["image_id"]].append(person)

    def fields(self) -> Iterator[tuple[Any, FittedImage, Fields]]:
        """Of every photo its id, the network's input and the fields."""
        for image_id, path in self._paths.items():
            fitted = self.estimator.fit(path)
            yield image_id, fitted, self.estimator.fields(fitted)

    def results(self, poses: Poses, image_id: Any) -> list[dict[str, Any]]:
        """COCO keypoint results."""
        return poses.to_coco(image_id, self.data["categories"][0]["id"])

    def matches(self, results: Sequence[dict[str, Any]]) -> Matches:
        """The results matched with the annotated people."""
        return match(results, self.data, self.estimator.info.skeleton.sigmas)


def best_poses(fields: Fields, fitted: FittedImage, options: DecodeOptions) -> Poses:
    """The poses that evaluation considers, in photo pixels, the best first."""
    poses = decode(fields, options)[:MAX_DETECTIONS]
    keypoints = poses.keypoints.copy()
    keypoints[..., :2] = fitted.to_photo(keypoints[..., :2])
    return replace(poses, keypoints=keypoints)


def ablation(arguments: Ablation) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows of the table."""
    columns, rows = ["changed"], [[name] for name in CHANGES]
    for model in arguments.models:
        study = Study(model, arguments.annotations)
        options = [replace(study.estimator.options, **change) for change in CHANGES.values()]
        results: list[list[dict[str, Any]]] = [[] for _ in options]
        for image_id, fitted, fields in study.fields():
            for found, changed in zip(results, options, strict=True):
                found += study.results(best_poses(fields, fitted, changed), image_id)
        complete = np.array([image.get("complete", True) for image in study.data["images"]])
        threshold = study.estimator.info.threshold
        unchanged = study.matches(results[0])
        names = ("AP", "difference (95 % interval)", "AP medium", "AP large", "AR", "found", "false")
        columns += [f"{model}: {name}" for name in names]
        for row, found in zip(rows, results, strict=True):
            f = evaluate_results(found, study.data, study.estimator.info.skeleton.sigmas)
            matches = study.matches(found)
            gain = "" if row is rows[0] else str(difference(unchanged, matches))
            of_sizes = ("–" if np.isnan(value) else value for value in (f.ap_medium, f.ap_large))
            row += [f.ap, gain, *of_sizes, f.ar, *shown(matches, complete, threshold)]
    return columns, rows


def shown(matches: Matches, complete: np.ndarray, threshold: float) -> tuple[float, float]:
    """Found people and false positives for each photo that is annotated completely.

    Args:
        matches: of P photos.
        complete: (P,) bool.
        threshold: score from which a person is shown.
    """
    counts = complete[matches.photos] & (matches.scores >= threshold)
    right, ignored, photos = matches.hits[0], matches.ignored[0], max(1, int(complete.sum()))
    found, false = (float((those & counts).sum() / photos) for those in (right, ~(right | ignored)))
    return round(found, 2), round(false, 2)


def thresholds(arguments: Thresholds) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows of the table."""
    columns, rows = ["shown from score"], [[threshold] for threshold in THRESHOLDS]
    for model in arguments.models:
        study = Study(model, arguments.annotations)
        results: list[dict[str, Any]] = []
        for image_id, fitted, fields in study.fields():
            results += study.results(best_poses(fields, fitted, study.estimator.options), image_id)
        columns += [f"{model}: {name}" for name in ("precision", "recall", "F1")]
        matches = study.matches(results)
        for row in rows:
            row += precision_and_recall(matches, row[0])
    return columns, rows


def precision_and_recall(matches: Matches, threshold: float) -> tuple[float, float, float]:
    """Of the people shown the share that is right at OKS .5, of those annotated the share found, and F1."""
    counts = (matches.scores >= threshold) & ~matches.ignored[0]
    right, people = int((matches.hits[0] & counts).sum()), int(matches.people.sum())
    return right / max(1, int(counts.sum())), right / people, 2 * right / (int(counts.sum()) + people)


def calibration(arguments: Calibration) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows of the table."""
    study = Study(arguments.model, arguments.annotations)
    options, sigmas = study.estimator.options, np.array(study.estimator.info.skeleton.sigmas)
    keypoints, people = [], []
    for image_id, fitted, fields in study.fields():
        poses = best_poses(fields, fitted, options)
        points, scores = fitted.to_input(poses.keypoints[..., :2]), poses.keypoints[..., 2]
        areas = person_areas(points, scores, KEYPOINT_THRESHOLD, least=options.disk_radius**2)
        expected = expected_similarities(scores, areas, sigmas, options.localization_error)
        of_keypoints, of_people = true_similarities(poses, study.people[image_id], sigmas)
        keypoints.append(np.stack([scores, expected, of_keypoints], axis=-1)[~np.isnan(of_keypoints)])
        people.append(np.stack([poses.scores, of_people], axis=-1)[~np.isnan(of_people)])
    score, similarity, of_keypoint = np.concatenate(keypoints).T
    of_person = np.concatenate(people).T
    pairs = (deciles(score, of_keypoint), deciles(similarity, of_keypoint), deciles(*of_person))
    columns = ["decile", "keypoint score", "true similarity", "expected similarity", "its true similarity"]
    names = [*(str(i + 1) for i in range(DECILES)), "all"]
    rows = [[name, *np.concatenate(cells).tolist()] for name, *cells in zip(names, *pairs, strict=True)]
    return [*columns, "person score", "true OKS"], rows


def deciles(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(11, 2) means of the prediction and of the truth in each decile of the prediction, and of all."""
    parts = [*np.array_split(np.argsort(predicted, kind="stable"), DECILES), slice(None)]
    return np.array([[predicted[part].mean(), true[part].mean()] for part in parts])


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
    truth, unknown = [], []
    for a in annotations:
        person = np.reshape(a["keypoints"], (k, 3))
        if a["iscrowd"] or not a["num_keypoints"]:
            corner, size = np.reshape(a["bbox"], (2, 2))
            unknown.append(((points >= corner) & (points <= corner + size)).all(axis=-1).mean(axis=-1) > CROWD_SHARE)
        else:
            squared = np.square(points - person[:, :2]).sum(axis=-1)
            truth.append(np.where(person[:, 2] > 0, keypoint_similarities(squared, a["area"], sigmas), np.nan))
    of_keypoints, of_people = np.zeros((len(poses), k)), np.zeros(len(poses))
    taken: set[int] = set()
    for i in range(len(poses)):
        oks = [0.0 if j in taken else float(np.nanmean(person[i])) for j, person in enumerate(truth)]
        best = int(np.argmax(oks)) if oks else -1
        if best >= 0 and oks[best] > LEAST_OKS:
            taken.add(best)
            of_keypoints[i], of_people[i] = truth[best][i], oks[best]
        elif any(inside[i] for inside in unknown):
            of_keypoints[i] = of_people[i] = np.nan
    return of_keypoints, of_people


def main(arguments: Ablation | Calibration | Thresholds) -> None:
    if not arguments.annotations:
        raise SystemExit("name annotation files, each beside its photos")
    match arguments:
        case Ablation():
            columns, rows = ablation(arguments)
        case Calibration():
            columns, rows = calibration(arguments)
        case Thresholds():
            columns, rows = thresholds(arguments)
    show_results(columns, rows, arguments.json)


if __name__ == "__main__":
    with errors_in_one_line():
        main(tyro.cli(Ablation | Calibration | Thresholds))  # type: ignore[arg-type]
