"""Fit what the body heat map and the drawn body count for body regions, to silhouettes; and try more for both."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np
import tyro
from body_regions import look_at, outlined_photos
from region_figures import judge, mean
from region_kinds import SURE, Found

from strongpose import StrongPose
from strongpose.decode.body import FAINTEST, RegionWeights, body_regions
from strongpose.decode.drawn_body import draw_body, signed_distance
from strongpose.fields import cells_to_pixels

FARTHEST = 0.7  # trunk lengths outside of the drawn body, up to which pixels are fitted to
PER_PERSON = 400  # cells, so that large people do not outweigh small ones
HEAT = (0.6, 0.8, 1.0)
BODY = (0.25, 0.5, 0.75)
HEAD = (0.5, 1.0, 1.5, 2.0)


@dataclass(frozen=True)
class Arguments:
    """Print weights fitted by logistic regression, and IoU and the held share of heads for others."""

    model: tyro.conf.Positional[str]
    """A released model's name, or the path of an .onnx file."""
    annotations: tyro.conf.Positional[Path]
    """COCO keypoint annotations (JSON) with silhouettes that the model was not trained on."""
    images: Path | None = None
    """The folder of the photos, if they do not lie beside the file."""


def main(arguments: Arguments) -> None:
    estimator = StrongPose.from_pretrained(arguments.model)
    photos = outlined_photos(estimator, [arguments.annotations], [arguments.images] if arguments.images else [])
    if not photos:
        raise SystemExit(f"{arguments.annotations}: nobody has a 'segmentation'; name a file with silhouettes")
    found = [shown(look_at(estimator, path, people), estimator.threshold) for path, people in photos]
    rng = np.random.default_rng(0)
    cells = [person for photo in found for person in cells_of(photo, rng)]
    if not cells:
        raise SystemExit(
            f"{arguments.annotations}: {arguments.model} finds nobody who has a silhouette; name more photos"
        )
    x, y = np.concatenate([x for x, _ in cells]), np.concatenate([y for _, y in cells])
    heat, away, body, head = fitted_weights(x, y)
    print(f"{len(found)} photos, {len(cells)} people found")
    print(f"fitted: heat {heat:.2f}, away {-away:.2f}, body {body:.2f}, head {body + head:.2f}\n")
    print("| heat | away | body | head | IoU | share of heads |\n|---|---|---|---|---|---|")
    default = RegionWeights()
    for weights in (
        *(RegionWeights(heat, -away, body, head) for body in BODY for head in HEAD),
        *(replace(default, heat=heat) for heat in HEAT),
    ):
        iou, heads = figures(found, weights)
        tried = " | ".join(f"{weight:.3g}" for weight in astuple(weights))
        print(f"| {tried} | {iou:.3f} | {heads:.3f} |", flush=True)


def shown(found: Found, threshold: float) -> Found:
    """Without the poses below the threshold."""
    kept = found.poses.scores >= threshold
    return found._replace(poses=found.poses[kept], matches=found.matches[kept])


def cells_of(found: Found, rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each person found, some cells: (C, 4) log odds of heat, distance, 1, in the head; (C,) bool, on the person."""
    fields, (height, width) = found.fields, found.fields.size
    columns = cells_to_pixels(np.arange(width, dtype=np.float32), fields.stride)
    rows = cells_to_pixels(np.arange(height, dtype=np.float32), fields.stride)
    places = found.fitted.to_photo(np.stack(np.meshgrid(columns, rows), axis=-1)).round().astype(int)
    inside = (places >= 0).all(axis=-1) & (places < found.fitted.photo_size[::-1]).all(axis=-1)
    places = np.clip(places, 0, np.array(found.fitted.photo_size[::-1]) - 1)
    heat = np.clip(fields.body, FAINTEST, 1 - FAINTEST)
    silhouettes = found.silhouettes
    free = inside & ~silhouettes.ignored[places[..., 1], places[..., 0]]
    points = found.fitted.to_input(found.poses.keypoints[..., :2])
    result = []
    for n, person in enumerate(found.matches):
        drawn = draw_body(points[n], found.poses.keypoints[n, :, 2] >= SURE, found.poses.skeleton)
        if person < 0 or drawn is None:
            continue
        away, in_head = signed_distance(drawn, columns, rows)
        away /= drawn.scale
        own = silhouettes.masks[person][places[..., 1], places[..., 0]]
        chosen = np.flatnonzero(free & (away < FARTHEST))
        chosen = rng.choice(chosen, min(PER_PERSON, len(chosen)), replace=False)
        columns_of = (np.log(heat / (1 - heat)), away, np.ones_like(away), in_head)
        result.append((np.stack([c.ravel()[chosen] for c in columns_of], axis=1).astype(float), own.ravel()[chosen]))
    return result


def fitted_weights(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(D,) weights of logistic regression, by Newton's method; ``x`` (C, D), ``y`` (C,) bool."""
    weights = np.zeros(x.shape[1])
    for _ in range(30):
        likely = 1 / (1 + np.exp(-x @ weights))
        curvature = (x * (likely * (1 - likely))[:, None]).T @ x + 1e-3 * np.eye(len(weights))
        weights += np.linalg.solve(curvature, x.T @ (y - likely) - 1e-3 * weights)
    return weights


def figures(photos: list[Found], weights: RegionWeights) -> tuple[float, float]:
    """Mean IoU of the people found, and mean share of their heads that their regions hold."""
    people = []
    for number, photo in enumerate(photos):
        owners = body_regions(photo.fields, photo.poses, photo.fitted, weights=weights).instance_map
        masks = owners == np.arange(len(photo.poses))[:, None, None]
        people += judge(number, photo.silhouettes, masks, photo.matches, photo.poses.skeleton)
    found = [person for person in people if person.matched]
    return mean([person.iou for person in found]), mean([person.head for person in found])


if __name__ == "__main__":
    main(tyro.cli(Arguments))
