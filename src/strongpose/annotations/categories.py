"""Which categories of a COCO annotation file are people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strongpose._util.json_files import is_id, is_name
from strongpose.exceptions import AnnotationError
from strongpose.skeleton import Skeleton

__all__ = ["called", "people_categories"]


def people_categories(data: Mapping[str, Any], name: str, skeleton: Skeleton | None = None) -> list[dict[str, Any]]:
    """The categories whose annotations are people; all have the same keypoints.

    Those with the skeleton's keypoints, else the only ones with keypoints, the only ones with annotations, or those
    called "person".

    Args:
        data: content with the lists "categories" and "annotations".
        name: what messages call it.
        skeleton: the keypoints to have.

    Raises:
        AnnotationError: if there are none, or they cannot be told.
    """
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for category in data["categories"]:
        if isinstance(category, dict) and "id" in category and category.get("keypoints"):
            keypoints = category["keypoints"]
            if not is_id(category["id"]) or not isinstance(keypoints, list) or not all(map(is_name, keypoints)):
                raise AnnotationError(f"{name}: 'keypoints' of a category must be a list of names, 'id' a number")
            alike.setdefault(tuple(keypoints), []).append(category)
    if not alike:
        raise AnnotationError(f"{name}: no category has 'keypoints'; COCO's person_keypoints files are of this kind")
    if skeleton is not None:
        if skeleton.names not in alike:
            have = "; or ".join(", ".join(names) for names in alike)
            raise AnnotationError(
                f"{name}: its keypoints are {have}, but the model's are {', '.join(skeleton.names)}; "
                "`strongpose data convert --skeleton` takes keypoints by their names"
            )
        return alike[skeleton.names]
    used = [a.get("category_id") for a in data["annotations"] if isinstance(a, dict)]
    for fits in (
        lambda group: True,
        lambda group: any(c["id"] in used for c in group),
        lambda group: any(c.get("name") == "person" for c in group),
    ):
        groups = [group for group in alike.values() if fits(group)]
        if len(groups) == 1:
            return groups[0]
    listed = ", ".join(f"{called(group[0])} ({len(names)})" for names, group in alike.items())
    raise AnnotationError(
        f"{name}: has categories with different keypoints ({listed}), none of which is called person; keep one of them"
    )


def called(category: Mapping[str, Any]) -> str:
    """What messages call a category."""
    name: Any = category.get("name")
    return str(name) if is_name(name) else f"{category['id']!r:.40}"
