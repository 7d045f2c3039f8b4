"""``strongpose annotate``: completes a data set with keypoints of people who have none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from strongpose._util.lines import counted
from strongpose._util.terminal import Progress, complain, say
from strongpose.commands.help_texts import BESIDE
from strongpose.commands.inputs import not_annotations
from strongpose.commands.options import Flag
from strongpose.commands.outputs import unwritable_file
from strongpose.runtime import RuntimeChoice

__all__ = ["SIZE", "annotate"]

SIZE = (353,)
"""Long sides of enlarged crops, in pixels."""


def annotate(
    annotations: Annotated[Positional[Path], arg(metavar="ANNOTATIONS.json")],
    /,
    out: Annotated[Path, arg(metavar="OUT.json")],
    images: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint=BESIDE)] = None,
    model: Annotated[str, arg(metavar="NAME|PATH")] = "base",
    size: Annotated[tuple[int, ...], arg(metavar="PIXELS ...")] = SIZE,
    flip: Flag = False,
    least_score: float = 0.35,
    least_keypoint_score: float = 0.3,
    margin: float = 0.5,
    detections: Flag = False,
    again: Flag = False,
    threads: int = 0,
    runtime: RuntimeChoice = "auto",
) -> int:
    """Find the keypoints of annotated people who have none.

    Adds pseudo-labels: keypoints found in an enlarged crop. Human labels stay as they are. Every annotation states
    its keypoint_source: human as given, strongpose with a keypoint_score, or ignore: no confident pose was found,
    and training masks the box out.

    Examples:
        strongpose annotate ANNOTATIONS.json --images FOLDER --out OUT.json

    Args:
        annotations: Annotation file in COCO keypoint format.
        images: Folder of its photos, or of the tar shards FOLDER-*.tar.
        out: The completed annotation file to write.
        model: A model that comes with the package (accurate, base, or fast, which needs OpenVINO), or the path of an
            .onnx or .xml file.
        size: Input resolution: long side of the crop around a person in pixels. Several sizes: multi-scale testing
            (poses are merged).
        flip: Flip augmentation: also run on the horizontally flipped crops and average; more accurate,
            twice the latency.
        least_score: Minimum score of a pose.
        least_keypoint_score: Minimum score of a keypoint; at least four must reach it.
        margin: Margin around a box on every side of the crop, relative to the box's long side.
        detections: Also process whole photos and label unannotated people.
        again: Also process ignore regions (keypoint_source) again, for a pose that fills them.
        threads: CPU threads of the network; 0 takes all cores.
        runtime: Inference runtime; auto takes ONNX Runtime where it can use an NVIDIA GPU,
            else OpenVINO if it is installed, else ONNX Runtime.
    """
    from strongpose._util.atomic_write import write_atomically
    from strongpose._util.json_files import read_json
    from strongpose.annotate.closer_look import AnnotateOptions
    from strongpose.annotate.complete import complete_annotations
    from strongpose.annotations import photo_folder, read_annotations
    from strongpose.data.photos import PhotoStore
    from strongpose.inference import StrongPose

    if out.suffix != ".json":
        return complain(f"--out {out}: the name must end in .json")
    if reason := unwritable_file("--out", out) or not_annotations(annotations):
        return complain(reason)
    try:
        options = AnnotateOptions(least_score, least_keypoint_score, margin=margin, again=again)
        photos = PhotoStore(photo_folder(annotations, images, reads_shards=True))
        estimator = StrongPose.from_pretrained(model, size=size, flip=flip, threads=threads, runtime=runtime)
        detector = StrongPose(estimator.runtime, flip=flip) if detections else None
        read_annotations(annotations, estimator.info.skeleton, say)
        data = read_json(annotations)  # with what read_annotations leaves out
        with Progress("photos") as progress:
            done = complete_annotations(estimator, data, photos.open, options, detector, progress)
    except (ValueError, FileNotFoundError) as error:  # the model, an option, the annotations, or no photos
        return complain(error)
    for wrong in done.errors:
        complain(f"{wrong}; its annotations are kept as they were")
    try:
        write_atomically(out, json.dumps(done.data))
    except OSError as error:
        return complain(f"--out {out}: cannot be written ({error.strerror})")
    photos_done = counted(len(data["images"]), "photo")
    counts = ", ".join(f"{count} {source}" for source, count in done.counts.items())
    print(f"{out}: {photos_done}; {counts or 'nobody'}")
    return 1 if done.errors else 0
