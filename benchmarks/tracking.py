"""Measure the tracker: identity switches where identities are known, and agreement with itself where they are not."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import tyro
from scipy.optimize import linear_sum_assignment

from strongpose import COCO, Poses, StrongPose
from strongpose.images import open_image
from strongpose.video import open_video
from strongpose.video.camera_motion import CameraMotion, shifted
from strongpose.video.similarity import person_sizes, pose_similarities
from strongpose.video.tracking import TrackedPoses, Tracker, TrackOptions

WIDTH, HEIGHT, RATE, SECONDS = 800, 480, 25, 3
PEOPLE = 4
LEAST_VISIBLE = 0.3  # share of a person's pixels from which the person should be tracked
SAME = 0.5  # OKS from which a pose is an annotated person's

HEAD = "| tracker | people × frames | found | tracked | IDF1 | switches | fragments |\n|---|---|---|---|---|---|---|"
VARIANTS = {
    "default": TrackOptions(),
    "no faint poses": TrackOptions(keep_score=0.25),
    "fainter poses": TrackOptions(keep_score=0.1),
    "id at first sight": TrackOptions(hits=1, window=1),
    "no gaps bridged": TrackOptions(max_gap=0.0),
    "gaps of 1 s": TrackOptions(max_gap=1.0),
    "similarity 0.2": TrackOptions(similarity=0.2),
    "doubles not left out": TrackOptions(double=1.0),
}


@dataclass(frozen=True)
class Arguments:
    """Print identity switches and more on clips of cut-out people who cross, and on a real video against itself."""

    annotations: tyro.conf.Positional[Path | None] = None
    """COCO keypoint annotations (JSON): whole people are cut out and walk across each other."""
    images: Path | None = None
    """The folder of their photos."""
    video: Path | None = None
    """A real video without known identities: tracked forwards, backwards, and at lower frame rates."""
    model: str = "base"
    """A released model's name, or the path of a model file."""
    clips: int = 8
    """The number of clips."""
    threads: int = 0
    """CPU threads of the network; 0 takes all cores."""


@dataclass(frozen=True)
class Frame:
    """What was found at one time, and who is really there."""

    time: float
    found: Poses
    truth: TrackedPoses


@dataclass(frozen=True)
class Cutout:
    """A person cut out of a photo: (H, W, 3) pixels, (H, W) opacity 0-1, (K, 3) keypoints, height in pixels."""

    pixels: np.ndarray
    opacity: np.ndarray
    keypoints: np.ndarray
    height: float


@dataclass
class Counts:
    """What happened to people over some clips."""

    expected: int = 0  # people × frames
    found: int = 0  # of them, those the network found
    tracked: int = 0  # and those with an id
    shown: int = 0  # people × frames with an id, right or wrong
    switches: int = 0  # a person gets another id than before
    fragments: int = 0  # a person is lost and found again, under any id
    same: int = 0  # people × frames under the id that fits the person best over the clip

    def row(self, name: str) -> str:
        """A line of the table."""
        shares = [
            self.found / self.expected,
            self.tracked / self.expected,
            2 * self.same / (self.expected + self.shown),
        ]
        columns = [name, self.expected, *(f"{share:.3f}" for share in shares), self.switches, self.fragments]
        return f"| {' | '.join(map(str, columns))} |"


def main(arguments: Arguments) -> None:
    model = StrongPose.from_pretrained(arguments.model, threads=arguments.threads)
    if arguments.annotations is not None and arguments.images is not None:
        people = list(cut_people(arguments.annotations, arguments.images))
        clips = [
            [Frame(time, model(picture), truth) for time, picture, truth in draw_clip(people, seed)]
            for seed in range(arguments.clips)
        ]
        print(f"\n{len(people)} people cut out, {arguments.clips} clips of {SECONDS} s\n\n{HEAD}")
        ways = [(name, options, 1) for name, options in VARIANTS.items()]
        for name, options, step in [*ways, ("default", TrackOptions(), 2), ("default", TrackOptions(), 5)]:
            counts = [compare(clip[::step], follow(clip[::step], options)) for clip in clips]
            total = Counts(*np.sum([list(vars(count).values()) for count in counts], axis=0).tolist())
            print(total.row(f"{name}, {RATE / step:g} frames a second"), flush=True)
    if arguments.video is not None:
        found = list(find_in_video(model, arguments.video))
        for what in ("freed of the camera's motion", "as it is"):
            print(f"\n{arguments.video.name} {what}, one way of tracking the same poses against another\n\n{HEAD}")
            agree([still if what.startswith("freed") else plain for plain, still in found])


def cut_people(annotations: Path, images: Path) -> Iterator[Cutout]:
    """Everybody upright whose body joints are all annotated."""
    data = json.loads(annotations.read_text())
    names = {image["id"]: image["file_name"] for image in data["images"]}
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
        yield Cutout(photo[y0:y1, x0:x1], opacity[y0:y1, x0:x1], keypoints - [x0, y0, 0], h)


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


def draw_clip(people: Sequence[Cutout], seed: int) -> Iterator[tuple[float, np.ndarray, TrackedPoses]]:
    """Time, (H, W, 3) picture and truth of every frame: people move across each other, the lower in front."""
    rng = np.random.default_rng(seed)
    chosen = [people[i] for i in rng.choice(len(people), PEOPLE, replace=False)]
    coarse = rng.integers(90, 160, (6, 8, 3), dtype=np.uint8)
    ground = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    heights = np.sort(rng.uniform(0.4, 0.7, PEOPLE) * HEIGHT)
    order = rng.permutation(PEOPLE)
    places = WIDTH * (np.arange(PEOPLE) + 0.5 + rng.uniform(-0.2, 0.2, PEOPLE)) / PEOPLE
    starts, ends = places[order], places[np.roll(order, 1 + seed % (PEOPLE - 1))]
    bases = HEIGHT * 0.62 + 0.45 * heights
    phases = rng.uniform(0, 2 * np.pi, PEOPLE)
    for n in range(RATE * SECONDS):
        time, share = n / RATE, n / (RATE * SECONDS - 1)
        canvas = ground.astype(np.float32)
        owner = np.full((HEIGHT, WIDTH), -1)
        whole = np.zeros(PEOPLE)
        poses = np.zeros((PEOPLE, COCO.num_keypoints, 3))
        for i, person in enumerate(chosen):
            scale = heights[i] / person.height
            x = starts[i] + (ends[i] - starts[i]) * share - scale * person.pixels.shape[1] / 2
            bob = 0.012 * heights[i] * np.sin(2 * np.pi * 1.8 * time + phases[i])
            y = bases[i] - scale * person.pixels.shape[0] + bob
            placed = np.array([[scale, 0, x], [0, scale, y]])
            area = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            pixels = cv2.warpAffine(person.pixels, placed, (WIDTH, HEIGHT), flags=area).astype(np.float32)
            opacity = cv2.warpAffine(person.opacity, placed, (WIDTH, HEIGHT))[..., None]
            canvas = canvas * (1 - opacity) + pixels * opacity
            whole[i] = (person.opacity > 0.5).sum() * scale**2
            owner[opacity[..., 0] > 0.5] = i
            poses[i] = person.keypoints * [scale, scale, 1] + [x, y, 0]
            poses[i, :, 2] = person.keypoints[:, 2] > 0
        visible = np.array([(owner == i).sum() for i in range(PEOPLE)]) / whole
        seen = np.flatnonzero(visible >= LEAST_VISIBLE)
        noisy = np.clip(canvas + rng.normal(0, 3, canvas.shape), 0, 255).astype(np.uint8)
        yield time, noisy, TrackedPoses(time, Poses(poses, np.ones(PEOPLE))[seen], seen + 1)


def find_in_video(model: StrongPose, path: Path) -> Iterator[tuple[Frame, Frame]]:
    """Every frame with the poses as they are, and as if the camera stood still; nobody knows the truth."""
    camera, nobody = CameraMotion(), TrackedPoses(0.0, Poses.empty(), np.zeros(0))
    with open_video(str(path)) as video:
        for frame in video:
            poses = model(frame.image)
            moved = camera.update(frame.image, poses[poses.scores >= TrackOptions().keep_score].boxes)
            yield Frame(frame.time, poses, nobody), Frame(frame.time, shifted(poses, -moved), nobody)


def follow(frames: Sequence[Frame], options: TrackOptions) -> list[TrackedPoses]:
    tracker = Tracker(options)
    return [tracker.update(frame.found, frame.time) for frame in frames]


def agree(frames: list[Frame]) -> None:
    """People stay who they are, so whoever is tracked one way should be the same person tracked another way."""
    options = TrackOptions()
    forwards = follow(frames, options)
    turned = [replace(frame, time=frames[-1].time - frame.time) for frame in reversed(frames)]
    ways = {"backwards": (forwards, follow(turned, options)[::-1])}
    for step, name in ((2, "second"), (5, "fifth")):
        ways[f"every {name} frame"] = (forwards[::step], follow(frames[::step], options))
    for name, (truth, tracked) in ways.items():
        clip = [Frame(t.time, shown.poses, t) for t, shown in zip(truth, tracked, strict=True)]
        print(compare(clip, tracked).row(f"{name} against forwards, all frames"), flush=True)


def compare(clip: Sequence[Frame], tracked: Sequence[TrackedPoses]) -> Counts:
    """Count what became of everybody in one clip."""
    counts = Counts()
    last: dict[int, int] = {}  # a person's latest id
    lost: set[int] = set()
    together: dict[tuple[int, int], int] = {}
    for frame, shown in zip(clip, tracked, strict=True):
        counts.expected += len(frame.truth)
        counts.shown += len(shown)
        counts.found += len(pairs(frame.truth.poses, frame.found[frame.found.scores >= TrackOptions().keep_score]))
        usual = {
            (i, k) for i, p in enumerate(frame.truth.ids) for k, s in enumerate(shown.ids) if last.get(int(p)) == s
        }
        owners = dict(pairs(frame.truth.poses, shown.poses, usual))
        for i, person in enumerate(frame.truth.ids.tolist()):
            if i not in owners:
                if person in last:
                    lost.add(person)
                continue
            identifier = int(shown.ids[owners[i]])
            counts.tracked += 1
            counts.switches += last.get(person, identifier) != identifier
            counts.fragments += person in lost
            lost.discard(person)
            last[person] = identifier
            together[person, identifier] = together.get((person, identifier), 0) + 1
    people, ids = sorted({p for p, _ in together}), sorted({i for _, i in together})
    table = np.array([[together.get((p, i), 0) for i in ids] for p in people]).reshape(len(people), len(ids))
    counts.same = int(table[linear_sum_assignment(table, maximize=True)].sum())
    return counts


def pairs(truth: Poses, found: Poses, usual: Collection[tuple[int, int]] = ()) -> list[tuple[int, int]]:
    """Who was found as which pose: OKS of at least `SAME`, one to one; usual pairs first, as CLEAR MOT has it."""
    if not len(truth) or not len(found):
        return []
    sizes = person_sizes(truth)
    known = found.keypoints.copy()
    known[..., 2] = 1  # right or wrong, however sure
    alike = pose_similarities(truth.keypoints, sizes, known, np.broadcast_to(0, len(found)), COCO.sigmas)
    gains = np.where(alike >= SAME, alike, 0)
    for row, column in usual:
        gains[row, column] *= 10
    rows, columns = linear_sum_assignment(gains, maximize=True)
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if alike[r, c] >= SAME]


if __name__ == "__main__":
    main(tyro.cli(Arguments))
