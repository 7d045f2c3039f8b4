"""Measure the accuracy of pseudo-labels: hide annotated keypoints, find them again, compare with the ground truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tyro

from strongpose import StrongPose
from strongpose.annotate.closer_look import AnnotateOptions, Proposal, choose_poses, propose
from strongpose.annotations import load_annotations
from strongpose.data.photos import PhotoStore
from strongpose.oks import AREA_SHARE, keypoint_similarities

SIZES = {"all": (0.0, np.inf), "small": (0.0, 32.0), "medium": (32.0, 96.0), "large": (96.0, np.inf)}
"""COCO's borders, here of the square root of the box's area, in pixels."""


@dataclass(frozen=True)
class Measured:
    """A hidden person: side of the box, score of the pose, (K,) scores of keypoints, similarities (NaN: no truth)."""

    side: float
    score: float
    scores: np.ndarray | None
    similar: np.ndarray | None

    def kept(self, options: AnnotateOptions) -> bool:
        """Whether `strongpose annotate` would write the pose."""
        if self.scores is None or self.score < options.least_score:
            return False
        return int((self.scores >= options.least_keypoint_score).sum()) >= options.least_keypoints


def compare(person: Mapping[str, Any], proposal: Proposal | None, scale: float, sigmas: np.ndarray) -> Measured:
    """A person's truth, its photo scaled by ``scale``, and what was proposed."""
    side = scale * float(np.sqrt(person["bbox"][2] * person["bbox"][3]))
    if proposal is None:
        return Measured(side, 0.0, None, None)
    truth = np.reshape(person["keypoints"], (-1, 3)).astype(float)
    squared = np.square(proposal.keypoints[:, :2] - scale * truth[:, :2]).sum(axis=1)
    area = max(person["area"], AREA_SHARE * person["bbox"][2] * person["bbox"][3] * 0.1) * scale**2
    similar = keypoint_similarities(squared, area, sigmas)
    similar[truth[:, 2] == 0] = np.nan
    return Measured(side, proposal.score, proposal.keypoints[:, 2], similar)


def row(people: Sequence[Measured], options: AnnotateOptions) -> str:
    """Share kept; of these mean OKS, shares above .5 and .75; share of the truth's keypoints written, and OKS there."""
    if not people:
        return "0 | – | – | – | – | – | –"
    kept = [p for p in people if p.kept(options)]
    if not kept:
        return f"{len(people)} | .00 | – | – | – | – | –"
    similar = np.array([p.similar for p in kept])
    written = np.array([p.scores for p in kept]) >= options.least_keypoint_score
    known = ~np.isnan(similar)
    oks = np.nanmean(similar, axis=1)
    both = written & known
    of_written = np.array([s[b].mean() if b.any() else np.nan for s, b in zip(similar, both, strict=True)])
    values = (
        len(kept) / len(people),
        oks.mean(),
        (oks > 0.5).mean(),
        (oks > 0.75).mean(),
        both.sum() / known.sum(),
        np.nanmean(of_written),
    )
    return f"{len(people)} | " + " | ".join(f"{v:.2f}" for v in values)


def measure(
    closer: StrongPose,
    whole: StrongPose | None,
    data: Mapping[str, Any],
    photos: PhotoStore,
    options: AnnotateOptions,
    scale: float,
) -> dict[str, list[Measured]]:
    """Every annotated person whose keypoints were hidden, by how they were looked at."""
    sigmas = np.array(closer.info.skeleton.sigmas)
    found: dict[str, list[Measured]] = {name: [] for name in ("cropped", "whole photo")[: 2 if whole else 1]}
    for image in data["images"]:
        people = [p for p in data["annotations"] if p["image_id"] == image["id"] and not p.get("iscrowd")]
        if not any(p["num_keypoints"] for p in people):
            continue
        photo = photos.open(image["file_name"])
        if scale != 1:
            photo = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        boxes = scale * np.array([p["bbox"] for p in people], dtype=float)
        nobody = np.zeros((0, len(sigmas), 3))
        proposals: dict[str, list[Proposal | None]] = {"cropped": propose(closer, photo, boxes, nobody, options)}
        if whole:
            proposals["whole photo"] = choose_poses(
                [whole(photo)] * len(boxes), boxes, nobody, options, closer.info.skeleton
            )
        for name, chosen in proposals.items():
            found[name] += [
                compare(p, one, scale, sigmas) for p, one in zip(people, chosen, strict=True) if p["num_keypoints"]
            ]
    return found


@dataclass(frozen=True)
class Arguments:
    """Hide annotated people's keypoints, annotate them again and compare."""

    annotations: tyro.conf.Positional[Path]
    """COCO keypoint annotations (JSON)."""
    images: tyro.conf.Positional[Path]
    """The folder of their photos."""
    model: str = "base"
    """A released model's name, or a path."""
    size: tuple[int, ...] = ()
    """Long side of the enlarged crops; several are averaged. Left out, `strongpose annotate`'s."""
    flip: bool = False
    """Look at the mirrored crops too."""
    margins: tuple[float, ...] = (AnnotateOptions().margin,)
    """Margins to try, in long sides of the box."""
    scores: tuple[float, ...] = (0.0, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
    """Least scores of people to try."""
    keypoint_scores: tuple[float, ...] = (AnnotateOptions().least_keypoint_score,)
    """Least scores of keypoints to try."""
    scale: float = 1.0
    """Scale the photos first: makes small people of larger ones, whose truth is known."""
    whole: bool = True
    """Also take the poses of the whole photo, at the model's own size."""
    photos: int | None = None
    """Only so many photos."""


def main(arguments: Arguments) -> None:
    from strongpose.commands.annotate import SIZE

    closer = StrongPose.from_pretrained(arguments.model, size=arguments.size or SIZE, flip=arguments.flip)
    whole = StrongPose.from_pretrained(arguments.model, flip=arguments.flip) if arguments.whole else None
    data = load_annotations(arguments.annotations, closer.info.skeleton)
    data = {**data, "images": data["images"][: arguments.photos]}
    store = PhotoStore(arguments.images)
    print(
        "| poses from | margin | score | keypoint | size | people | kept | OKS | > .5 | > .75 | written | their OKS |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for margin in arguments.margins:
        options = AnnotateOptions(margin=margin)
        for name, people in measure(closer, whole, data, store, options, arguments.scale).items():
            for least in arguments.scores:
                for least_keypoint in arguments.keypoint_scores:
                    limits = replace(options, least_score=least, least_keypoint_score=least_keypoint)
                    for size, (low, high) in SIZES.items():
                        some = [p for p in people if low <= p.side < high]
                        if some:
                            shown = f"{margin} | {least} | {least_keypoint} | {size}"
                            print(f"| {name} | {shown} | {row(some, limits)} |", flush=True)
        whole = None  # the margin changes nothing for it


if __name__ == "__main__":
    main(tyro.cli(Arguments))
