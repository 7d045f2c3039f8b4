"""Measure the effect of padding on poses: in batches of photos of different sizes, smaller inputs are padded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from strongpose import Poses, StrongPose
from strongpose.annotations import load_annotations
from strongpose.evaluation import MAX_DETECTIONS, evaluate_results
from strongpose.fields import Fields, cell_count
from strongpose.images import PADDING, FittedImage
from strongpose.runtime import RuntimeChoice

MEAN = (124, 116, 104)  # RGB, what normalisation makes zero
SURE = 0.3  # people and keypoints with a lower score are not compared
NEAR = 32  # pixels from the right or the lower border of the photo


def on_canvas(estimator: StrongPose, group: Sequence[FittedImage], padding: tuple[int, int, int]) -> list[Poses]:
    """The poses of photos whose inputs are padded to the size of the largest and run together."""
    height, width = (max(fitted.pixels.shape[axis] for fitted in group) for axis in (0, 1))
    canvases = np.empty((len(group), height, width, 3), np.uint8)
    canvases[:] = padding
    for canvas, fitted in zip(canvases, group, strict=True):
        canvas[: fitted.pixels.shape[0], : fitted.pixels.shape[1]] = fitted.pixels
    info, found = estimator.info, []
    for fitted, one in zip(group, zip(*estimator.runtime(canvases), strict=True), strict=True):
        h, w = (cell_count(side, info.stride) for side in fitted.pixels.shape[:2])
        maps = (part[..., :h, :w] for part in one)
        found.append(estimator.decode(Fields(*maps, stride=info.stride, skeleton=info.skeleton), fitted))  # type: ignore
    return found


def moved(single: Poses, batched: Poses, fitted: FittedImage) -> tuple[np.ndarray, int]:
    """(M, 2) how far each sure keypoint moved and how far from the border it was, input pixels; and people lost."""
    rows, lost = [], 0
    candidates = batched[batched.scores > SURE / 2].keypoints
    for person in single[single.scores > SURE].keypoints:
        sure = person[:, 2] > SURE
        distances = np.linalg.norm((candidates - person)[:, sure, :2] * fitted.scale, axis=2)  # (N, M)
        points = (person[sure, :2] + 0.5) * fitted.scale
        if not sure.any() or not len(candidates):
            lost += 1
            continue
        best = distances[np.median(distances, axis=1).argmin()]
        lost += int(np.median(best) > NEAR / 2)
        border = (np.array(fitted.scaled_size[::-1]) - points).min(axis=1)
        rows.append(np.stack([best, border], axis=1))
    return np.concatenate(rows) if rows else np.zeros((0, 2)), lost


@dataclass(frozen=True)
class Arguments:
    """Print AP, and how far keypoints move, of photos one at a time and in batches."""

    annotations: tyro.conf.Positional[Path]
    """COCO keypoint annotations (JSON)."""
    images: tyro.conf.Positional[Path]
    """Folder of their photos."""
    model: str = "base"
    """A model that comes with the package, or a path."""
    runtime: RuntimeChoice = "auto"
    """What runs the network."""
    batch: int = 4
    """Consecutive photos that go through the network together."""
    photos: int = 0
    """So many photos only; 0 takes all."""


def main(arguments: Arguments) -> None:
    a = arguments
    estimator = StrongPose.from_pretrained(a.model, threshold=0, runtime=a.runtime)
    data = load_annotations(a.annotations, estimator.info.skeleton)
    data["images"] = data["images"][: a.photos or None]
    known = {image["id"] for image in data["images"]}
    data["annotations"] = [person for person in data["annotations"] if person["image_id"] in known]
    fitted = [estimator.fit(a.images / image["file_name"]) for image in data["images"]]

    def run(batch: int, padding: tuple[int, int, int]) -> list[Poses]:
        groups = (fitted[i : i + batch] for i in range(0, len(fitted), batch))
        return [poses for group in groups for poses in on_canvas(estimator, group, padding)]

    singles = run(1, PADDING)
    print(f"{len(fitted)} photos, {estimator.runtime.name}; keypoints and people of a score over {SURE}")
    print("| inputs | AP | people lost | keypoints moved, px: median | 95 % | 99 % | within "
          f"{NEAR} px of the border: median | 95 % |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|")
    for name, batch, padding in (
        ("single", 1, PADDING),
        (f"{a.batch}, padded with {PADDING}", a.batch, PADDING),
        (f"{a.batch}, padded with {MEAN}", a.batch, MEAN),
    ):
        found = singles if batch == 1 else run(batch, padding)
        results = [
            result
            for poses, image in zip(found, data["images"], strict=True)
            for result in poses[:MAX_DETECTIONS].to_coco(image["id"], data["categories"][0]["id"])
        ]
        ap = evaluate_results(results, data, estimator.info.skeleton.sigmas).ap
        pairs = [moved(*three) for three in zip(singles, found, fitted, strict=True)]
        distances, border = np.concatenate([rows for rows, _ in pairs]).T
        far, near = np.percentile(distances, [50, 95, 99]), np.percentile(distances[border < NEAR], [50, 95])
        print(f"| {name} | {ap:.3f} | {sum(lost for _, lost in pairs)} | "
              + " | ".join(f"{value:.2f}" for value in (*far, *near)) + " |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main(tyro.cli(Arguments))
