"""Compare accuracy and latency with other projects' models, on the same photos and with equal threads.

python benchmarks/peers.py DATA/coco-val/annotations.json DATA/coco-val/images --yolo YOLO.xml \
    --detector PICODET.xml --keypoints TINYPOSE.xml
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tyro
from peer_models import TopDown, YoloPose
from peer_runs import Chosen, Chosen_, Runs, System, side_by_side, times

from strongpose.annotations import load_annotations
from strongpose.benchmarking import this_machine
from strongpose.evaluation import MAX_DETECTIONS, evaluate_results
from strongpose.skeleton import COCO

GROUPS = {"1 person": (1, 1), "2 to 4": (2, 4), "5 or more": (5, 10**9)}
"""Photos by the number of people annotated in them."""


@dataclass(frozen=True)
class Arguments:
    """Print COCO's figures and the time a photo of this project's models and of peers, in one table."""

    annotations: tyro.conf.Positional[Path]
    """COCO keypoint annotations (JSON)."""
    images: tyro.conf.Positional[Path]
    """The folder of the photos."""
    systems: Chosen_ = field(default_factory=Chosen)
    repeats: int = 1
    """Timed runs of each photo, after one that is not."""
    csv: Path | None = None
    """Also write the first table's figures to this file, for tradeoff_chart.py."""


def main(arguments: Arguments) -> None:
    chosen, machine = arguments.systems, this_machine()
    data = load_annotations(arguments.annotations, COCO)
    systems = [*chosen.ours(), *peers(chosen)]
    photos = [arguments.images / image["file_name"] for image in data["images"]]
    runs = side_by_side(systems, photos, arguments.repeats)
    print(f"{machine.cpu}, {chosen.threads} threads, {machine.version}, {len(photos)} photos\n")
    print("| system | AP | AP50 | AP75 | AP medium | AP large | AR | ms a photo | 95th percentile | network, ms |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    rows = []
    for system, run in zip(systems, runs, strict=True):
        f = evaluate_results(results(run, data), data, COCO.sigmas)
        figures = " | ".join(f"{v:.3f}" for v in (f.ap, f.ap50, f.ap75, f.ap_medium, f.ap_large, f.ar))
        t = times(run.total, run.network)
        print(f"| {system.name} | {figures} | {t.median:.0f} | {t.p95:.0f} | {t.network:.0f} |")
        rows.append([system.name, f"{f.ap:.4f}", *(f"{ms:.2f}" for ms in t)])
    if arguments.csv is not None:
        with arguments.csv.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["system", "ap", "median_ms", "p95_ms", "network_ms"], *rows])
    by_people(systems, runs, data)


def peers(chosen: Chosen) -> list[System]:
    """The peers whose files were named; the top-down pair as fast, and as good, as it gets."""
    found: list[System] = []
    chosen.check()
    if chosen.yolo is not None:
        found.append(YoloPose(chosen.yolo, chosen.threads))
    if chosen.detector is not None and chosen.keypoints is not None:
        pair = (chosen.detector, chosen.keypoints, chosen.threads)
        found += [TopDown(*pair), TopDown(*pair, flip=True, least=0.05)]
    return found


def results(runs: Runs, data: dict[str, Any]) -> list[dict[str, Any]]:
    """COCO's results, at most 20 people a photo."""
    category = data["categories"][0]["id"]
    return [
        result
        for image, poses in zip(data["images"], runs.poses, strict=True)
        for result in poses[:MAX_DETECTIONS].to_coco(image["id"], category)
    ]


def by_people(systems: Sequence[System], runs: Sequence[Runs], data: dict[str, Any]) -> None:
    """Print AP and time for photos of few and of many people."""
    people = Counter(a["image_id"] for a in data["annotations"] if a.get("num_keypoints") and not a.get("iscrowd"))
    groups = {
        name: [i for i, image in enumerate(data["images"]) if least <= people[image["id"]] <= most]
        for name, (least, most) in GROUPS.items()
    }
    groups = {name: members for name, members in groups.items() if members}
    heads = " | ".join(f"{name}: AP | ms" for name in groups)
    print(f"\nBy the people annotated in a photo ({', '.join(f'{n}: {len(m)} photos' for n, m in groups.items())}):\n")
    print(f"| system | {heads} |")
    print("|---|" + "---|---|" * len(groups))
    for system, run in zip(systems, runs, strict=True):
        cells = []
        for members in groups.values():
            ids = {data["images"][i]["id"] for i in members}
            part = {
                **data,
                "images": [data["images"][i] for i in members],
                "annotations": [a for a in data["annotations"] if a["image_id"] in ids],
            }
            of_group = [result for result in results(run, data) if result["image_id"] in ids]
            f = evaluate_results(of_group, part, COCO.sigmas)
            t = times([run.total[i] for i in members], [run.network[i] for i in members])
            cells.append(f"{f.ap:.3f} | {t.median:.0f}")
        print(f"| {system.name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main(tyro.cli(Arguments))
