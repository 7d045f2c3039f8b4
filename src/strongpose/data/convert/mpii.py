"""MPII Human Pose in its usual JSON form, one entry a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from strongpose._util.json_files import read_json
from strongpose.data.convert.dataset import data_set, describe_person, keypoint_rows, photo_size, required
from strongpose.exceptions import ConversionError
from strongpose.skeletons import load_skeleton

__all__ = ["read_mpii"]


def read_mpii(path: Path, images: Path | None) -> dict[str, Any]:
    """A list of {"image", "joints" (16 × x, y), "joints_vis" (16), "center", "scale"}, as train.json and valid.json.

    Joints are right ankle, knee, hip, left hip, knee, ankle, pelvis, thorax, upper neck, head top, right wrist,
    elbow, shoulder, left shoulder, elbow, wrist, sides as the person's own. Coordinates are Matlab's, which count
    from 1, and become COCO's by subtracting 1. joints_vis 1 becomes visibility 2, 0 unlabelled. MPII labels some of
    a photo's people only; the others are absent.

    Source: http://human-pose.mpi-inf.mpg.de/#download for the order of the joints; the JSON form is the one that
    https://github.com/leoxiaobin/deep-high-resolution-net.pytorch (lib/dataset/mpii.py) reads.

    Raises:
        ConversionError: if the file does not have that format, or a photo is missing; names the entry.
    """
    skeleton = load_skeleton("mpii16")
    entries = read_json(path)
    if not isinstance(entries, list):
        raise ConversionError(f"{path}: expected a list of people, got a {type(entries).__name__}")
    photos: dict[str, dict[str, Any]] = {}
    people = []
    for i, entry in enumerate(entries):
        what = f"{path}: entry {i}"
        entry = required(entry, ("image", "joints", "joints_vis"), what)
        joints = keypoint_rows(entry["joints"], skeleton.num_keypoints, 2, what) - 1
        labelled = keypoint_rows(entry["joints_vis"], skeleton.num_keypoints, 1, f"{what}, joints_vis") > 0
        name = str(entry["image"])
        if name not in photos:
            width, height = photo_size(images, name, what)
            photos[name] = {"id": len(photos) + 1, "file_name": name, "width": width, "height": height}
        keypoints = np.concatenate([joints, np.where(labelled, 2, 0)], axis=1)
        people.append(describe_person(photos[name]["id"], keypoints))
    return data_set(list(photos.values()), people, skeleton)
