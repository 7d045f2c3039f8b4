"""The pictures of README.md and docs/how-it-works.md, the latter after figures 1 and 3 to 5 of the paper.

python docs/figures.py
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import tyro
from PIL import Image, ImageDraw, ImageFont

from strongpose import Skeleton, StrongPose
from strongpose.decode import body_regions
from strongpose.decode.grouping import group_poses
from strongpose.decode.peaks import find_seeds
from strongpose.draw import draw_bodies, draw_poses
from strongpose.draw.fields import (
    draw_body,
    draw_displacements,
    draw_growth,
    draw_heatmaps,
    draw_offsets,
    draw_votes,
)
from strongpose.inference import Prediction
from strongpose.poses import KEYPOINT_THRESHOLD

DOCS = Path(__file__).parent
PHOTOS = DOCS.parent / "tests" / "photos"
WIDTH = 1200  # of every figure, in pixels
GAP = 12
TITLE = 20  # font size in pixels
INK, PAPER, DOT = (25, 25, 30), (255, 255, 255), (255, 110, 30)

Panel = tuple[str, np.ndarray]  # title and (h, w, 3) uint8 RGB


def main(folder: tyro.conf.Positional[Path] = DOCS / "pictures") -> None:
    """Write all pictures.

    Args:
        folder: Folder to write to; it is made if need be.
    """
    model = StrongPose.from_pretrained()
    predictions = []
    for prediction in model.predictions([PHOTOS / "group.jpg", DOCS / "pictures" / "skiers.jpg"]):
        if not isinstance(prediction, Prediction):
            raise prediction
        predictions.append(prediction)
    group, skiers = predictions
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in (
        ("overview", overview(model, group)),
        ("skhm", heatmaps(group)),
        ("bhm", body(model, group)),
        ("growth", growth(model, group)),
        ("skiers.poses", draw_poses(skiers.photo, model.decode(skiers.fields, skiers.fitted))),
    ):
        Image.fromarray(picture).save(folder / f"{name}.jpg", quality=85, optimize=True)


def overview(model: StrongPose, prediction: Prediction) -> np.ndarray:
    """Photo, the network's four kinds of maps, poses (SP Fig. 1)."""
    fields, fitted, options = prediction.fields, prediction.fitted, model.options
    displacements = draw_displacements(fields, fitted, find_seeds(fields, options), options.disk_radius)
    return _stacked(
        _arrow("fully convolutional network", _row([("Photo", prediction.photo)], WIDTH * 2 // 3)),
        _row(
            [("Strong keypoint heat maps", draw_heatmaps(fields, fitted)), ("Body heat map", draw_body(fields, fitted))]
        ),
        _arrow(
            "the decoder",
            _row(
                [
                    ("Short offsets", draw_offsets(fields, fitted)),
                    ("Relative displacements", displacements),
                ]
            ),
        ),
        _row(
            [("Poses", draw_poses(prediction.photo, model.decode(prediction.fields, prediction.fitted)))],
            WIDTH * 2 // 3,
        ),
    )


def heatmaps(prediction: Prediction) -> np.ndarray:
    """The heat of single keypoints, and of all (SP Fig. 3)."""
    names = prediction.fields.skeleton.names
    panels = []
    for name in ("nose", "left_shoulder", "right_shoulder"):
        alone = np.zeros_like(prediction.fields.heatmaps)
        k = names.index(name)
        alone[k] = prediction.fields.heatmaps[k]
        panels.append(
            (name.replace("_", " "), draw_heatmaps(replace(prediction.fields, heatmaps=alone), prediction.fitted))
        )
    panels.append((f"all {len(names)}", draw_heatmaps(prediction.fields, prediction.fitted)))
    return _stacked(_row(panels[:2]), _row(panels[2:]))


def body(model: StrongPose, prediction: Prediction) -> np.ndarray:
    """The body heat map and the region of each person (SP Fig. 4)."""
    return _row(
        [
            ("Body heat map", draw_body(prediction.fields, prediction.fitted)),
            ("Body regions", _with_regions(model, prediction)),
        ]
    )


def growth(model: StrongPose, prediction: Prediction) -> np.ndarray:
    """Votes and seeds, and the people after some steps of growth (SP Fig. 5)."""
    shown = model.decode(prediction.fields, prediction.fitted)
    seeds = find_seeds(prediction.fields, model.options)
    grouped = group_poses(prediction.fields, seeds, model.options)
    places = prediction.fitted.to_photo(grouped.points)
    away = np.linalg.norm(places[None] - shown.keypoints[:, None, :, :2], axis=-1).mean(axis=-1)
    people = away.argmin(axis=1)  # of each person shown, how it grew
    panels = [("Hough votes; seeds ringed", draw_votes(prediction.fields, prediction.fitted, seeds, model.options))]
    steps = prediction.fields.skeleton.num_keypoints
    for step in (1, 3, 8, steps):
        reached = (grouped.order[people] >= 0) & (grouped.order[people] < step)
        scores = np.where(reached, grouped.scores[people], 0)
        title = "The seed of each person" if step == 1 else f"After {step} steps"
        panels.append((title, _sketch(prediction.photo, places[people], scores, prediction.fields.skeleton)))
    panels.append(("The order of growth: yellow first, violet last", draw_growth(grouped, prediction.fitted, shown)))
    return _stacked(*(_row(panels[i : i + 2]) for i in range(0, len(panels), 2)))


def _with_regions(model: StrongPose, prediction: Prediction) -> np.ndarray:
    poses = model.decode(prediction.fields, prediction.fitted)
    return draw_poses(draw_bodies(prediction.photo, body_regions(prediction.fields, poses, prediction.fitted)), poses)


def _sketch(photo: np.ndarray, points: np.ndarray, scores: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """The photo, pale, with the keypoints of (N, K) scores that `draw_poses` would show, however few they are."""
    picture = Image.blend(Image.fromarray(photo), Image.new("RGB", photo.shape[1::-1], PAPER), 0.4)
    pen = ImageDraw.Draw(picture)
    for person, score in zip(points, scores, strict=True):
        seen = score >= KEYPOINT_THRESHOLD
        for a, b in skeleton.limbs:
            if seen[a] and seen[b]:
                pen.line([*map(float, (*person[a], *person[b]))], DOT, 5)
        for x, y in person[seen]:
            pen.ellipse((x - 8, y - 8, x + 8, y + 8), DOT, INK, 2)
    return np.asarray(picture)


def _row(panels: Sequence[Panel], width: int = WIDTH) -> np.ndarray:
    """Panels of one height beside each other, titles above, in the middle of the figure's width."""
    room = width - GAP * (len(panels) - 1)
    height = room / sum(picture.shape[1] / picture.shape[0] for _, picture in panels)
    top = 2 * TITLE if any(title for title, _ in panels) else 0
    sheet = Image.new("RGB", (WIDTH, round(height) + top), PAPER)
    pen = ImageDraw.Draw(sheet)
    left = (WIDTH - width) / 2
    for title, picture in panels:
        wide = height * picture.shape[1] / picture.shape[0]
        scaled = Image.fromarray(picture).resize((round(wide), round(height)), Image.Resampling.LANCZOS)
        sheet.paste(scaled, (round(left), top))
        pen.text((left, TITLE), title, INK, ImageFont.load_default(TITLE), anchor="lm")
        left += wide + GAP
    return np.asarray(sheet)


def _arrow(text: str, above: np.ndarray) -> np.ndarray:
    """What is above, and below it an arrow that leads on, with a word for what happens there."""
    bar = Image.new("RGB", (WIDTH, 2 * TITLE), PAPER)
    pen = ImageDraw.Draw(bar)
    x = WIDTH // 2
    pen.line((x, 4, x, 2 * TITLE - 8), INK, 3)
    pen.polygon([(x - 8, 2 * TITLE - 14), (x + 8, 2 * TITLE - 14), (x, 2 * TITLE - 1)], INK)
    pen.text((x + 20, TITLE), text, INK, ImageFont.load_default(TITLE), anchor="lm")
    return np.concatenate([above, np.asarray(bar)])


def _stacked(*rows: np.ndarray) -> np.ndarray:
    space = np.full((GAP, WIDTH, 3), PAPER, dtype=np.uint8)
    return np.concatenate([part for row in rows for part in (row, space)][:-1])


if __name__ == "__main__":
    tyro.cli(main)
