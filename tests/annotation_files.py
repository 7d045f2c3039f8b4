"""Annotation files that are changed and read, for the tests of everything that reads them."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from strongpose.annotations import load_annotations, read_annotations
from strongpose.evaluation import evaluate_results
from strongpose.skeleton import COCO


def content(path: Path, change=lambda data: None) -> dict:
    data = json.loads(path.read_text())
    change(data)
    return data


def read(path: Path, change, skeleton=COCO) -> tuple[dict, list[str]]:
    """What the reader makes of the changed file, and what it says."""
    path.write_text(json.dumps(content(path, change)))
    said: list[str] = []
    return read_annotations(path, skeleton, said.append), said


def perfect_ap(data: dict) -> float:
    """Average precision of results that repeat the people of `load_annotations`."""
    people = load_annotations(data, COCO)["annotations"]
    category = load_annotations(data, COCO)["categories"][0]["id"]
    results = [{**p, "category_id": category, "score": 0.9} for p in people]
    keys = ("image_id", "category_id", "keypoints", "score")
    return evaluate_results([{key: r[key] for key in keys} for r in results], data, COCO.sigmas).ap


def resize(path: Path, width: int, height: int, orientation: int = 1, name: str = "1.png") -> None:
    """Another size for one photo of a data set, and a turn in its EXIF data."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = path.with_suffix("") / name
    with Image.open(photo) as image:
        changed = image.resize((width, height))
    changed.save(photo, exif=exif)
