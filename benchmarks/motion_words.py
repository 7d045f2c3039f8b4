"""How often the words of examples/motion.py are right, against words given by hand (examples/motion_labels.csv)."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from one_line import errors_in_one_line
from results_file import DATA, REPOSITORY, write_results

from strongpose import COCO, StrongPose, VideoEstimator
from strongpose.images import open_image
from strongpose.oks import similarity_to
from strongpose.video import open_video

sys.path.append(str(REPOSITORY / "examples"))
from motion import Recent, describe

WORDS = ("standing", "walking", "sitting", "lying")
ANSWERS = (*WORDS, "nothing", "not found")
COLUMNS = ["people who are", "number", *(f"called {word}" for word in WORDS), "nothing said", "not found", "right, %"]
CHOSEN_ON = ("coco-tune", "pedestrians.avi")  # and vtest.avi before HALF: thresholds were chosen on these
HALF = 40.0  # seconds
SAME = 0.4  # OKS from which a pose is the annotated person's
NEAR = 0.25  # of a person's height, by which the middle of the box may be off


@dataclass(frozen=True)
class Arguments:
    """Print what is said of people whose word is known, for the part that examples/README.md shows."""

    vtest: tyro.conf.Positional[Path]
    """vtest.avi of OpenCV's samples (Debian's package opencv-doc)."""
    data: Path = DATA
    """Folder of coco-tune, coco-val, coco-val-2 and video/pedestrians.avi."""
    model: str = "base"
    """A released model's name, or the path of a model file."""
    chosen: bool = False
    """Print the other part, on which thresholds were chosen."""
    json: Path | None = None
    """Also write the table there."""


def main(arguments: Arguments) -> None:
    labels = defaultdict(list)
    with open(REPOSITORY / "examples" / "motion_labels.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            place = float(row["second_or_annotation"])
            first = row["source"] in CHOSEN_ON or (row["source"] == "vtest.avi" and place < HALF)
            if first == arguments.chosen:
                labels[row["source"]].append((place, row))
    model = StrongPose.from_pretrained(arguments.model)
    said: Counter[tuple[str, str]] = Counter()
    for source, rows in labels.items():
        if source.endswith(".avi"):
            clip = arguments.vtest if source == "vtest.avi" else arguments.data / "video" / source
            kind, words = "in videos", _of_clip(model, clip, rows)
        else:
            kind, words = "on photos", _of_photos(model, arguments.data / source, rows)
        for (_, row), found in zip(rows, words, strict=True):
            answer = "not found" if found is None else next((word for word in found if word in WORDS), "nothing")
            if row["word"] != "unclear":
                said[f"{row['word']} {kind}", answer] += 1
            if row["hand_raised"] != "unclear":
                raised = "yes" if found and "hand raised" in found else "no"
                said["hand raised" if row["hand_raised"] == "yes" else "no hand raised", raised] += 1
    labels = sorted({label for label, _ in said}, key=lambda label: ("hand" in label, label))
    table = [_row(said, label) for label in labels]
    for row in (COLUMNS, ["---"] * len(COLUMNS), *table):
        print("| " + " | ".join(map(str, row)) + " |")
    if arguments.json:
        write_results(arguments.json, COLUMNS, table)


def _row(said: Counter[tuple[str, str]], label: str) -> list[str | int]:
    people = sum(count for (word, _), count in said.items() if word == label)
    if "hand" in label:
        answers = ["–"] * len(ANSWERS)
        right = said[label, "no" if label.startswith("no") else "yes"]
    else:
        answers = [said[label, answer] for answer in ANSWERS]
        right = said[label, label.split()[0]]
    return [label, people, *answers, "–" if label.startswith("other") else round(100 * right / people)]


def _of_clip(model: StrongPose, clip: Path, rows: list) -> list[tuple[str, ...] | None]:
    """What is said of each labelled person of a video; None who was not found."""
    words: list[tuple[str, ...] | None] = [None] * len(rows)
    estimator, recent = VideoEstimator(model), Recent()
    with open_video(str(clip)) as video:
        for frame, people in estimator.track(video):
            boxes = people.poses.boxes
            answers = [describe(times, keypoints) for _, times, keypoints in recent.update(people)]
            for n, (second, row) in enumerate(rows):
                if abs(frame.time - second) > 0.005 or not answers:
                    continue
                middle = (float(row["x"]), float(row["y"]))
                off = np.linalg.norm((boxes[:, :2] + boxes[:, 2:]) / 2 - middle, axis=1)
                nearest = int(off.argmin())
                if off[nearest] < NEAR * (boxes[nearest, 3] - boxes[nearest, 1]):
                    words[n] = answers[nearest]
    return words


def _of_photos(model: StrongPose, folder: Path, rows: list) -> list[tuple[str, ...] | None]:
    """What is said of each labelled person of photos; None who was not found."""
    content = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
    people = {annotation["id"]: annotation for annotation in content["annotations"]}
    names = {image["id"]: image["file_name"] for image in content["images"]}
    poses, words = {}, []
    for identifier, _ in rows:
        person = people[int(identifier)]
        photo = person["image_id"]
        if photo not in poses:
            poses[photo] = model(open_image(folder / "images" / names[photo])).keypoints
        truth = np.reshape(person["keypoints"], (17, 3))
        found = poses[photo]
        known = np.broadcast_to(truth[:, 2] > 0, found.shape[:2])
        alike = similarity_to(truth[:, :2], person["area"], found[..., :2], known, np.array(COCO.sigmas))
        best = int(alike.argmax()) if len(found) and alike.max() >= SAME else None
        words.append(None if best is None else describe(np.zeros(1), found[best : best + 1]))
    return words


if __name__ == "__main__":
    with errors_in_one_line():
        main(tyro.cli(Arguments))
