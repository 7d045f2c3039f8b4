"""Write small samples of annotation formats and read what became of them."""

import json

from PIL import Image

from strongpose.skeletons import load_skeleton


def write_photo(path, width, height):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height)).save(path)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def named(data, index=0):
    """{keypoint name: [x, y, v]} of the labelled keypoints of an annotation."""
    values = data["annotations"][index]["keypoints"]
    names = data["categories"][0]["keypoints"]
    assert len(values) == 3 * len(names)
    return {name: values[3 * k : 3 * k + 3] for k, name in enumerate(names) if values[3 * k + 2]}


def coco():
    """Two photos; a person in the first, half outside of it, a crowd, and nobody in the second."""
    keypoints = [0] * 51
    keypoints[:3] = [20, 10, 2]
    keypoints[15:18] = [-4, 30, 2]  # left shoulder, outside
    person = {"id": 5, "image_id": 7, "category_id": 1, "bbox": [-10, 5, 40, 40], "area": 800, "keypoints": keypoints}
    crowd = {**person, "id": 6, "iscrowd": 1, "keypoints": [0] * 51}
    return {
        "images": [
            {"id": 7, "file_name": "train/a.jpg", "width": 80, "height": 50},
            {"id": 8, "file_name": "b.jpg", "width": 80, "height": 50},
        ],
        "annotations": [person, crowd, {**person, "id": 9, "category_id": 2}],
        "categories": [
            {"id": 1, "name": "person", "keypoints": list(load_skeleton("coco").names)},
            {"id": 2, "name": "dog"},
        ],
    }
