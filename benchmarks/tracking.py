"""Measure the tracker: identity switches where identities are known, and agreement with itself where they are not."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro
from crossings import (
    CLOTHES,
    CROWD_RATE,
    PAIR_RATE,
    PAIRS,
    SECONDS,
    Picture,
    crowd_clip,
    cut_people,
    pair_clip,
)
from scipy.optimize import linear_sum_assignment

from strongpose import COCO, Poses, StrongPose
from strongpose.video import Appearances, open_video
from strongpose.video.camera_motion import CameraMotion, shifted
from strongpose.video.similarity import person_sizes, pose_similarities
from strongpose.video.track_options import TrackOptions
from strongpose.video.tracked_poses import TrackedPoses
from strongpose.video.tracking import Observation, Tracker

SAME = 0.5  # OKS from which a pose is an annotated person's

HEAD = "| tracker | people × frames | found | tracked | IDF1 | switches | fragments |\n|---|---|---|---|---|---|---|"
VARIANTS = {
    "default": TrackOptions(),
    "no low scores": TrackOptions(low_score=0.25),
    "id at first sight": TrackOptions(min_hits=1, window=1),
    "no gaps bridged": TrackOptions(max_age=0.0),
    "gaps of 1 s": TrackOptions(max_age=1.0),
    "least OKS 0.2": TrackOptions(min_oks=0.2),
    "duplicates not left out": TrackOptions(duplicate_oks=1.0),
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
    size: int | None = None
    """Long side in pixels at which the network sees the frames; left out, what the model recommends."""
    clips: int = 8
    """The number of clips of each kind."""
    threads: int = 0
    """CPU threads of the network; 0 takes all cores."""


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
    model = StrongPose.from_pretrained(arguments.model, size=arguments.size, threshold=0, threads=arguments.threads)
    if arguments.annotations is not None and arguments.images is not None:
        people, seeds = list(cut_people(arguments.annotations, arguments.images)), range(arguments.clips)
        print(f"\n{len(people)} people cut out; {arguments.clips} clips of {SECONDS} s of four people\n\n{HEAD}")
        crowds = [find(model, crowd_clip(people, seed)) for seed in seeds]
        ways = [(name, options, 1) for name, options in VARIANTS.items()]
        for name, options, step in [*ways, ("default", TrackOptions(), 2), ("default", TrackOptions(), 5)]:
            total = sum_up(compare(clip[::step], follow(clip[::step], options)) for clip in crowds)
            print(total.row(f"{name}, {CROWD_RATE / step:g} frames a second"), flush=True)
        total = sum_up(compare(clip, follow(clip, TrackOptions(), colours=False)) for clip in crowds)
        print(total.row(f"by poses alone, {CROWD_RATE} frames a second"), flush=True)
        print(f"\n{arguments.clips} clips each of two people, {PAIR_RATE:g} frames a second\n\n{HEAD}")
        for way, clothes in itertools.product(PAIRS, CLOTHES):
            clips = [find(model, pair_clip(people, seed, way, clothes)) for seed in seeds]
            for colours, by in ((False, "poses alone"), (True, "poses and colours")):
                total = sum_up(compare(clip, follow(clip, TrackOptions(), colours)) for clip in clips)
                print(total.row(f"{way}, {clothes} clothes, by {by}"), flush=True)
    if arguments.video is not None:
        found = list(find_in_video(model, arguments.video))
        for what in ("freed of the camera's motion", "as it is"):
            print(f"\n{arguments.video.name} {what}, one way of tracking the same poses against another\n\n{HEAD}")
            for colours in (False, True):
                agree([still if what.startswith("freed") else plain for plain, still in found], colours)


def confident(poses: Poses) -> Poses:
    """Those that the tracker looks at, whose boxes tell where people are occluded."""
    return poses[poses.scores >= TrackOptions().low_score]


def find(model: StrongPose, clip: Iterable[Picture]) -> list[Frame]:
    frames = []
    for time, picture, truth in clip:
        found = confident(model(picture))
        frames.append(Frame(time, found, Appearances.of(picture, found), truth))
    return frames


def sum_up(counts: Iterable[Counts]) -> Counts:
    return Counts(*np.sum([list(vars(count).values()) for count in counts], axis=0).tolist())


def find_in_video(model: StrongPose, path: Path) -> Iterator[tuple[Frame, Frame]]:
    """Every frame with the poses as they are, and as if the camera stood still; nobody knows the truth."""
    camera, nobody = CameraMotion(), TrackedPoses(0.0, Poses.empty(), np.zeros(0))
    with open_video(str(path)) as video:
        for frame in video:
            poses = confident(model(frame.image))
            moved = camera.update(frame.image, poses[poses.scores >= TrackOptions().low_score].boxes)
            plain = Frame(frame.time, poses, Appearances.of(frame.image, poses), nobody)
            yield plain, replace(plain, found=shifted(poses, -moved))


def follow(frames: Sequence[Frame], options: TrackOptions, colours: bool = True) -> list[TrackedPoses]:
    """As `VideoEstimator.track` does, new people from their first frame on; without ``colours``, by poses alone."""
    tracker = Tracker(options)
    seen: deque[Observation] = deque()
    tracked = []
    for frame in frames:
        seen.append(tracker.observe(frame.found, frame.time, frame.looks if colours else None))
        if len(seen) == options.window:
            tracked.append(seen.popleft().confirmed())
    return tracked + [observation.confirmed() for observation in seen]


def agree(frames: list[Frame], colours: bool) -> None:
    """People stay who they are, so whoever is tracked one way should be the same person tracked another way."""
    options, by = TrackOptions(), "poses and colours" if colours else "poses alone"
    forwards = follow(frames, options, colours)
    turned = [replace(frame, time=frames[-1].time - frame.time) for frame in reversed(frames)]
    ways = {"backwards": (forwards, follow(turned, options, colours)[::-1])}
    for step, name in ((2, "second"), (5, "fifth")):
        ways[f"every {name} frame"] = (forwards[::step], follow(frames[::step], options, colours))
    for name, (truth, tracked) in ways.items():
        clip = [Frame(t.time, t.poses, Appearances.unknown(len(t)), t) for t in truth]
        print(compare(clip, tracked).row(f"{name} against forwards, by {by}"), flush=True)


def compare(clip: Sequence[Frame], tracked: Sequence[TrackedPoses]) -> Counts:
    """Count what became of everybody in one clip."""
    counts = Counts()
    last: dict[int, int] = {}  # a person's latest id
    lost: set[int] = set()
    together: dict[tuple[int, int], int] = {}
    for frame, shown in zip(clip, tracked, strict=True):
        counts.expected += len(frame.truth)
        counts.shown += len(shown)
        counts.found += len(pairs(frame.truth.poses, frame.found[frame.found.scores >= TrackOptions().low_score]))
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
