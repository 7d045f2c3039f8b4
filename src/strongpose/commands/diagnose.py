"""``strongpose diagnose``: error analysis on annotated photos, with pictures of the worst cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from strongpose._util.atomic_write import write_atomically
from strongpose._util.terminal import Progress, complain, say
from strongpose.commands.estimator_options import EstimatorOptions, Threshold
from strongpose.commands.help_texts import BESIDE
from strongpose.commands.inputs import not_annotations
from strongpose.commands.outputs import unwritable_folder

if TYPE_CHECKING:
    from strongpose.skeleton import Skeleton

__all__ = ["diagnose"]


def diagnose(
    annotations: Annotated[Positional[Path], arg(metavar="ANNOTATIONS.json")],
    /,
    out: Annotated[Path, arg(metavar="FOLDER")],
    images: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint=BESIDE)] = None,
    results: Annotated[Path | None, arg(metavar="RESULTS.json", help_behavior_hint="")] = None,
    threshold: Threshold = None,
    network: EstimatorOptions = EstimatorOptions(),
) -> int:
    """Error analysis: classify the errors on annotated photos.

    Prints how often each error type occurs and the AP lost to it, and writes report.json and a contact sheet of the
    worst cases of each type.

    Examples:
        strongpose diagnose ANNOTATIONS.json --images FOLDER --out RESULTS

    Args:
        annotations: Annotation file in COCO keypoint format, such as person_keypoints_val2017.json.
        images: Folder of its photos.
        out: Folder for report.json and the contact sheets.
        results: Analyse these detections, in COCO's result format as evaluate --results writes it, instead of running
            the model, which then only gives the skeleton.
        threshold: Score from which detections count as shown.
        network: Model and inference options.
    """
    from strongpose.annotations import load_annotations, photo_folder, photo_paths
    from strongpose.evaluation import evaluate
    from strongpose.evaluation.diagnosis import format_report
    from strongpose.evaluation.result_files import read_results

    if wrong := unwritable_folder("--out", out) or not_annotations(annotations):
        return complain(wrong)
    try:
        estimator = network.open(threshold)
        skeleton = estimator.info.skeleton
        data = load_annotations(annotations, skeleton, say)
        folder = photo_folder(annotations, images)
        paths = photo_paths(data, folder, annotations, say)
        if results is None:
            with Progress("photos") as progress:
                found = evaluate(estimator, data, folder, progress).results
            origin = f"model {network.model}"
        else:
            found, origin = read_results(results, data, skeleton), f"results {results}"
        out.mkdir(parents=True, exist_ok=True)
        report = _report(data, found, paths, out, skeleton, estimator.threshold)
        about = {"annotations": str(annotations), "detections": origin}
        write_atomically(out / "report.json", json.dumps({**about, **report}, indent=1) + "\n")
    except ValueError as error:  # the model, the annotations, the results or a photo
        return complain(error)
    except OSError as error:
        return complain(f"--out {out}: cannot be written ({error.strerror})")
    print(format_report(report))
    print(f"\n{origin}; report.json and the sheets are in {out}")
    return 0


def _report(
    data: dict[str, Any],
    results: list[dict[str, Any]],
    paths: dict[Any, Path],
    out: Path,
    skeleton: Skeleton,
    threshold: float,
) -> dict[str, Any]:
    """Write the contact sheets; returns the report."""
    from strongpose.evaluation.diagnosis import classify_data_set, describe_people, make_report
    from strongpose.evaluation.diagnosis.sheets import draw_sheets
    from strongpose.images import open_image
    from strongpose.images.jpeg import encode_jpeg

    photos = classify_data_set(data, results, skeleton)
    people = [person for photo in photos for person in describe_people(photo, open_image(paths[photo.image_id]))]
    report = make_report(photos, people, data, skeleton, threshold)
    for name, sheet in draw_sheets(photos, lambda image_id: open_image(paths[image_id]), skeleton, threshold):
        write_atomically(out / f"{name}.jpg", encode_jpeg(sheet))
    return report
