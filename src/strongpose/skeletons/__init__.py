"""Skeleton files: those that come with the package, by name, and anybody's, by path."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from strongpose._util.json_files import read_json
from strongpose.skeleton import COCO, COCO_19, COCO_TREE, Skeleton

__all__ = ["load_skeleton", "packaged_skeletons", "skeleton_named_like"]

_FOLDER = Path(__file__).parent
_COCO = {skeleton.name: skeleton for skeleton in (COCO, COCO_19, COCO_TREE)}


def packaged_skeletons() -> tuple[str, ...]:
    """The names that `load_skeleton` knows: COCO's three graphs, and the files in this folder."""
    return (*_COCO, *sorted(path.stem for path in _FOLDER.glob("*.json")))


def load_skeleton(name_or_path: str) -> Skeleton:
    """A skeleton by its name, or from a JSON file with the fields of `Skeleton.to_dict`.

    Args:
        name_or_path: one of `packaged_skeletons`, or a path that ends in .json.

    Raises:
        ValueError: if there is no such skeleton or file, or the file does not describe a skeleton.
    """
    if name_or_path in _COCO:
        return _COCO[name_or_path]
    if name_or_path in packaged_skeletons():
        return _packaged(name_or_path)
    if name_or_path.endswith(".json"):
        return _read(Path(name_or_path))
    raise ValueError(
        f"no skeleton {name_or_path!r}; give one of {', '.join(packaged_skeletons())}, or the path of a .json file"
    )


@cache
def _packaged(name: str) -> Skeleton:
    return _read(_FOLDER / f"{name}.json")


def _read(path: Path) -> Skeleton:
    data = read_json(path)
    try:
        return Skeleton.from_dict(data)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(f"{path}: does not describe a skeleton ({error}); docs/skeletons.md shows one") from error


def skeleton_named_like(names: tuple[str, ...]) -> Skeleton | None:
    """The packaged skeleton that has these keypoints in this order, or None."""
    return next((s for s in map(load_skeleton, packaged_skeletons()) if s.names == names), None)
