"""Measure the tracker: identity switches where identities are known, and agreement with itself where they are not.

python benchmarks/tracking.py DATA/coco-val/annotations.json --images DATA/coco-val/images --size 385 --clips 6
python benchmarks/tracking.py --video DATA/video/pedestrians.avi
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from cutouts import CLOTHES, CROWD_RATE, PAIRS, Picture, crowd_clip, cut_people, pair_clip
from one_line import errors_in_one_line
from result_tables import show_results
from scipy.optimize import linear_sum_assignment

from strongpose import COCO, Poses, StrongPose
from strongpose.video import Appearances, open_video
from strongpose.video.camera_motion import CameraMotion, shifted
from strongpose.video.similarity import person_sizes, pose_similarities
from strongpose.video.track_options import TrackOptions
from strongpose.video.tracked_poses import TrackedPoses
from strongpose.video.tracking import Observation, Tracker

SAME = 0.5  # OKS from which a pose is an annotated person's
OPTIONS = TrackOptions()
COLUMNS = ["clips", "by", "people × frames", "found", "tracked", "IDF1", "switches", "fragments"]
BY = {"poses alone": False, "poses and colours": True}
STEPS = {"backwards": 1, "every second frame": 2, "every fifth frame": 5}


@dataclass(frozen=True)
class Arguments:
    """Print identity switches and more, on clips of cut-out people who cross or on a real video against itself."""

    annotations: tyro.conf.Positional[Path | None] = None
    """COCO keypoint annotations (JSON): whole people are cut out and walk across each other."""
    images: Path | None = None
    """The folder of their photos."""
    video: Path | None = None
    """Instead, a real video without known identities: tracked forwards, backwards, and at lower frame rates."""
    model: str = "base"
    """A released model's name, or the path of a model file."""
    size: int | None = None
    """Long side in pixels at which the network sees the frames; left out, the model's and half of it."""
    clips: int = 8
    """The number of clips of each kind."""
    threads: int = 0
    """CPU threads of the network; 0 takes all cores."""
    json: Path | None = None
    """Also write the table to this results file."""


@dataclass(frozen=True)
class Frame:
    """What was found at one time, and who is really there."""

    time: float
    found: Poses
    looks: Appearances
    truth: TrackedPoses


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

    def row(self) -> list[float]:
        """The table's figures."""
        idf1 = 2 * self.same / (self.expected + self.shown)
        shares = [self.found / self.expected, self.tracked / self.expected, idf1]
        return [self.expected, *shares, self.switches, self.fragments]


def main(a: Arguments) -> None:
    model = StrongPose.from_pretrained(a.model, size=a.size, threshold=0, threads=a.threads)
    if a.annotations is not None and a.images is not None:
        rows = on_cutouts(model, a.annotations, a.images, range(a.clips))
    elif a.video is not None:
        rows = on_video(model, a.video)
    else:
        raise SystemExit("name annotations and --images, or --video")
    show_results(COLUMNS, rows, a.json)


def on_cutouts(model: StrongPose, annotations: Path, images: Path, seeds: Sequence[int]) -> list[list[Any]]:
    """Two people who meet, and four who cross each other."""
    people, rows = cut_people(annotations, images), []
    for way, clothes in product(PAIRS, CLOTHES):
        clips = [find(model, pair_clip(people, seed, way, clothes)) for seed in seeds]
        for by, colours in BY.items():
            total = sum_up(compare(clip, follow(clip, colours)) for clip in clips)
            rows.append([f"two {way}, {clothes} clothes", by, *total.row()])
    clips = [find(model, crowd_clip(people, seed)) for seed in seeds]
    for step, (by, colours) in product((1, 2, 5), BY.items()):
        total = sum_up(compare(clip[::step], follow(clip[::step], colours)) for clip in clips)
        rows.append([f"four cross, {CROWD_RATE / step:g} frames a second", by, *total.row()])
    return rows


def on_video(model: StrongPose, path: Path) -> list[list[Any]]:
    """People stay who they are, so whoever is tracked one way should be the same person tracked another way."""
    frames, rows = list(find_in_video(model, path)), []
    for (by, colours), (way, step) in product(BY.items(), STEPS.items()):
        forwards = follow(frames, colours)[::step]
        if way == "backwards":
            turned = [replace(frame, time=frames[-1].time - frame.time) for frame in reversed(frames)]
            tracked = follow(turned, colours)[::-1]
        else:
            tracked = follow(frames[::step], colours)
        clip = [Frame(t.time, t.poses, Appearances.unknown(len(t)), t) for t in forwards]
        rows.append([f"{way} against forwards", by, *compare(clip, tracked).row()])
    return rows


def confident(poses: Poses) -> Poses:
    """Those that the tracker looks at, whose boxes tell where people are occluded."""
    return poses[poses.scores >= OPTIONS.low_score]


def find(model: StrongPose, clip: Iterable[Picture]) -> list[Frame]:
    frames = []
    for time, picture, truth in clip:
        found = confident(model(picture))
        frames.append(Frame(time, found, Appearances.of(picture, found), truth))
    return frames


def find_in_video(model: StrongPose, path: Path) -> Iterator[Frame]:
    """Every frame with the poses as if the camera stood still; nobody knows the truth."""
    camera, nobody = CameraMotion(), TrackedPoses(0.0, Poses.empty(), np.zeros(0))
    with open_video(str(path)) as video:
        for frame in video:
            poses = confident(model(frame.image))
            still = shifted(poses, -camera.update(frame.image, poses.boxes))
            yield Frame(frame.time, still, Appearances.of(frame.image, poses), nobody)


def sum_up(counts: Iterable[Counts]) -> Counts:
    return Counts(*np.sum([list(vars(count).values()) for count in counts], axis=0).tolist())


def follow(frames: Sequence[Frame], colours: bool) -> list[TrackedPoses]:
    """As `VideoEstimator.track` does, new people from their first frame on; without ``colours``, by poses alone."""
    tracker = Tracker(OPTIONS)
    seen: deque[Observation] = deque()
    tracked = []
    for frame in frames:
        seen.append(tracker.observe(frame.found, frame.time, frame.looks if colours else None))
        if len(seen) == OPTIONS.window:
            tracked.append(seen.popleft().confirmed())
    return tracked + [observation.confirmed() for observation in seen]


def compare(clip: Sequence[Frame], tracked: Sequence[TrackedPoses]) -> Counts:
    """Count what became of everybody in one clip."""
    counts = Counts()
    last: dict[int, int] = {}  # a person's latest id
    lost: set[int] = set()
    together: dict[tuple[int, int], int] = {}
    for frame, shown in zip(clip, tracked, strict=True):
        counts.expected += len(frame.truth)
        counts.shown += len(shown)
        counts.found += len(pairs(frame.truth.poses, frame.found))
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
    known = found.keypoints.copy()
    known[..., 2] = 1  # right or wrong, however sure
    nobody = np.broadcast_to(0, len(found))
    alike = pose_similarities(truth.keypoints, person_sizes(truth), known, nobody, COCO.sigmas)
    gains = np.where(alike >= SAME, alike, 0)
    for row, column in usual:
        gains[row, column] *= 10
    rows, columns = linear_sum_assignment(gains, maximize=True)
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if alike[r, c] >= SAME]


if __name__ == "__main__":
    with errors_in_one_line():
        main(tyro.cli(Arguments))
