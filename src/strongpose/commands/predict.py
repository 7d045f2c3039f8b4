"""``strongpose predict``: photos in, a picture and a JSON file with the poses of each out."""

from __future__ import annotations

import glob
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import FlagCreatePairsOff, Positional, arg

from strongpose.runtime import RuntimeChoice

if TYPE_CHECKING:
    import numpy as np

    from strongpose.estimator import StrongPose

__all__ = ["predict"]

_KINDS = ("poses", "fields")


def predict(
    photos: Annotated[
        Positional[tuple[str, ...]], arg(metavar="PHOTO|FOLDER|PATTERN ...", help_behavior_hint="(at least one)")
    ],
    /,
    out: Annotated[Path, arg(metavar="FOLDER")],
    model: Annotated[str, arg(metavar="NAME|PATH")] = "base",
    size: Annotated[
        tuple[int, ...], arg(metavar="PIXELS ...", help_behavior_hint="(default: what the model recommends)")
    ] = (),
    flip: FlagCreatePairsOff[bool] = False,
    bodies: FlagCreatePairsOff[bool] = False,
    fields: FlagCreatePairsOff[bool] = False,
    threshold: float = 0.25,
    keypoint_threshold: float = 0.1,
    threads: int = 0,
    runtime: RuntimeChoice = "auto",
) -> int:
    """Find the people in photos; writes NAME.poses.jpg and NAME.poses.json for each photo.

    Args:
        photos: Photos, folders of photos, or quoted patterns such as 'holiday/*.jpg'.
        out: Folder for the results; it is made if need be.
        model: A model that comes with the package, or the path of an .onnx or .xml file.
        size: Scale photos to this long side in pixels; larger finds smaller people and takes longer.
            Of several, all are looked at and averaged: better, and the times add up. Name the photos first.
        flip: Look at the mirrored photo as well: better, and half as fast.
        bodies: Also find the part of the photo that each person covers: tinted under the pose, and in the
            JSON as COCO segmentation (run-length encoding), bbox and area.
        fields: Also draw what the network predicts and how the poses grow from it: NAME.fields.jpg.
        threshold: Leave people with a lower score out.
        keypoint_threshold: Do not draw keypoints with a lower score; the JSON has them all.
        threads: CPU threads of the network; 0 takes all cores.
        runtime: What runs the network; auto takes the fastest that is installed.
    """
    from strongpose.estimator import StrongPose
    from strongpose.images import ImageError
    from strongpose.runtime import ModelError

    failed = 0
    paths: list[Path] = []
    for argument in photos:
        found = _photos(argument)
        if not found:
            failed += 1
            _complain(f"{argument}: no such photo, and no folder or pattern that holds one; check the path")
        paths += [path for path in found if path not in paths]
    if not photos:
        _complain("name at least one photo, folder or pattern; `strongpose predict --help` explains")
    if not paths:
        return 1
    try:
        out.mkdir(parents=True, exist_ok=True)
        estimator = StrongPose.from_pretrained(model, size=size or None, flip=flip, threads=threads, runtime=runtime)
    except OSError as error:
        _complain(f"--out {out}: cannot be made ({error.strerror})")
        return 1
    except ValueError as error:
        _complain(str(error))
        return 1

    done = people = 0
    start = time.perf_counter()
    for number, (path, name) in enumerate(zip(paths, _names(paths), strict=True), start=1):
        try:
            count = _predict_one(estimator, path, out / name, threshold, keypoint_threshold, bodies, fields)
        except (ImageError, ModelError) as error:
            failed += 1
            _complain(str(error))
        except OSError as error:
            failed += 1
            _complain(f"{path}: the results cannot be written to {out} ({error.strerror})")
        else:
            done += 1
            people += count
            print(f"[{number}/{len(paths)}] {path}: {count} {'person' if count == 1 else 'people'}", flush=True)
    seconds = (time.perf_counter() - start) / len(paths)
    speed = f"{seconds:.2f} s a photo with {estimator.runtime.name}"
    print(f"{done} of {len(paths)} photos, {people} people, {speed}; results in {out}")
    return 1 if failed else 0


def _photos(argument: str) -> list[Path]:
    """The photos that an argument names: itself, those in a folder, or those that fit a pattern."""
    from strongpose.images import SUFFIXES

    path = Path(argument)
    if path.is_dir():
        return [p for p in sorted(path.iterdir()) if p.suffix.lower() in SUFFIXES and p.is_file() and not _is_result(p)]
    if path.exists():
        return [path]
    return [Path(p) for p in sorted(glob.glob(argument, recursive=True)) if Path(p).is_file()]


def _is_result(path: Path) -> bool:
    """Whether a file is a picture of an earlier run into the photos' own folder."""
    return path.name.endswith(tuple(f".{kind}.jpg" for kind in _KINDS))


def _names(paths: Iterable[Path]) -> Iterator[str]:
    """A different result name for every photo, also on file systems that ignore case."""
    taken: set[str] = set()
    for path in paths:
        name, count = path.stem, 1
        while name.casefold() in taken:
            count += 1
            name = f"{path.stem}-{count}"
        taken.add(name.casefold())
        yield name


def _predict_one(
    estimator: StrongPose,
    path: Path,
    target: Path,
    threshold: float,
    keypoint_threshold: float,
    bodies: bool,
    draw_fields: bool,
) -> int:
    """Write the results of one photo to ``target`` plus ``.poses.json`` …; returns the number of people."""
    from strongpose import draw, draw_sheet
    from strongpose.body import body_regions
    from strongpose.files import write_whole
    from strongpose.images import open_image

    photo = open_image(path)
    fitted = estimator.fit(photo)
    fields = estimator.fields(photo)
    poses = estimator.decode(fields, fitted)
    poses = poses[poses.scores >= threshold]
    regions = body_regions(fields, poses, fitted) if bodies else None
    ground = photo if regions is None else draw.draw_bodies(photo, regions)
    pictures = {"poses": draw.draw_poses(ground, poses, keypoint_threshold)}
    if draw_fields:
        pictures["fields"] = draw_sheet.draw_fields(fields, fitted, poses, estimator.options)
    for kind, picture in pictures.items():
        write_whole(target.with_name(f"{target.name}.{kind}.jpg"), _jpeg(picture))
    about = {"photo": str(path), "width": photo.shape[1], "height": photo.shape[0]}
    details = None if regions is None else [region.to_coco() for region in regions]
    write_whole(target.with_name(f"{target.name}.poses.json"), poses.to_json(about, details))
    return len(poses)


def _jpeg(picture: np.ndarray) -> bytes:
    """(H, W, 3) uint8 RGB as the bytes of a JPEG file."""
    import cv2

    done, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    if not done:
        raise OSError(0, f"a picture of {picture.shape[1]}×{picture.shape[0]} pixels does not fit a JPEG file")
    return data.tobytes()


def _complain(message: str) -> None:
    print(f"strongpose: {message}", file=sys.stderr, flush=True)
