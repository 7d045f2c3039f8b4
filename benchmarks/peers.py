"""Compare accuracy and latency with other projects' models: on annotated photos, and on crowds of 1 to 60 people.

python benchmarks/peers.py accuracy DATA/coco-val/annotations.json DATA/coco-val/images --yolo YOLO.xml \
    --detector PICODET.xml --keypoints TINYPOSE.xml --json peers.json
python benchmarks/peers.py crowds DATA/coco-tune/annotations.json DATA/coco-tune/images … --json crowds.json
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import tyro
from cutouts import MOST, crowd, cut_people
from one_line import errors_in_one_line
from peer_models import Answer, System, TopDown, YoloPose
from result_tables import show_results

from strongpose import Poses, StrongPose
from strongpose.annotations import load_annotations
from strongpose.evaluation import MAX_DETECTIONS, evaluate_results
from strongpose.images import open_image
from strongpose.oks import AREA_SHARE, similarity_to
from strongpose.runtime import RuntimeChoice
from strongpose.skeleton import COCO

GROUPS = {"1 person": (1, 1), "2 to 4": (2, 4), "5 or more": (5, 10**9)}
"""Photos by the number of people annotated in them."""

ALIKE = 0.5  # Object Keypoint Similarity from which a person of a crowd counts as found
END_TO_END, NETWORK, FOUND = "end-to-end, ms", "network, ms", "people found"


@dataclass(frozen=True)
class Chosen:
    """The systems to run, and the photos. The files of peers are the user's own; see docs/reports/peers.md."""

    annotations: tyro.conf.Positional[Path]
    """COCO keypoint annotations (JSON)."""
    images: tyro.conf.Positional[Path]
    """The folder of the photos."""
    models: tuple[str, ...] = ("base",)
    """Ours: released models' names, or paths of .onnx files, or of the .xml files of int8 models (OpenVINO only)."""
    runtimes: tuple[RuntimeChoice, ...] = ("openvino",)
    """What ours run on."""
    sizes: tuple[int, ...] = (0,)
    """Long sides in pixels at which ours run, one at a time; 0 is for their default sizes."""
    yolo: Path | None = None
    """A YOLOv8-pose model, 640 pixels, .xml or .onnx."""
    detector: Path | None = None
    """Of the top-down pair: PicoDet, 320 pixels, .xml or .onnx."""
    keypoints: Path | None = None
    """Of the top-down pair: PP-TinyPose, 256 × 192 pixels, .xml or .onnx."""
    threads: int = 2
    """CPU threads of every network and of everything else."""
    repeats: int = 1
    """Timed runs of each photo, after one that is not."""
    json: Path | None = None
    """Also write the table to this results file."""

    def systems(self, *pairs: dict[str, Any]) -> list[System]:
        """Ours, as the attributes say, and the named peers; the pair with each of ``pairs``."""
        if (self.detector is None) != (self.keypoints is None):
            raise SystemExit("the top-down pair needs both --detector and --keypoints")
        cv2.setNumThreads(self.threads)
        found: list[System] = [
            Ours(model, size, self.threads, runtime)
            for model, runtime, size in product(self.models, self.runtimes, self.sizes)
            if Path(model).suffix != ".xml" or runtime == "openvino"
        ]
        if self.yolo is not None:
            found.append(YoloPose(self.yolo, self.threads))
        if self.detector is not None and self.keypoints is not None:
            found += [TopDown(self.detector, self.keypoints, self.threads, **options) for options in pairs]
        return found


Chosen_ = Annotated[Chosen, tyro.conf.arg(name="")]
"""`Chosen` among a script's arguments, without a prefix."""


class Ours:
    """This project's estimator, with one size or its default sizes."""

    def __init__(self, model: str, size: int, threads: int, runtime: RuntimeChoice) -> None:
        self._estimator = StrongPose.from_pretrained(
            model, size=size or None, threshold=0, threads=threads, runtime=runtime
        )
        sizes = " + ".join(map(str, self._estimator.sizes))
        self.name = f"{Path(model).stem}, {sizes} px, {self._estimator.runtime.name}"

    def __call__(self, photo: Path) -> Answer:
        """The poses of a photo."""
        inputs = self._estimator.inputs(open_image(photo))
        start = time.perf_counter()
        views = self._estimator.views(inputs)
        network = time.perf_counter() - start
        return Answer(self._estimator.poses(views), network)


@dataclass
class Runs:
    """What a system found in each photo, and in milliseconds the time from file to poses and that of its networks.

    Attributes:
        poses: one of each photo.
        total: (photos, repeats) once the runs are through.
        network: likewise.
    """

    poses: list[Poses] = field(default_factory=list)
    total: list[list[float]] = field(default_factory=list)
    network: list[list[float]] = field(default_factory=list)


def accuracy(chosen: Chosen_) -> None:
    """Print COCO's figures and the time a photo of this project's models and of peers."""
    data = load_annotations(chosen.annotations, COCO)
    # the top-down pair as fast, and as good, as it gets
    systems = chosen.systems({}, {"flip": True, "least": 0.05})
    runs = side_by_side(systems, [chosen.images / image["file_name"] for image in data["images"]], chosen.repeats)
    people = Counter(a["image_id"] for a in data["annotations"] if a.get("num_keypoints") and not a.get("iscrowd"))
    rows = []
    for system, run in zip(systems, runs, strict=True):
        results = coco_results(run, data)
        f = evaluate_results(results, data, COCO.sigmas)
        groups = [
            average_precision(results, data, {i["id"] for i in data["images"] if least <= people[i["id"]] <= most})
            for least, most in GROUPS.values()
        ]
        times = [ms for photo in run.total for ms in photo]
        network = statistics.median(ms for photo in run.network for ms in photo)
        figures = [f.ap, f.ap50, f.ap75, f.ap_medium, f.ap_large, f.ar, *groups]
        rows.append([system.name, *figures, *(round(ms, 1) for ms in (*np.percentile(times, (50, 95)), network))])
    names = ["AP", "AP50", "AP75", "AP medium", "AP large", "AR", *(f"AP, {name}" for name in GROUPS)]
    show_results(["system", *names, END_TO_END, "95th percentile, ms", NETWORK], rows, chosen.json)


def crowds(
    chosen: Chosen_, people: tuple[int, ...] = (1, 2, 5, 10, 20, 30, 40, 60), pictures: int = 8, seed: int = 0
) -> None:
    """Print the time a picture, and how many are found, of 1 to 60 people who were cut from the photos.

    Args:
        chosen: The systems, and the photos that people are cut from.
        people: Numbers of people in a picture, at most 60.
        pictures: Different pictures of each number.
        seed: Of the random choice of people and places.
    """
    if max(people) > MOST:
        raise SystemExit(f"a picture has places for {MOST} people, got --people {max(people)}")
    cuts, rng = cut_people(chosen.annotations, chosen.images), np.random.default_rng(seed)
    systems = chosen.systems({"most": 100})  # the pair in its fastest form
    photos, truth = [], []
    with tempfile.TemporaryDirectory() as folder:
        for i, size in enumerate(np.repeat(people, pictures)):
            pixels, keypoints = crowd(cuts, size, rng)
            photos.append(Path(folder) / f"{i}.jpg")
            cv2.imwrite(str(photos[-1]), pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
            truth.append(keypoints)
        runs = side_by_side(systems, photos, chosen.repeats)
    rows = []
    for system, run in zip(systems, runs, strict=True):
        found = [count(poses, keypoints) for poses, keypoints in zip(run.poses, truth, strict=True)]
        total, network, found = (np.reshape(cells, (len(people), -1)) for cells in (run.total, run.network, found))
        rows.append([system.name, END_TO_END, *np.median(total, axis=1).round(1)])
        rows.append([system.name, NETWORK, *np.median(network, axis=1).round(1)])
        rows.append([system.name, FOUND, *found.mean(axis=1).round(1)])
    show_results(["system", "measure", *map(str, people)], rows, chosen.json)


def side_by_side(systems: Sequence[System], photos: Sequence[Path], repeats: int) -> list[Runs]:
    """Run every photo through all systems, then the next; first once untimed, then ``repeats`` times.

    The untimed runs let networks prepare for the sizes of the photos. The system that begins changes with every photo,
    so that other load on the machine hits all alike.
    """
    runs = [Runs() for _ in systems]
    for i, photo in enumerate(photos):
        for s in order(len(systems), i):
            runs[s].poses.append(systems[s](photo).poses)
            runs[s].total.append([])
            runs[s].network.append([])
    for repeat in range(repeats):
        for i, photo in enumerate(photos):
            for s in order(len(systems), i + repeat):
                start = time.perf_counter()
                answer = systems[s](photo)
                runs[s].total[i].append(1e3 * (time.perf_counter() - start))
                runs[s].network[i].append(1e3 * answer.network)
    return runs


def order(systems: int, turn: int) -> list[int]:
    """Indices of the systems, another one first at every turn."""
    return [(turn + i) % systems for i in range(systems)]


def coco_results(run: Runs, data: dict[str, Any]) -> list[dict[str, Any]]:
    """COCO's results, at most 20 people a photo."""
    category = data["categories"][0]["id"]
    return [
        result
        for image, poses in zip(data["images"], run.poses, strict=True)
        for result in poses[:MAX_DETECTIONS].to_coco(image["id"], category)
    ]


def average_precision(results: list[dict[str, Any]], data: dict[str, Any], ids: set[Any]) -> float | str:
    """AP on the photos of these ids; a dash without any."""
    part = {**data, "images": [image for image in data["images"] if image["id"] in ids]}
    part["annotations"] = [a for a in data["annotations"] if a["image_id"] in ids]
    return evaluate_results([r for r in results if r["image_id"] in ids], part, COCO.sigmas).ap if ids else "–"


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
    area = AREA_SHARE * float(np.prod(np.ptp(person[known, :2], axis=0)))
    return float(similarity_to(found[:, :2], area, person[None, :, :2], known[None], sigmas)[0])


if __name__ == "__main__":
    with errors_in_one_line():
        tyro.extras.subcommand_cli_from_dict({"accuracy": accuracy, "crowds": crowds})
