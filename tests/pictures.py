"""Drawn people whose keypoints are known exactly, and COCO-format data sets of them."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from strongpose.skeleton import COCO

# A standing person, 1 unit tall, x to the right: (x, y) of COCO's 17 keypoints.
STANDING = np.array(
    [
        *([0.0, 0.09], [0.025, 0.07], [-0.025, 0.07], [0.055, 0.085], [-0.055, 0.085]),
        *([0.13, 0.22], [-0.13, 0.22], [0.17, 0.38], [-0.17, 0.38], [0.19, 0.52], [-0.19, 0.52]),
        *([0.08, 0.52], [-0.08, 0.52], [0.09, 0.74], [-0.09, 0.74], [0.1, 0.96], [-0.1, 0.96]),
    ]
)


def person(x: float, y: float, height: float, rng: np.random.Generator, spread: float = 0.02) -> np.ndarray:
    """(17, 3) keypoints of a standing person whose head top is at (x, y), joints moved at random."""
    points = STANDING + rng.normal(0, spread, STANDING.shape)
    return np.concatenate([points * height + [x, y], np.full((17, 1), 2.0)], axis=1).astype(np.float32)


def draw(people: list[np.ndarray], width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """(height, width, 3) uint8 RGB: the people as thick limbs, left side red, right side blue, on noise."""
    image = cv2.resize(rng.integers(60, 120, (height // 16, width // 16, 3), dtype=np.uint8), (width, height))
    for keypoints in people:
        scale = np.ptp(keypoints[:, 1])
        for a, b in COCO.limbs:
            colour = (230, 60, 60) if "left" in COCO.names[b] else (60, 60, 230)
            ends = [tuple(round(v) for v in keypoints[i, :2]) for i in (a, b)]
            cv2.line(image, *ends, colour, max(1, int(scale * 0.04)), cv2.LINE_AA)
        for k, (x, y, _) in enumerate(keypoints):
            shade = (255, 255, 40 + 12 * k)
            cv2.circle(image, (round(x), round(y)), max(1, int(scale * 0.025)), shade, -1, cv2.LINE_AA)
    return image


def annotation(identifier: int, image_id: int, keypoints: np.ndarray) -> dict:
    """A COCO keypoint annotation."""
    known = keypoints[keypoints[:, 2] > 0, :2]
    low, high = known.min(0), known.max(0)
    return {
        "id": identifier,
        "image_id": image_id,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": [float(v) for v in (*low, *(high - low))],
        "area": float(0.53 * np.prod(high - low)),
        "keypoints": [float(v) for v in keypoints.ravel()],
        "num_keypoints": int((keypoints[:, 2] > 0).sum()),
    }


def write_dataset(folder: Path, photos: int, seed: int = 0, size: tuple[int, int] = (192, 160)) -> Path:
    """Write ``folder/people.json`` and its drawn photos into ``folder/people/``; returns the JSON's path."""
    rng = np.random.default_rng(seed)
    width, height = size
    (folder / "people").mkdir(parents=True)
    data: dict = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "person"}]}
    data["categories"][0]["keypoints"] = list(COCO.names)
    for i in range(photos):
        xs = width * (np.arange(1 + i % 2) + 0.5 + rng.uniform(-0.1, 0.1)) / (1 + i % 2)
        people = [person(x, rng.uniform(4, 16), height * rng.uniform(0.7, 0.85), rng) for x in xs]
        cv2.imwrite(str(folder / "people" / f"{i}.png"), draw(people, width, height, rng)[..., ::-1])
        data["images"].append({"id": i, "file_name": f"{i}.png", "width": width, "height": height})
        for keypoints in people:
            data["annotations"].append(annotation(len(data["annotations"]) + 1, i, keypoints))
    path = folder / "people.json"
    path.write_text(json.dumps(data))
    return path
