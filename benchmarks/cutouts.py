"""Pictures of people cut out of annotated photos: crowds, and clips in which people cross each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from strongpose import COCO, Poses
from strongpose.annotations import load_annotations
from strongpose.images import open_image
from strongpose.video import TrackedPoses

__all__ = ["CLOTHES", "CROWD_RATE", "MOST", "PAIRS", "PAIR_RATE", "SECONDS", "Cutout", "Picture", "crowd", "crowd_clip"]
__all__ += ["cut_people", "pair_clip"]

HALL_WIDTH, HALL_HEIGHT = 1280, 960  # pixels of a picture of a crowd
COLUMNS, ROWS = 12, 5  # places where a person of a crowd can stand
MOST = COLUMNS * ROWS
TALL = 176  # pixels of a person of a crowd, give or take a tenth

WIDTH, HEIGHT = 800, 480  # pixels of a clip
SECONDS = 3
CLIP_PEOPLE, CROWD_RATE, PAIR_RATE = 4, 25, 12.5
LEAST_VISIBLE = 0.3  # share of a person's pixels from which the person should be tracked
PAIRS = ("cross", "stop hidden", "turn back")
CLOTHES = ("different", "similar")

Picture = tuple[float, np.ndarray, TrackedPoses]
"""Time in seconds, (H, W, 3) uint8 RGB, and who is there, with ids from 1."""


@dataclass(frozen=True)
class Cutout:
    """A person cut out of a photo: (H, W, 3) pixels, (H, W) opacity 0-1, (K, 3) keypoints, height in pixels."""

    pixels: np.ndarray
    opacity: np.ndarray
    keypoints: np.ndarray
    height: float

    def mirrored(self) -> Cutout:
        """The same person facing the other way, a little brighter."""
        keypoints = self.keypoints[list(COCO.flip_order)] * [-1, 1, 1] + [self.pixels.shape[1] - 1, 0, 0]
        pixels = np.clip(self.pixels[:, ::-1] * 1.05, 0, 255).astype(np.uint8)
        return replace(self, pixels=pixels, opacity=self.opacity[:, ::-1], keypoints=keypoints)

    def pasted(self, canvas: np.ndarray, scale: float, x: float, y: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw the person on a canvas.

        Args:
            canvas: (H, W, 3) float32.
            scale: pixels of the canvas in one of the cut-out.
            x: of the cut-out's left edge on the canvas.
            y: of its upper edge.

        Returns:
            (H, W, 3) float32; (H, W) opacity; (K, 3) keypoints there, with a visibility of 0 or 1.
        """
        size, placed = canvas.shape[1::-1], np.array([[scale, 0, x], [0, scale, y]])
        area = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        pixels = cv2.warpAffine(self.pixels, placed, size, flags=area).astype(np.float32)
        opacity = cv2.warpAffine(self.opacity, placed, size)
        keypoints = self.keypoints * [scale, scale, 1] + [x, y, 0]
        keypoints[:, 2] = self.keypoints[:, 2] > 0
        return canvas * (1 - opacity[..., None]) + pixels * opacity[..., None], opacity, keypoints


def cut_people(annotations: Path, images: Path) -> list[Cutout]:
    """Everybody upright whose body joints are all annotated.

    Raises:
        SystemExit: if there is nobody.
    """
    data = load_annotations(annotations, COCO)
    names, people = {image["id"]: image["file_name"] for image in data["images"]}, []
    for person in data["annotations"]:
        keypoints = np.array(person["keypoints"], dtype=np.float64).reshape(-1, 3)
        x, y, w, h = person["bbox"]
        if person["iscrowd"] or not (keypoints[5:, 2] > 0).all() or h < 160 or h < 1.6 * w:
            continue
        photo = open_image(images / names[person["image_id"]])
        opacity = silhouette(keypoints, h, photo.shape[:2])
        margin = 0.06 * h
        x0, y0 = max(0, int(x - margin)), max(0, int(y - margin))
        x1, y1 = int(x + w + margin), int(y + h + margin)
        people.append(Cutout(photo[y0:y1, x0:x1], opacity[y0:y1, x0:x1], keypoints - [x0, y0, 0], h))
    if not people:
        raise SystemExit(f"{annotations}: nobody upright is annotated from shoulders to ankles; name another file")
    return people


def silhouette(keypoints: np.ndarray, height: float, shape: tuple[int, int]) -> np.ndarray:
    """(H, W) opacity 0-1: thick limbs, torso and head drawn from the keypoints, with a soft edge."""
    mask = np.zeros(shape, dtype=np.uint8)
    known = keypoints[:, 2] > 0
    points = keypoints[:, :2].round().astype(np.int32)
    for a, b in COCO.limbs:
        if known[a] and known[b]:
            cv2.line(mask, points[a].tolist(), points[b].tolist(), 255, max(1, round(0.09 * height)))
    cv2.fillConvexPoly(mask, cv2.convexHull(points[[5, 6, 11, 12]]), 255)
    head = points[:5][known[:5]].mean(axis=0) if known[:5].any() else points[5:7].mean(axis=0) - [0, 0.1 * height]
    cv2.circle(mask, head.round().astype(int).tolist(), round(0.085 * height), 255, -1)
    ends = [point.round().astype(int).tolist() for point in (head, points[5:7].mean(axis=0))]
    cv2.line(mask, *ends, 255, max(1, round(0.08 * height)))
    return cv2.GaussianBlur(mask, (0, 0), 0.008 * height).astype(np.float32) / 255


def crowd(people: Sequence[Cutout], count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random people at random places of a hall, all about as tall, some mirrored, the nearer ones in front.

    Args:
        people: to choose from; nobody comes twice before everybody came once.
        count: N, at most `MOST`.
        rng: chooses.

    Returns:
        (960, 1280, 3) uint8 RGB and (N, 17, 3) keypoints with a visibility of 0 or 1.
    """
    shades = np.linspace((186, 190, 194), (112, 108, 102), HALL_HEIGHT, dtype=np.float32)
    canvas = np.repeat(shades[:, None], HALL_WIDTH, axis=1)
    chosen = np.concatenate([rng.permutation(len(people)) for _ in range(-(-count // len(people)))])[:count]
    keypoints = np.zeros((count, COCO.num_keypoints, 3))
    for i, place in enumerate(np.sort(rng.permutation(MOST)[:count])):
        one = people[chosen[i]].mirrored() if rng.random() < 0.5 else people[chosen[i]]
        scale = TALL * rng.uniform(0.9, 1.1) / one.height
        h, w = scale * one.pixels.shape[0], scale * one.pixels.shape[1]
        middle = (place % COLUMNS + rng.uniform(0.4, 0.6)) * HALL_WIDTH / COLUMNS
        foot = (place // COLUMNS + 1) * HALL_HEIGHT / ROWS + rng.uniform(-4, 4)
        x, y = np.clip(middle - w / 2, 0, HALL_WIDTH - w), np.clip(foot - h, 0, HALL_HEIGHT - h)
        canvas, _, keypoints[i] = one.pasted(canvas, scale, x, y)
    return np.rint(canvas).astype(np.uint8), keypoints


def crowd_clip(people: Sequence[Cutout], seed: int) -> Iterator[Picture]:
    """Four people move evenly across each other, the lower in front."""
    rng = np.random.default_rng(seed)
    chosen = [people[i] for i in rng.choice(len(people), CLIP_PEOPLE, replace=False)]
    ground = _ground(rng)
    heights = np.sort(rng.uniform(0.4, 0.7, CLIP_PEOPLE) * HEIGHT)
    order = rng.permutation(CLIP_PEOPLE)
    places = WIDTH * (np.arange(CLIP_PEOPLE) + 0.5 + rng.uniform(-0.2, 0.2, CLIP_PEOPLE)) / CLIP_PEOPLE
    starts, ends = places[order], places[np.roll(order, 1 + seed % (CLIP_PEOPLE - 1))]
    phases = rng.uniform(0, 2 * np.pi, CLIP_PEOPLE)
    for n in range(CROWD_RATE * SECONDS):
        time, share = n / CROWD_RATE, n / (CROWD_RATE * SECONDS - 1)
        yield _picture(rng, time, chosen, heights, starts + (ends - starts) * share, phases, ground)


def pair_clip(people: Sequence[Cutout], seed: int, way: str, clothes: str) -> Iterator[Picture]:
    """Two people who meet, one of ``PAIRS``; those of similar ``clothes`` are one cut-out and its mirror image.

    "cross" is walking on evenly, "stop hidden" standing behind the other for 0.3-1 s before walking on, and "turn
    back" walking back as soon as both overlap.
    """
    rng = np.random.default_rng(seed)
    first, second = (people[i] for i in rng.choice(len(people), 2, replace=False))
    chosen = [first, second if clothes == "different" else first.mirrored()]
    ground = _ground(rng)
    near = rng.uniform(0.55, 0.7) * HEIGHT
    heights = np.array([near * rng.uniform(0.85, 0.97), near])
    phases = rng.uniform(0, 2 * np.pi, 2)
    side = rng.choice([-1, 1])
    middle = WIDTH / 2 + rng.uniform(-60, 60)
    reach, meeting, stay = rng.uniform(200, 280), rng.uniform(1.2, 1.6), rng.uniform(0.3, 1.0)
    for n in range(round(PAIR_RATE * SECONDS)):
        time = n / PAIR_RATE
        way_left = 1 - time / meeting  # 1 at the start, 0 where both meet
        if way == "turn back":
            places = np.array([-1, 1]) * (abs(way_left) * reach + 0.04 * near)
        elif way == "stop hidden":  # the one behind is in the middle while the one in front stops there as well
            held = way_left if way_left > 0 else min(0.0, way_left + stay / meeting)
            places = np.array([-1, 1]) * held * reach
        else:
            places = np.array([-1, 1]) * way_left * reach
        yield _picture(rng, time, chosen, heights, middle + side * places, phases, ground)


def _ground(rng: np.random.Generator) -> np.ndarray:
    return cv2.resize(rng.integers(90, 160, (6, 8, 3), dtype=np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def _picture(
    rng: np.random.Generator,
    time: float,
    people: Sequence[Cutout],
    heights: np.ndarray,
    middles: np.ndarray,
    phases: np.ndarray,
    ground: np.ndarray,
) -> Picture:
    """N people, from the farthest to the nearest; their heights and middles (x) in pixels."""
    count = len(people)
    canvas = ground.astype(np.float32)
    owner = np.full((HEIGHT, WIDTH), -1)
    whole = np.zeros(count)
    poses = np.zeros((count, COCO.num_keypoints, 3))
    for i, person in enumerate(people):
        scale = heights[i] / person.height
        x = middles[i] - scale * person.pixels.shape[1] / 2
        bob = 0.012 * heights[i] * np.sin(2 * np.pi * 1.8 * time + phases[i])
        y = HEIGHT * 0.62 + 0.45 * heights[i] - scale * person.pixels.shape[0] + bob
        canvas, opacity, poses[i] = person.pasted(canvas, scale, x, y)
        whole[i] = (person.opacity > 0.5).sum() * scale**2
        owner[opacity > 0.5] = i
    visible = np.array([(owner == i).sum() for i in range(count)]) / whole
    seen = np.flatnonzero(visible >= LEAST_VISIBLE)
    noisy = np.clip(canvas + rng.normal(0, 3, canvas.shape), 0, 255).astype(np.uint8)
    return time, noisy, TrackedPoses(time, Poses(poses, np.ones(count))[seen], seen + 1)
