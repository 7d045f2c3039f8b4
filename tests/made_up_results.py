"""Made-up annotations and results, for the tests of evaluation and diagnosis."""

from __future__ import annotations

import numpy as np

from strongpose.skeleton import COCO, Skeleton


def made_up(skeleton: Skeleton = COCO, people: int = 3, detections: int = 25, noise: float = 8.0) -> tuple[dict, list]:
    """Annotations of six images and results that are partly right."""
    rng = np.random.default_rng(0)
    k = skeleton.num_keypoints
    annotations, results = [], []
    for image_id in range(6):
        truths = []
        for _ in range(people):
            corner, extent = rng.random(2) * 300, rng.uniform(20, 250, 2)
            points = np.concatenate([corner + rng.random((k, 2)) * extent, rng.integers(0, 3, (k, 1))], axis=1)
            points[points[:, 2] == 0] = 0
            truths.append(points)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": 1,
                    "iscrowd": int(rng.random() < 0.15),
                    "area": float(extent.prod() * 0.6),
                    "bbox": [*corner.tolist(), *extent.tolist()],
                    "num_keypoints": int((points[:, 2] > 0).sum()),
                    "keypoints": points.ravel().tolist(),
                }
            )
        for _ in range(detections):
            if truths and rng.random() < 0.6:
                points = truths[rng.integers(len(truths))] + rng.normal(0, noise * rng.random(), (k, 3))
            else:
                points = rng.random((k, 3)) * 400
            points[:, 2] = rng.random(k)
            results.append(
                {
                    "image_id": image_id,
                    "category_id": 1,
                    "keypoints": points.ravel().tolist(),
                    "score": float(rng.random()),
                }
            )
    names = list(skeleton.names)
    data = {
        "images": [{"id": i, "file_name": f"{i}.jpg", "width": 500, "height": 500} for i in range(6)],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": names, "skeleton": []}],
    }
    return data, results


def perfect() -> tuple[dict, list]:
    """Annotations without crowds, and results that repeat them."""
    data, _ = made_up()
    data["annotations"] = [a for a in data["annotations"] if a["num_keypoints"] and not a["iscrowd"]]
    keys = ("image_id", "category_id", "keypoints")
    return data, [{key: a[key] for key in keys} | {"score": 0.5} for a in data["annotations"]]
