"""What goes wrong with released models, side by side: the kinds of errors and the groups of `strongpose diagnose`.

python benchmarks/errors.py DATA/coco-val/annotations.json DATA/coco-val-2/annotations.json
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from one_line import errors_in_one_line
from result_tables import show_results

from strongpose import StrongPose
from strongpose._util.terminal import Progress
from strongpose.annotations import load_sets, photo_folder
from strongpose.evaluation.diagnosis import classify_data_set, describe_people, make_report
from strongpose.evaluation.results_log import find_poses
from strongpose.images import open_image
from strongpose.runtime import RuntimeChoice, resolve_model

COUNTED = {  # kinds of errors: what is counted, and the whole that it is a share of
    "missed people": ("missed", "people"),
    "false positives": ("false", "shown"),
    "duplicates": ("duplicate", "shown"),
    "merged people": ("merged", "people"),
    "scores": ("low score", "people"),
    "jitter": ("jitter", "keypoints"),
    "inversions": ("inversion", "keypoints"),
    "swaps": ("swap", "keypoints"),
    "misses": ("miss", "keypoints"),
}


@dataclass(frozen=True)
class Arguments:
    """Print two tables: the kinds of errors with what each costs, and the groups of people."""

    annotations: tyro.conf.Positional[tuple[Path, ...]]
    """Annotation files in COCO keypoint format, measured together; photos lie beside them, in images/."""
    models: tuple[str, ...] = ("base", "accurate", "fast")
    """Names or files; each at its default sizes, on ONNX Runtime, .xml files on OpenVINO."""
    threads: int = 0
    """CPU threads of the network; 0 takes all cores."""
    json: Path | None = None
    """Results file of the kinds of errors."""
    json_groups: Path | None = None
    """Results file of the groups of people."""


def main(arguments: Arguments) -> None:
    reports = {name: report_of(name, arguments) for name in arguments.models}
    kinds = ["none", *(cost["kind"] for cost in next(iter(reports.values()))["costs"])]
    columns = [f"{name}, {what}" for name in reports for what in ("share", "AP if corrected")]
    rows = [[kind, *(cell for report in reports.values() for cell in kind_cells(report, kind))] for kind in kinds]
    show_results(["error", *columns], rows, arguments.json)
    print()
    columns = [f"{name}, {what}" for name in reports for what in ("AP", "found", "share of loss")]
    groups = [(group["kind"], group["name"]) for group in next(iter(reports.values()))["groups"]]
    show_results(
        ["people", "number", *columns],
        [group_row(number, name, list(reports.values())) for number, (_, name) in enumerate(groups)],
        arguments.json_groups,
    )


def report_of(name: str, arguments: Arguments) -> dict[str, Any]:
    """The report of `strongpose diagnose` on all files together."""
    runtime: RuntimeChoice = "openvino" if resolve_model(name).suffix == ".xml" else "onnx"
    estimator = StrongPose.from_pretrained(name, runtime=runtime, threads=arguments.threads)
    skeleton = estimator.info.skeleton
    folders = [photo_folder(path, None) for path in arguments.annotations]
    data, paths = load_sets(arguments.annotations, folders, skeleton)
    with Progress(name) as progress:
        results, _ = find_poses(estimator.with_threshold(0), paths, data["categories"][0]["id"], progress)
    photos = classify_data_set(data, results, skeleton)
    people = [person for photo in photos for person in describe_people(photo, open_image(paths[photo.image_id]))]
    return make_report(photos, people, data, skeleton, estimator.threshold)


def kind_cells(report: dict[str, Any], kind: str) -> list[str | float]:
    """How often a kind of error occurs, and the AP without it."""
    if kind == "none":
        return ["", report["metrics"]["ap"]]
    [ap] = [cost["ap"] for cost in report["costs"] if cost["kind"] == kind]
    if kind not in COUNTED:
        return ["", ap]
    what, whole = COUNTED[kind]
    return [f"{100 * report['counts'][what] / report['counts'][whole]:.0f} % of {whole}", ap]


def group_row(number: int, name: str, reports: list[dict[str, Any]]) -> list[str | float]:
    """A group of people: how many they are, and of each model AP, the share found, and its share of the loss."""
    groups = [report["groups"][number] for report in reports]
    cells = [(group["ap"], f"{100 * group['found']:.0f} %", f"{100 * group['lost']:.0f} %") for group in groups]
    return [name, groups[0]["people"], *(cell for of_model in cells for cell in of_model)]


if __name__ == "__main__":
    with errors_in_one_line():
        main(tyro.cli(Arguments))
