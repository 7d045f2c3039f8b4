"""``strongpose data check``: mistakes in annotations and photos, counted, listed and drawn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from strongpose._util.atomic_write import write_atomically
from strongpose._util.lines import counted
from strongpose._util.terminal import Progress, complain
from strongpose.commands.help_texts import BESIDE
from strongpose.commands.inputs import not_annotations
from strongpose.commands.outputs import unwritable_folder

if TYPE_CHECKING:
    from strongpose.data.check.findings import CheckedPhoto, Finding
    from strongpose.skeleton import Skeleton

__all__ = ["check"]

_SHOWN = 5  # findings of a kind that are printed


def check(
    annotations: Annotated[Positional[Path], arg(metavar="ANNOTATIONS.json")],
    /,
    images: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint=BESIDE)] = None,
    out: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None,
) -> int:
    """Look for mistakes in annotations and photos.

    Ends with status 1 if there are errors, 0 if there are only warnings. Errors are missing and damaged photos,
    entries that do not fit, boxes without area, keypoints outside of the picture and duplicate people. Warnings need
    a manual check: swapped sides, people without keypoints, keypoints far outside of the box.

    Examples:
        strongpose data check ANNOTATIONS.json --images FOLDER --out RESULTS

    Args:
        annotations: Annotation file in COCO keypoint format.
        images: Folder of its photos, or of the tar shards FOLDER-*.tar.
        out: Also write report.json with everything that was found, and contact sheets of examples, to this folder.
    """
    from strongpose.annotations import photo_folder
    from strongpose.data.check import check_data_set

    if wrong := unwritable_folder("--out", out) or not_annotations(annotations):
        return complain(wrong)
    try:
        with Progress("photos") as progress:
            skeleton, photos = check_data_set(annotations, images, progress)
        findings = [finding for photo in photos for finding in photo.findings]
        if out is not None:
            write_atomically(out / "report.json", _report(annotations, photos, findings))
            _write_sheets(photos, photo_folder(annotations, images, reads_shards=True), skeleton, out)
    except (ValueError, FileNotFoundError) as error:  # the annotations, or no photos at all
        return complain(error)
    except OSError as error:
        return complain(f"--out {out}: cannot be written ({error.strerror})")
    people = counted(sum(len(photo.keypoints) for photo in photos), "person", "people")
    print(f"{annotations}: {counted(len(photos) - 1, 'photo')}, {people}, skeleton {skeleton.name}")
    _print(findings)
    if out is not None:
        print(f"report.json and the sheets are in {out}")
    return 1 if any(finding.is_error for finding in findings) else 0


def _print(findings: Sequence[Finding]) -> None:
    from strongpose.data.check.findings import KINDS

    for kind, is_error in KINDS.items():
        found = [finding for finding in findings if finding.kind == kind]
        if found:
            print(f"{len(found):6} × {kind} ({'error' if is_error else 'warning'})")
            for finding in found[:_SHOWN]:
                print(f"         {finding.photo}{', ' if finding.photo else ''}{finding.text}")
            if len(found) > _SHOWN:
                print(f"         … and {len(found) - _SHOWN} more")
    errors = sum(finding.is_error for finding in findings)
    print(f"{counted(errors, 'error')}, {counted(len(findings) - errors, 'warning')}")


def _report(annotations: Path, photos: Sequence[CheckedPhoto], findings: Sequence[Finding]) -> str:
    from strongpose.data.check.findings import KINDS

    counts = {kind: sum(finding.kind == kind for finding in findings) for kind in KINDS}
    listed = [
        {"kind": finding.kind, "is_error": finding.is_error, "photo": finding.photo, "text": finding.text}
        for finding in findings
    ]
    about = {"annotations": str(annotations), "photos": len(photos) - 1, "counts": counts, "findings": listed}
    return json.dumps(about, indent=1) + "\n"


def _write_sheets(photos: Sequence[CheckedPhoto], images: Path, skeleton: Skeleton, out: Path) -> None:
    from strongpose.data.check.sheets import draw_findings
    from strongpose.data.photos import PhotoStore
    from strongpose.images.jpeg import encode_jpeg

    broken = {"missing photo", "unreadable photo"}
    shown = [photo for photo in photos if photo.file_name and not broken & {f.kind for f in photo.findings}]
    for name, sheet in draw_findings(shown, PhotoStore(images).open, skeleton):
        write_atomically(out / f"{name}.jpg", encode_jpeg(sheet))
