"""Measure the latency by number of people in the picture: crowds composed of cut-outs of real people.

python benchmarks/crowds.py DATA/coco-tune/annotations.json DATA/coco-tune/images --csv crowds.csv \
    --detector PICODET.xml --keypoints TINYPOSE.xml
python benchmarks/crowds_chart.py crowds.csv --out docs/pictures/scaling.svg
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import tyro
from peer_models import TopDown, YoloPose
from peer_runs import Chosen, Chosen_, System, side_by_side, times

from strongpose import Poses
from strongpose.annotations import load_annotations
from strongpose.benchmarking import this_machine
from strongpose.images import open_image
from strongpose.oks import similarity_to
from strongpose.skeleton import COCO

WIDTH, HEIGHT = 1280, 960  # of every picture
COLUMNS, ROWS = 12, 5  # places where a person can stand
TALL = 176  # pixels of a person's box, give or take a tenth
MARGIN = 0.12  # of a box's sides, around it; fades into the background
LEAST_KEYPOINTS, LEAST_TALL, WIDEST = (
    12,
    150,
    0.65,
)  # of the people taken: annotated keypoints, box height, width/height
OVERLAP = 0.1  # share of a box that other annotated people may cover
ALIKE = 0.5  # Object Keypoint Similarity from which a person counts as found


@dataclass(frozen=True)
class Arguments:
    """Print latency and people found for pictures of 1 to 60 people, of this project's models and of others."""

    annotations: tyro.conf.Positional[Path]
    """COCO keypoint annotations (JSON) of the photos that people are cut from."""
    images: tyro.conf.Positional[Path]
    """The folder of the photos."""
    systems: Chosen_ = field(default_factory=lambda: Chosen(runtimes=("openvino",), sizes=(481, 561)))
    people: tuple[int, ...] = (1, 2, 5, 10, 20, 30, 40, 60)
    """Numbers of people in a picture, at most 60."""
    pictures: int = 8
    """Different pictures of each number."""
    repeats: int = 3
    """Timed runs of each picture, after one that is not."""
    seed: int = 0
    """Of the random choice of people and places."""
    csv: Path | None = None
    """Where to write the figures, to draw them."""


class Cut(NamedTuple):
    """A person with some margin, (h, w, 3) uint8 RGB of the size to paste, and (17, 3) keypoints in its pixels."""

    pixels: np.ndarray
    keypoints: np.ndarray


class Picture(NamedTuple):
    """A crowd: (HEIGHT, WIDTH, 3) uint8 RGB, and (N, 17, 3) keypoints of its people."""

    pixels: np.ndarray
    people: np.ndarray


@dataclass(frozen=True)
class Row:
    """What was measured of one system and number of people; times in milliseconds a picture."""

    system: str
    people: int
    pictures: int
    median_ms: float
    p95_ms: float
    network_ms: float
    found: float


def main(arguments: Arguments) -> None:
    a, chosen, machine = arguments, arguments.systems, this_machine()
    if max(a.people) > COLUMNS * ROWS:
        raise SystemExit(f"a picture has places for {COLUMNS * ROWS} people, got --people {max(a.people)}")
    cuts = cut_people(load_annotations(a.annotations, COCO), a.images)
    systems = [*chosen.ours(), *peers(chosen)]
    rng = np.random.default_rng(a.seed)
    with tempfile.TemporaryDirectory() as folder:
        crowds = [compose(cuts, people, rng) for people in a.people for _ in range(a.pictures)]
        photos = [write(Path(folder) / f"{i}.jpg", crowd) for i, crowd in enumerate(crowds)]
        runs = side_by_side(systems, photos, a.repeats)
    rows = []
    for i, people in enumerate(a.people):
        part = slice(i * a.pictures, (i + 1) * a.pictures)
        for system, run in zip(systems, runs, strict=True):
            t = times(run.total[part], run.network[part])
            found = float(np.mean([count(p, c.people) for p, c in zip(run.poses[part], crowds[part], strict=True)]))
            median, p95, network = (round(value, 1) for value in t)
            rows.append(Row(system.name, people, a.pictures, median, p95, network, round(found, 1)))
    print(f"{machine.cpu}, {chosen.threads} threads, {machine.version}; {len(cuts)} different people\n")
    print_table("ms a picture, by number of people", a.people, rows, lambda row: f"{row.median_ms:.0f}")
    print_table("network, ms a picture, by number of people", a.people, rows, lambda row: f"{row.network_ms:.0f}")
    print_table("people found, by number of people", a.people, rows, lambda row: f"{row.found:.1f}")
    if a.csv is not None:
        write_csv(a.csv, rows)


def peers(chosen: Chosen) -> list[System]:
    """The peers whose files were named; the top-down pair in its fastest form."""
    found: list[System] = []
    chosen.check()
    if chosen.yolo is not None:
        found.append(YoloPose(chosen.yolo, chosen.threads))
    if chosen.detector is not None and chosen.keypoints is not None:
        found.append(TopDown(chosen.detector, chosen.keypoints, chosen.threads, most=100))
    return found


def cut_people(data: dict[str, Any], images: Path) -> list[Cut]:
    """Upright people who show most keypoints and whom nobody annotated covers, about `TALL` pixels tall."""
    cuts = []
    for image in data["images"]:
        people = [person for person in data["annotations"] if person["image_id"] == image["id"]]
        good = [
            person
            for person in people
            if not person.get("iscrowd")
            and person.get("num_keypoints", 0) >= LEAST_KEYPOINTS
            and person["bbox"][3] >= LEAST_TALL
            and person["bbox"][2] <= WIDEST * person["bbox"][3]
            and all(covered(person["bbox"], other["bbox"]) <= OVERLAP for other in people if other is not person)
        ]
        if good:
            photo = open_image(images / image["file_name"])
            cuts += [cut(photo, person) for person in good]
    if not cuts:
        raise SystemExit("the annotations hold nobody upright, alone and large enough to be cut out")
    return cuts


def covered(box: Sequence[float], other: Sequence[float]) -> float:
    """The share of a box x, y, w, h that another covers."""
    w = min(box[0] + box[2], other[0] + other[2]) - max(box[0], other[0])
    h = min(box[1] + box[3], other[1] + other[3]) - max(box[1], other[1])
    return max(w, 0) * max(h, 0) / (box[2] * box[3])


def cut(photo: np.ndarray, person: dict[str, Any]) -> Cut:
    """An annotated person with the margin that the photo has, scaled to `TALL` pixels."""
    x, y, w, h = person["bbox"]
    x0, y0 = max(0, int(x - MARGIN * w)), max(0, int(y - MARGIN * h))
    x1, y1 = min(photo.shape[1], int(x + (1 + MARGIN) * w)), min(photo.shape[0], int(y + (1 + MARGIN) * h))
    scale = TALL / h
    size = (max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale)))
    pixels = cv2.resize(photo[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    keypoints = np.array(person["keypoints"], dtype=np.float64).reshape(17, 3)
    keypoints[:, :2] = (keypoints[:, :2] - (x0, y0) + 0.5) * scale - 0.5
    return Cut(pixels, keypoints)


def compose(cuts: Sequence[Cut], people: int, rng: np.random.Generator) -> Picture:
    """Random people, some mirrored, at random places of a grid, the nearer ones in front."""
    pixels = background()
    chosen = np.concatenate([rng.permutation(len(cuts)) for _ in range(-(-people // len(cuts)))])[:people]
    places = np.sort(rng.permutation(COLUMNS * ROWS)[:people])
    keypoints = np.zeros((people, 17, 3))
    for i, place in enumerate(places):
        one = resized(cuts[chosen[i]], rng.uniform(0.9, 1.1))
        one = mirrored(one) if rng.random() < 0.5 else one
        h, w = one.pixels.shape[:2]
        middle = (place % COLUMNS + rng.uniform(0.4, 0.6)) * WIDTH / COLUMNS
        foot = (place // COLUMNS + 1) * HEIGHT / ROWS + rng.uniform(-4, 4)
        x, y = round(np.clip(middle - w / 2, 0, WIDTH - w)), round(np.clip(foot - h, 0, HEIGHT - h))
        spot = pixels[y : y + h, x : x + w]
        share = opacity(h, w)[..., None]
        spot[:] = np.rint(share * one.pixels + (1 - share) * spot)
        keypoints[i] = one.keypoints + np.array((x, y, 0))
        keypoints[i, one.keypoints[:, 2] == 0] = 0
    return Picture(pixels, keypoints)


def background() -> np.ndarray:
    """A hall: a light wall that darkens downwards."""
    shades = np.linspace((186, 190, 194), (112, 108, 102), HEIGHT)
    return np.repeat(np.rint(shades).astype(np.uint8)[:, None], WIDTH, axis=1)


def resized(one: Cut, scale: float) -> Cut:
    """A cut in another size."""
    h, w = one.pixels.shape[:2]
    size = (round(w * scale), round(h * scale))
    keypoints = one.keypoints.copy()
    keypoints[:, :2] = (keypoints[:, :2] + 0.5) * (size[0] / w, size[1] / h) - 0.5
    return Cut(cv2.resize(one.pixels, size, interpolation=cv2.INTER_AREA), keypoints)


def mirrored(one: Cut) -> Cut:
    """The mirror image of a cut."""
    keypoints = one.keypoints[list(COCO.flip_order)]
    keypoints[:, 0] = one.pixels.shape[1] - 1 - keypoints[:, 0]
    return Cut(one.pixels[:, ::-1], keypoints)


def opacity(h: int, w: int) -> np.ndarray:
    """(h, w) 0 at the border, 1 inside of about the margin."""
    y, x = (np.minimum(np.arange(n), np.arange(n)[::-1]) / (MARGIN * n * 0.6) for n in (h, w))
    return np.minimum(1, y)[:, None] * np.minimum(1, x)[None]


def write(path: Path, crowd: Picture) -> Path:
    """Save a picture as JPEG."""
    cv2.imwrite(str(path), crowd.pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    return path


def count(poses: Poses, people: np.ndarray) -> int:
    """How many of (N, 17, 3) people are among the N best poses: no pose counts twice, nor does a person."""
    sigmas = np.array(COCO.sigmas)
    left = list(people)
    for pose in poses[: len(people)]:
        alike = [similarity(pose.keypoints, person, sigmas) for person in left]
        if alike and max(alike) >= ALIKE:
            del left[int(np.argmax(alike))]
    return len(people) - len(left)


def similarity(found: np.ndarray, person: np.ndarray, sigmas: np.ndarray) -> float:
    """Object Keypoint Similarity of two (17, 3) poses; the person's area is COCO's mean share of its box."""
    known = person[:, 2] > 0
    area = 0.53 * float(np.prod(np.ptp(person[known, :2], axis=0)))
    return float(similarity_to(found[:, :2], area, person[None, :, :2], known[None], sigmas)[0])


def print_table(what: str, people: Sequence[int], rows: Sequence[Row], cell: Callable[[Row], str]) -> None:
    """Print a line for every system and a column for every number of people."""
    print(f"| {what} | {' | '.join(map(str, people))} |")
    print("|---|" + "---|" * len(people))
    for name in dict.fromkeys(row.system for row in rows):
        cells = [cell(row) for row in rows if row.system == name]
        print(f"| {name} | {' | '.join(cells)} |")
    print()


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Save the figures, a line each."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(asdict(rows[0])), lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


if __name__ == "__main__":
    main(tyro.cli(Arguments))
