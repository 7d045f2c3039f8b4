"""OCHuman: people who hide each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from strongpose._util.json_files import read_json
from strongpose.data.convert.dataset import data_set, describe_person, keypoint_rows, required
from strongpose.exceptions import ConversionError

__all__ = ["read_ochuman"]

_VISIBILITY = {"missing": 0, "vis": 2, "self_occluded": 2, "others_occluded": 1}


def read_ochuman(path: Path) -> dict[str, Any]:
    """``ochuman.json``: photos with their people, 19 keypoints that the file names itself.

    Boxes are x0, y0, x1, y1 there. The file also says what its visibility numbers mean; as in OCHuman's own
    conversion, hidden by oneself counts as visible (2) and hidden by others as hidden (1). A person without
    keypoints becomes one that nobody labelled. Outer polygons become the segmentation; holes are left out, and
    so the area is the usual share of the box.

    Source: https://github.com/liruilong940607/OCHumanApi, ochumanApi/ochuman.py.

    Raises:
        ConversionError: if the file does not have that format; names the entry.
    """
    data = required(read_json(path), ("images", "keypoint_names", "keypoint_visible"), f"{path}")
    names, meaning = list(data["keypoint_names"]), dict(data["keypoint_visible"])
    if set(meaning) != set(_VISIBILITY):
        raise ConversionError(
            f"{path}: keypoint_visible must say what {', '.join(_VISIBILITY)} are, it has {sorted(meaning)}"
        )
    visibility = {number: _VISIBILITY[name] for name, number in meaning.items()}
    photos, people = [], []
    for i, image in enumerate(data["images"]):
        image = required(image, ("file_name", "width", "height", "annotations"), f"{path}: image {i}")
        photos.append({"id": i + 1, **{key: image[key] for key in ("file_name", "width", "height")}})
        for j, person in enumerate(image["annotations"]):
            what = f"{path}: image {i}, person {j}"
            person = required(person, ("bbox", "keypoints"), what)
            x0, y0, x1, y1 = keypoint_rows(person["bbox"], 1, 4, f"{what}, bbox")[0]
            keypoints = np.zeros((len(names), 3))
            if person["keypoints"]:
                keypoints = keypoint_rows(person["keypoints"], len(names), 3, what)
            unknown = set(keypoints[:, 2].tolist()) - set(visibility)
            if unknown:
                raise ConversionError(f"{what}: visibility {sorted(unknown)} is none of {sorted(visibility)}")
            keypoints[:, 2] = [visibility[v] for v in keypoints[:, 2]]
            polygons = (person.get("segms") or {}).get("outer")
            more = {"segmentation": polygons} if polygons else {}
            people.append(describe_person(i + 1, keypoints, [x0, y0, x1 - x0, y1 - y0], more))
    return data_set(photos, people, names)
