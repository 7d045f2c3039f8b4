"""What a verb says of a file that another verb or option is for, known by its name."""

from __future__ import annotations

from pathlib import Path

__all__ = ["not_a_photo", "not_annotations"]

_MODELS = (".onnx", ".xml", ".safetensors", ".pt", ".pth")


def not_a_photo(path: Path) -> str | None:
    """What a file is, and what to do with it, where photos are expected; None of files that may be photos."""
    from strongpose.images.folders import is_video_name

    suffix = path.suffix.lower()
    if is_video_name(path):
        return f"{path}: is a video; `strongpose video` tracks the people in it"
    if suffix in _MODELS:
        return f"{path}: is a model, not a photo; name it with --model"
    if suffix in (".json", ".jsonl", ".csv"):
        return f"{path}: is no photo; `strongpose evaluate` takes annotation files"
    return None


def not_annotations(path: Path) -> str | None:
    """What a file is, where an annotation file is expected; None of files that may be one."""
    from strongpose.images.folders import is_photo_name, is_video_name

    expected = "expected an annotation file in COCO keypoint format, such as person_keypoints_val2017.json"
    if path.is_dir():
        return f"{path}: is a folder; {expected}"
    if is_photo_name(path):
        return f"{path}: is a photo; {expected}; `strongpose predict` finds people in photos"
    if is_video_name(path):
        return f"{path}: is a video; {expected}; `strongpose video` tracks the people in it"
    if path.suffix.lower() in _MODELS:
        return f"{path}: is a model; {expected}; name the model with --model"
    return None
